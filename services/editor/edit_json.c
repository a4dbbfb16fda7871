/* edit_json.c: an edit as `[5,"abc",-2]`. */
#include "services/editor/edit.h"
#include "services/wire/jscan.h"

void fl_edit_print(const struct fl_edit *edit, struct fl_buf *out)
{
    fl_buf_putc(out, '[');
    for (size_t i = 0; i < edit->count; i++) {
        const struct fl_edit_part *part = &edit->parts[i];
        if (i > 0) fl_buf_putc(out, ',');
        if (part->kind == FL_EDIT_INSERT) {
            fl_buf_putc(out, '"');
            fl_units_put_json(out, edit->units + part->from, part->count);
            fl_buf_putc(out, '"');
        } else {
            fl_buf_printf(out, "%s%u", part->kind == FL_EDIT_DELETE ? "-" : "", part->count);
        }
    }
    fl_buf_putc(out, ']');
}

/* The units of the insert under way; joined to the edit in runs. */
struct run {
    struct fl_edit *edit;
    uint16_t units[512];
    size_t count, total;
};

static int run_flush(struct run *run)
{
    fl_edit_insert(run->edit, run->units, run->count);
    run->count = 0;
    return run->edit->units_len > FL_EDIT_INSERTED_MAX ? FL_ERANGE : 0;
}

static int run_add(struct run *run, const uint16_t *units, size_t count)
{
    if (run->count + count > FL_COUNT(run->units) && run_flush(run) != 0) return FL_ERANGE;
    memcpy(run->units + run->count, units, count * sizeof *units);
    run->count += count;
    run->total += count;
    return 0;
}

/** The unit of `\uXXXX` behind the backslash and the u. */
static uint16_t escape_unit(const char *at)
{
    unsigned unit = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)at[i];
        unit = unit << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return (uint16_t)unit;
}

/** One character of a checked string, escaped or not; the number of units, 0: not a text's. */
static size_t take_char(struct fl_str *rest, uint16_t out[2])
{
    if (rest->at[0] != '\\') return fl_units_take_utf8(rest, out);
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (rest->at[1] != 'u') {
        const char *found = strchr(from, rest->at[1]);
        FL_ASSERT(found != NULL); /* the scanner has seen to it */
        out[0] = (uint16_t)to[found - from];
        *rest = (struct fl_str){rest->at + 2, rest->len - 2};
        return 1;
    }
    out[0] = escape_unit(rest->at + 2);
    *rest = (struct fl_str){rest->at + 6, rest->len - 6};
    if (fl_unit_is_low(out[0])) return 0;
    if (!fl_unit_is_high(out[0])) return 1;
    if (rest->len < 6 || rest->at[0] != '\\' || rest->at[1] != 'u') return 0;
    out[1] = escape_unit(rest->at + 2);
    *rest = (struct fl_str){rest->at + 6, rest->len - 6};
    return fl_unit_is_low(out[1]) ? 2 : 0;
}

static int parse_insert(struct fl_str value, struct fl_edit *edit)
{
    struct run run = {.edit = edit};
    struct fl_str rest = {value.at + 1, value.len - 2};
    while (rest.len > 0) {
        uint16_t units[2];
        size_t count = take_char(&rest, units);
        if (count == 0 || units[0] == '\r') return FL_EBADMSG;
        if (run_add(&run, units, count) != 0) return FL_ERANGE;
    }
    return run.total == 0 ? FL_EBADMSG : run_flush(&run);
}

/** A whole number other than 0, within a text's size. */
static int parse_count(struct fl_str value, struct fl_edit *edit)
{
    bool deletes = value.at[0] == '-';
    size_t count = 0;
    for (size_t i = deletes ? 1 : 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9') return FL_EBADMSG;
        count = count * 10 + (size_t)(value.at[i] - '0');
        if (count > FL_TEXT_UNITS_MAX) return FL_ERANGE;
    }
    if (count == 0) return FL_EBADMSG;
    if (deletes)
        fl_edit_delete(edit, count);
    else
        fl_edit_retain(edit, count);
    bool too_long = edit->base_len > FL_TEXT_UNITS_MAX || edit->target_len > FL_TEXT_UNITS_MAX;
    return too_long ? FL_ERANGE : 0;
}

int fl_edit_parse(struct fl_str json, struct fl_edit *edit)
{
    fl_edit_clear(edit);
    struct fl_str rest = json;
    if (!fl_jscan_punct(&rest, '[')) return FL_EBADMSG;
    if (fl_jscan_punct(&rest, ']')) return rest.len == 0 ? 0 : FL_EBADMSG;
    do {
        struct fl_str value;
        if (fl_jscan_take(&rest, &value) != 0) return FL_EBADMSG;
        value = fl_str_trim(value);
        bool is_text = value.at[0] == '"';
        int rc = is_text ? parse_insert(value, edit) : parse_count(value, edit);
        if (rc != 0) return rc;
        if (edit->count > FL_EDIT_PARTS_MAX) return FL_ERANGE;
    } while (fl_jscan_punct(&rest, ','));
    if (!fl_jscan_punct(&rest, ']') || rest.len != 0) return FL_EBADMSG;
    return edit->target_len > FL_TEXT_UNITS_MAX ? FL_ERANGE : 0;
}
