#include "services/dashboard/store.h"

#include <math.h>

#include "runtime/base/json.h"

const struct fl_store_ring_spec fl_store_rings[FL_STORE_RINGS] = {
    {"1m", 100 * FL_NS_PER_MS, 600},
    {"15m", FL_NS_PER_S, 900},
    {"3h", 10 * FL_NS_PER_S, 1080},
};

struct ring {
    float *values;  /* by slot number modulo the slots */
    int64_t newest; /* slot number of the newest value; -1: none */
    double sum;     /* of what fell into the newest slot */
    int count;
};
struct line {
    struct fl_series what;
    struct ring rings[FL_STORE_RINGS];
    double last;
    fl_ns last_ns;
};
struct fl_store {
    struct line *lines[FL_STORE_SERIES];
    size_t count;
    uint64_t generation, dropped;
};

struct fl_store *fl_store_new(void)
{
    return fl_new(struct fl_store);
}

static void line_free(struct line *line)
{
    for (int i = 0; i < FL_STORE_RINGS; i++)
        free(line->rings[i].values);
    free(line);
}

void fl_store_free(struct fl_store *store)
{
    if (store == NULL) return;
    for (size_t i = 0; i < store->count; i++)
        line_free(store->lines[i]);
    free(store);
}

/* ---- values ---- */

static void ring_put(struct ring *ring, const struct fl_store_ring_spec *spec, double value,
                     fl_ns at_ns)
{
    int64_t slot = at_ns / spec->step_ns;
    if (slot < ring->newest) return; /* the clock does not go back; a late one is not worth it */
    if (slot > ring->newest) {
        int64_t from = ring->newest < 0 || slot - ring->newest > spec->slots ? slot - spec->slots
                                                                             : ring->newest;
        for (int64_t gap = from + 1; gap < slot; gap++)
            if (gap >= 0) ring->values[gap % spec->slots] = NAN;
        ring->newest = slot;
        ring->sum = 0;
        ring->count = 0;
    }
    ring->sum += value;
    ring->count++;
    ring->values[slot % spec->slots] = (float)(ring->sum / ring->count);
}

static struct line *line_new(const struct fl_series *series)
{
    struct line *line = fl_new(struct line);
    line->what = *series;
    for (int i = 0; i < FL_STORE_RINGS; i++) {
        line->rings[i].values = fl_new_array(float, (size_t)fl_store_rings[i].slots);
        line->rings[i].newest = -1;
        for (int slot = 0; slot < fl_store_rings[i].slots; slot++)
            line->rings[i].values[slot] = NAN;
    }
    return line;
}

static bool is_line(const struct line *line, const struct fl_series *series)
{
    return strcmp(line->what.name, series->name) == 0 &&
           strcmp(line->what.group, series->group) == 0 &&
           strcmp(line->what.source, series->source) == 0;
}

bool fl_store_put(struct fl_store *store, const struct fl_series *series, double value, fl_ns at_ns)
{
    if (!isfinite(value)) return true;
    size_t i = 0;
    while (i < store->count && !is_line(store->lines[i], series))
        i++;
    if (i == FL_STORE_SERIES) {
        store->dropped++;
        return false;
    }
    if (i == store->count) {
        store->lines[store->count++] = line_new(series);
        store->generation++;
    }
    struct line *line = store->lines[i];
    line->last = value;
    line->last_ns = at_ns;
    for (int ring = 0; ring < FL_STORE_RINGS; ring++)
        ring_put(&line->rings[ring], &fl_store_rings[ring], value, at_ns);
    return true;
}

void fl_store_drop_before(struct fl_store *store, fl_ns at_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < store->count; i++) {
        if (store->lines[i]->last_ns >= at_ns)
            store->lines[kept++] = store->lines[i];
        else
            line_free(store->lines[i]);
    }
    if (kept != store->count) store->generation++;
    store->count = kept;
}

uint64_t fl_store_generation(const struct fl_store *store)
{
    return store->generation;
}

