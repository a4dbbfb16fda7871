#include "runtime/sup_child.h"

#define SHUTDOWN_OF_WORKER fl_s(5)
#define JITTER_MOST 100

int fl_sup_opts_check(const struct fl_sup_opts *opts)
{
    if ((unsigned)opts->strategy > FL_DYNAMIC) return FL_EBADSTRATEGY;
    if (opts->max_restarts < 0) return FL_EBADINTENSITY;
    if (opts->within_ns < 0) return FL_EBADPERIOD;
    if ((unsigned)opts->auto_shutdown > FL_ALL_SIGNIFICANT) return FL_EBADAUTOSHUTDOWN;
    return 0;
}

int fl_sup_spec_check(const struct fl_child *spec, enum fl_auto_shutdown auto_shutdown)
{
    if (spec->id == NULL) return FL_ENOID;
    if (spec->server == NULL) return FL_ENOSERVER;
    if ((unsigned)spec->restart > FL_TEMPORARY) return FL_EBADRESTART;
    if (spec->shutdown_ns < FL_SHUTDOWN_BRUTAL) return FL_EBADSHUTDOWN;
    if ((unsigned)spec->type > FL_CHILD_SUPERVISOR) return FL_EBADTYPE;
    bool may_be_significant = spec->restart != FL_PERMANENT && auto_shutdown != FL_NEVER_BY_CHILD;
    if (spec->significant && !may_be_significant) return FL_EBADSIGNIFICANT;
    const struct fl_backoff *backoff = &spec->backoff;
    bool is_jitter_ok = backoff->jitter_percent >= 0 && backoff->jitter_percent <= JITTER_MOST;
    if (backoff->min_ns < 0 || backoff->max_ns < 0 || !is_jitter_ok) return FL_ERANGE;
    bool is_policy = spec->shard >= FL_SHARD_LEAST && spec->shard <= 0;
    bool is_shard = spec->shard >= FL_SHARD(0) && spec->shard < FL_SHARD(FL_SHARDS_MAX);
    if (!is_policy && !is_shard) return FL_ERANGE;
    return 0;
}

void fl_sup_spec_fill(struct fl_child *spec)
{
    if (spec->type == FL_CHILD_AUTO)
        spec->type = spec->server == &fl_sup_server ? FL_CHILD_SUPERVISOR : FL_CHILD_WORKER;
    if (spec->shutdown_ns == FL_SHUTDOWN_DEFAULT)
        spec->shutdown_ns = spec->type == FL_CHILD_SUPERVISOR ? FL_SHUTDOWN_INFINITY
                                                              : SHUTDOWN_OF_WORKER;
    if (spec->backoff.max_ns < spec->backoff.min_ns) spec->backoff.max_ns = spec->backoff.min_ns;
}

/* ---- a spec in a block of its own, or in a message: args first, since they may need alignment */

static size_t text_bytes(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

static size_t tail_bytes(const struct fl_child *spec)
{
    return spec->args_bytes + text_bytes(spec->id) + text_bytes(spec->name);
}

static char *put(char *at, const void *bytes, size_t len)
{
    if (len > 0) memcpy(at, bytes, len);
    return at + len;
}

static void put_tail(char *at, const struct fl_child *spec)
{
    FL_ASSERT(at != NULL);
    at = put(at, spec->args, spec->args_bytes);
    at = put(at, spec->id, text_bytes(spec->id));
    put(at, spec->name, text_bytes(spec->name));
}

static void point_into(struct fl_child *spec, const char *at)
{
    if (spec->args_bytes > 0) spec->args = at;
    at += spec->args_bytes;
    spec->id = spec->id == NULL ? NULL : at;
    at += text_bytes(spec->id);
    spec->name = spec->name == NULL ? NULL : at;
}

void fl_sup_spec_own(struct fl_child *spec)
{
    FL_ASSERT(spec->id != NULL);
    char *block = fl_alloc(tail_bytes(spec));
    put_tail(block, spec);
    point_into(spec, block);
}

void fl_sup_spec_disown(struct fl_child *spec)
{
    const void *block = spec->args_bytes > 0 ? spec->args : (const void *)spec->id;
    free((void *)(uintptr_t)block);
    spec->id = spec->name = NULL;
}

#define SPEC_BYTES ((sizeof(struct fl_child) + 15) / 16 * 16)

size_t fl_sup_spec_bytes(const struct fl_child *spec)
{
    return SPEC_BYTES + tail_bytes(spec);
}

void fl_sup_spec_encode(void *out, const struct fl_child *spec)
{
    FL_ASSERT(out != NULL);
    memcpy(out, spec, sizeof *spec);
    put_tail((char *)out + SPEC_BYTES, spec);
}

int fl_sup_spec_decode(struct fl_child *out, const void *bytes, size_t len)
{
    if (len < SPEC_BYTES) return FL_EBADMSG;
    struct fl_child spec;
    memcpy(&spec, bytes, sizeof spec);
    const char *at = (const char *)bytes + SPEC_BYTES, *end = (const char *)bytes + len;
    size_t texts_count = (spec.id != NULL) + (size_t)(spec.name != NULL);
    if ((size_t)(end - at) < spec.args_bytes) return FL_EBADMSG;
    for (const char *text = at + spec.args_bytes; texts_count > 0; texts_count--) {
        size_t text_len = strnlen(text, (size_t)(end - text));
        if (text + text_len == end) return FL_EBADMSG;
        text += text_len + 1;
    }
    point_into(&spec, at);
    *out = spec;
    return 0;
}
