#include "runtime/pid.h"

#include <inttypes.h>

#include "runtime/core.h"

/* As table.c makes them: shard:8 | kind:1 | generation:31 | slot:24. */
#define SLOT_BITS 24
#define GENERATION_MASK UINT64_C(0x7fffffff)

const char *fl_pid_show(struct fl_pid pid, char *out, size_t out_len)
{
    FL_ASSERT(out_len > 0);
    if (pid.bits == 0)
        snprintf(out, out_len, "<>");
    else
        snprintf(out, out_len, "<%" PRIu64 ".%" PRIu64 ".%" PRIu64 "%s>", pid.bits >> 56,
                 pid.bits & (FL_ID_SLOTS_MAX - 1), pid.bits >> SLOT_BITS & GENERATION_MASK,
                 pid.bits & FL_ID_ALIAS ? "a" : "");
    return out;
}

static bool number_take(const char **text, uint64_t most, uint64_t *out)
{
    const char *at = *text;
    if (*at < '0' || *at > '9') return false;
    for (*out = 0; *at >= '0' && *at <= '9'; at++) {
        *out = *out * 10 + (uint64_t)(*at - '0');
        if (*out > most) return false;
    }
    *text = at;
    return true;
}

static bool char_take(const char **text, char c)
{
    if (**text != c) return false;
    ++*text;
    return true;
}

bool fl_pid_parse(const char *text, struct fl_pid *out)
{
    uint64_t shard, slot, generation;
    FL_ASSERT(out != NULL);
    bool is_pid = char_take(&text, '<') && number_take(&text, 0xff, &shard) &&
                  char_take(&text, '.') && number_take(&text, FL_ID_SLOTS_MAX - 1, &slot) &&
                  char_take(&text, '.') && number_take(&text, GENERATION_MASK, &generation);
    if (!is_pid) return false;
    uint64_t alias = char_take(&text, 'a') ? FL_ID_ALIAS : 0;
    if (!char_take(&text, '>') || *text != '\0') return false;
    out->bits = shard << 56 | alias | generation << SLOT_BITS | slot;
    return true;
}