size_t fl_store_count(const struct fl_store *store)
{
    return store->count;
}

uint64_t fl_store_dropped(const struct fl_store *store)
{
    return store->dropped;
}

/* ---- as JSON ---- */

static void put_number(struct fl_buf *out, double value)
{
    if (isfinite(value))
        fl_buf_printf(out, "%.6g", value);
    else
        fl_buf_puts(out, "null");
}

void fl_store_put_values(const struct fl_store *store, fl_ns now_ns, fl_ns max_age_ns,
                         struct fl_buf *out)
{
    fl_buf_putc(out, '[');
    for (size_t i = 0; i < store->count; i++) {
        const struct line *line = store->lines[i];
        if (i > 0) fl_buf_putc(out, ',');
        put_number(out, now_ns - line->last_ns <= max_age_ns ? line->last : (double)NAN);
    }
    fl_buf_putc(out, ']');
}

void fl_store_put_table(const struct fl_store *store, struct fl_buf *out)
{
    fl_buf_printf(out, "{\"generation\":%llu,\"series\":[", (unsigned long long)store->generation);
    for (size_t i = 0; i < store->count; i++) {
        const struct fl_series *what = &store->lines[i]->what;
        fl_buf_puts(out, i > 0 ? ",{\"source\":" : "{\"source\":");
        fl_json_put_str(out, fl_str_of(what->source));
        fl_buf_puts(out, ",\"group\":");
        fl_json_put_str(out, fl_str_of(what->group));
        fl_buf_puts(out, ",\"name\":");
        fl_json_put_str(out, fl_str_of(what->name));
        fl_buf_puts(out, ",\"unit\":");
        fl_json_put_str(out, fl_str_of(what->unit));
        fl_buf_putc(out, '}');
    }
    fl_buf_puts(out, "]}");
}

static void put_line(struct fl_buf *out, const struct ring *ring,
                     const struct fl_store_ring_spec *spec, int64_t first, int64_t last)
{
    fl_buf_putc(out, '[');
    for (int64_t slot = first; slot <= last; slot++) {
        bool is_there = slot >= 0 && slot <= ring->newest && slot > ring->newest - spec->slots;
        if (slot > first) fl_buf_putc(out, ',');
        put_number(out, is_there ? (double)ring->values[slot % spec->slots] : (double)NAN);
    }
    fl_buf_putc(out, ']');
}

void fl_store_put_points(const struct fl_store *store, int ring, fl_ns now_ns, struct fl_buf *out)
{
    FL_ASSERT(ring >= 0 && ring < FL_STORE_RINGS);
    const struct fl_store_ring_spec *spec = &fl_store_rings[ring];
    int64_t last = now_ns / spec->step_ns, first = last - spec->slots + 1;
    if (first < 0) first = 0;
    /* not before the oldest of all: a page that has just begun is not sent an hour of gaps */
    int64_t oldest = last;
    for (size_t i = 0; i < store->count; i++) {
        const struct ring *one = &store->lines[i]->rings[ring];
        for (int64_t slot = first; slot < oldest; slot++)
            if (slot <= one->newest && slot > one->newest - spec->slots &&
                isfinite(one->values[slot % spec->slots]))
                oldest = slot;
    }
    first = oldest;
    fl_buf_printf(out,
                  "{\"generation\":%llu,\"span\":\"%s\",\"from_ns\":%lld,\"step_ns\":%lld,"
                  "\"points\":[",
                  (unsigned long long)store->generation, spec->name,
                  (long long)(first * spec->step_ns), (long long)spec->step_ns);
    for (size_t i = 0; i < store->count; i++) {
        if (i > 0) fl_buf_putc(out, ',');
        put_line(out, &store->lines[i]->rings[ring], spec, first, last);
    }
    fl_buf_puts(out, "]}");
}

int fl_store_ring_find(struct fl_str name)
{
    for (int i = 0; i < FL_STORE_RINGS; i++)
        if (fl_str_is(name, fl_store_rings[i].name)) return i;
    return -1;
}
