#include "runtime/sim_world.h"

/* A schedule as a word:
 *
 *     1 ppp fff <seed> <choices> <deviations…> cc
 *
 * The version; 18 bits of the program's name; 18 bits of a hash of every choice, which say whether
 * it is still the same program; numbers; and 12 bits over all of it, which say whether the word was
 * copied whole. Each letter stands for 6 bits; a number takes as many letters as it needs, 5 bits
 * in each, lowest first, the sixth bit is "more follows". A deviation is (choices that went to the
 * first candidate since the last one) * 2 + is it a run, index - 1, and for a run of equal ones how
 * many more, less one. */

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#define FIXED_LETTERS 9 /* version, program, fingerprint, check */

static uint32_t name_hash(const char *program)
{
    return (uint32_t)fl_hash_bytes(program, strlen(program)) & 0x3ffff;
}

static uint32_t check_of(const char *text, size_t len)
{
    return (uint32_t)fl_hash_bytes(text, len) & 0xfff;
}

static void put_bits(struct fl_buf *out, uint32_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        fl_buf_putc(out, letters[value >> (6 * i) & 63]);
}

static void put_number(struct fl_buf *out, uint64_t value)
{
    for (; value >= 32; value >>= 5)
        fl_buf_putc(out, letters[(value & 31) | 32]);
    fl_buf_putc(out, letters[value]);
}

static void put_deviations(struct fl_buf *out, const struct fl_sim_script *script)
{
    uint32_t before = 0;
    for (size_t i = 0; i < script->count;) {
        struct fl_sim_deviation first = script->deviations[i];
        uint32_t gap = first.choice - before - 1, last = first.choice;
        size_t more = 0;
        for (size_t k = i + 1; k < script->count; k++, more++) {
            struct fl_sim_deviation next = script->deviations[k];
            if (next.choice - last - 1 != gap || next.index != first.index) break;
            last = next.choice;
        }
        put_number(out, (uint64_t)gap * 2 + (more > 0));
        put_number(out, first.index - 1);
        if (more > 0) put_number(out, more - 1);
        i += more + 1;
        before = last;
    }
}

char *fl_sim_string_render(const struct fl_sim_script *script, const char *program)
{
    struct fl_buf out = {0};
    fl_buf_putc(&out, '1');
    put_bits(&out, name_hash(program), 3);
    put_bits(&out, script->fingerprint, 3);
    put_number(&out, script->seed);
    put_number(&out, script->choices);
    put_deviations(&out, script);
    put_bits(&out, check_of(out.at, out.len), 2);
    return fl_buf_take(&out);
}

struct reader {
    const char *at, *end;
    bool is_bad;
};

static uint32_t take_letter(struct reader *in)
{
    const char *found = in->at < in->end ? memchr(letters, *in->at, 64) : NULL;
    if (found == NULL) {
        in->is_bad = true;
        return 0;
    }
    in->at++;
    return (uint32_t)(found - letters);
}

static uint32_t take_bits(struct reader *in, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= take_letter(in) << (6 * i);
    return value;
}

static uint64_t take_number(struct reader *in, uint64_t most)
{
    uint64_t value = 0;
    uint32_t letter = 32;
    for (unsigned shift = 0; (letter & 32) && !in->is_bad; shift += 5) {
        letter = take_letter(in);
        if (shift > 60 || (shift == 60 && (letter & 31) > 15)) in->is_bad = true;
        if (!in->is_bad) value |= (uint64_t)(letter & 31) << shift;
    }
    if (value > most) in->is_bad = true;
    return in->is_bad ? 0 : value;
}

static void take_deviations(struct reader *in, struct fl_sim_script *script)
{
    uint64_t choice = 0;
    while (in->at < in->end && !in->is_bad) {
        uint64_t gap = take_number(in, UINT32_MAX);
        uint64_t index = take_number(in, UINT32_MAX - 1) + 1;
        uint64_t times = gap & 1 ? take_number(in, UINT32_MAX) + 2 : 1;
        for (; times > 0 && !in->is_bad; times--) {
            choice += gap / 2 + 1;
            if (choice > script->choices || script->count == FL_SIM_DEVIATIONS_MAX)
                in->is_bad = true;
            if (in->is_bad) return;
            fl_sim_script_add(script, (struct fl_sim_deviation){(uint32_t)choice, (uint32_t)index});
        }
    }
}

int fl_sim_string_parse(const char *text, const char *program, struct fl_sim_script *script,
                        struct fl_err *err)
{
    size_t len = text == NULL ? 0 : strlen(text);
    *script = (struct fl_sim_script){0};
    if (len < FIXED_LETTERS || text[0] != '1')
        return fl_err_set(err, FL_EPARSE, "this is no schedule: one starts with 1 and is longer");
    struct reader check = {text + len - 2, text + len, false};
    if (take_bits(&check, 2) != check_of(text, len - 2) || check.is_bad)
        return fl_err_set(err, FL_EPARSE, "this schedule was cut or mistyped: its check is wrong");
    struct reader in = {text + 1, text + len - 2, false};
    if (take_bits(&in, 3) != name_hash(program))
        return fl_err_set(err, FL_ENOTFOUND, "this schedule is of another program than \"%s\"",
                          program);
    script->fingerprint = take_bits(&in, 3);
    script->seed = take_number(&in, UINT64_MAX);
    script->choices = take_number(&in, UINT32_MAX);
    take_deviations(&in, script);
    if (!in.is_bad) return 0;
    fl_sim_script_fini(script);
    return fl_err_set(err, FL_EPARSE, "this schedule makes no sense: its check is right by chance");
}
