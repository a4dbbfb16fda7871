#include "runtime/base/failpoint.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "runtime/base/rng.h"
#include "runtime/base/units.h"

#define RULES_MAX 32
#define NAME_BYTES 64
#define ERRNO_MAX 134

struct rule {
    char name[NAME_BYTES];
    struct fl_failpoint_opts opts;
    struct fl_rng rng;
    uint64_t reached, hits;
};

/* Nothing in here allocates: the place that asks may be the allocator. */
struct registry {
    pthread_mutex_t mutex;
    struct rule rules[RULES_MAX]; /* in the order in which they were enabled */
};

/* The one state of the program that hangs off no node, see docs/adr/0005-failpoints.md. */
static struct registry registry = {.mutex = PTHREAD_MUTEX_INITIALIZER};
atomic_uint fl_failpoint_rules_count;

static unsigned rules_count(void)
{
    return atomic_load_explicit(&fl_failpoint_rules_count, memory_order_relaxed);
}

static struct rule *rule_find(const char *name)
{
    for (unsigned i = 0; i < rules_count(); i++)
        if (strcmp(registry.rules[i].name, name) == 0) return &registry.rules[i];
    return NULL;
}

static bool rule_matches(const struct rule *rule, const char *place)
{
    size_t len = strlen(rule->name);
    if (len > 0 && rule->name[len - 1] == '*') return strncmp(rule->name, place, len - 1) == 0;
    return strcmp(rule->name, place) == 0;
}

static bool rule_fails(struct rule *rule)
{
    const struct fl_failpoint_opts *opts = &rule->opts;
    rule->reached++;
    if (rule->reached < opts->nth) return false;
    if (opts->once && rule->hits > 0) return false;
    if (opts->probability > 0 && fl_rng_unit(&rule->rng) >= opts->probability) return false;
    rule->hits++;
    return true;
}

int fl_failpoint_reach(const char *name)
{
    int failinfo = 0;
    pthread_mutex_lock(&registry.mutex);
    for (unsigned i = rules_count(); i > 0; i--) {
        struct rule *rule = &registry.rules[i - 1];
        if (!rule_matches(rule, name)) continue;
        if (rule_fails(rule)) failinfo = rule->opts.failinfo;
        break;
    }
    pthread_mutex_unlock(&registry.mutex);
    if (failinfo != 0) errno = failinfo;
    return failinfo;
}

static void rule_remove(struct rule *rule)
{
    unsigned count = rules_count();
    FL_ASSERT(count > 0);
    size_t after = (size_t)(registry.rules + count - (rule + 1));
    memmove(rule, rule + 1, after * sizeof *rule);
    atomic_store_explicit(&fl_failpoint_rules_count, count - 1, memory_order_relaxed);
}

int fl_failpoint_enable(const char *name, const struct fl_failpoint_opts *opts)
{
    struct rule fresh = {.opts = *opts};
    size_t len = strlen(name);
    if (!FL_FAILPOINTS) return FL_ESTATE;
    if (len == 0 || len >= sizeof fresh.name) return FL_ERANGE;
    if (!(opts->probability >= 0 && opts->probability <= 1) || opts->failinfo < 0) return FL_ERANGE;
    memcpy(fresh.name, name, len + 1);
    if (fresh.opts.failinfo == 0) fresh.opts.failinfo = EIO;
    fl_rng_init_named(&fresh.rng, opts->seed, name);

    pthread_mutex_lock(&registry.mutex);
    struct rule *old = rule_find(name);
    if (old != NULL) rule_remove(old);
    unsigned count = rules_count();
    int rc = count == RULES_MAX ? FL_EFULL : 0;
    if (rc == 0) {
        registry.rules[count] = fresh;
        atomic_store_explicit(&fl_failpoint_rules_count, count + 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&registry.mutex);
    return rc;
}

int fl_failpoint_disable(const char *name)
{
    pthread_mutex_lock(&registry.mutex);
    struct rule *rule = rule_find(name);
    if (rule != NULL) rule_remove(rule);
    pthread_mutex_unlock(&registry.mutex);
    return rule != NULL ? 0 : FL_ENOTFOUND;
}

void fl_failpoint_disable_all(void)
{
    pthread_mutex_lock(&registry.mutex);
    atomic_store_explicit(&fl_failpoint_rules_count, 0, memory_order_relaxed);
    pthread_mutex_unlock(&registry.mutex);
}

uint64_t fl_failpoint_hits(const char *name)
{
    pthread_mutex_lock(&registry.mutex);
    const struct rule *rule = rule_find(name);
    uint64_t hits = rule != NULL ? rule->hits : 0;
    pthread_mutex_unlock(&registry.mutex);
    return hits;
}

uint64_t fl_failpoint_reached(const char *name)
{
    pthread_mutex_lock(&registry.mutex);
    const struct rule *rule = rule_find(name);
    uint64_t reached = rule != NULL ? rule->reached : 0;
    pthread_mutex_unlock(&registry.mutex);
    return reached;
}

/* ---- rules as text */

static int parse_error(struct fl_str word, int *failinfo, struct fl_err *err)
{
    for (int number = 1; number < ERRNO_MAX; number++) {
        const char *name = strerrorname_np(number);
        if (name == NULL || !fl_str_is(word, name)) continue;
        *failinfo = number;
        return 0;
    }
    int64_t number = 0;
    if (fl_parse_int(word, 1, ERRNO_MAX, &number, NULL) != 0)
        return fl_err_set(err, FL_EPARSE,
                          "\"%.*s\" is none of always, once, nth, probability, seed, nor an error "
                          "such as ENOSPC",
                          FL_ARG(word));
    *failinfo = (int)number;
    return 0;
}

static int parse_word(struct fl_str word, struct fl_str *rest, struct fl_failpoint_opts *opts,
                      struct fl_err *err)
{
    int64_t number = 0;
    int rc;
    if (fl_str_is(word, "always")) return 0;
    if (fl_str_is(word, "once")) {
        opts->once = true;
        return 0;
    }
    if (fl_str_is(word, "probability"))
        return fl_parse_percent(fl_str_cut(rest, ':'), &opts->probability, err);
    if (fl_str_is(word, "nth")) {
        rc = fl_parse_int(fl_str_cut(rest, ':'), 1, INT64_MAX, &number, err);
        opts->nth = (uint64_t)number;
        return rc;
    }
    if (fl_str_is(word, "seed")) {
        rc = fl_parse_int(fl_str_cut(rest, ':'), 0, INT64_MAX, &number, err);
        opts->seed = (uint64_t)number;
        return rc;
    }
    return parse_error(word, &opts->failinfo, err);
}

static int parse_rule(struct fl_str text, char name[NAME_BYTES], struct fl_failpoint_opts *opts,
                      struct fl_err *err)
{
    *opts = (struct fl_failpoint_opts){0};
    struct fl_str place = fl_str_trim(fl_str_cut(&text, '='));
    if (place.len == 0 || place.len >= NAME_BYTES || text.len == 0)
        return fl_err_set(err, FL_EPARSE, "\"%.*s\" is no rule; write posix/io/oc/open=once:ENOSPC",
                          FL_ARG(place));
    snprintf(name, NAME_BYTES, "%.*s", FL_ARG(place));
    while (text.len > 0) {
        int rc = parse_word(fl_str_trim(fl_str_cut(&text, ':')), &text, opts, err);
        if (rc != 0) return rc;
    }
    return 0;
}

int fl_failpoint_enable_text(const char *text, struct fl_err *err)
{
    char name[NAME_BYTES];
    struct fl_failpoint_opts opts;
    for (int enabling = 0; enabling < 2; enabling++) { /* first all are read, then all hold */
        struct fl_str rest = fl_str_trim(fl_str_of(text));
        while (rest.len > 0) {
            int rc = parse_rule(fl_str_cut(&rest, ','), name, &opts, err);
            if (rc != 0) return rc;
            if (enabling == 1) rc = fl_failpoint_enable(name, &opts);
            if (rc != 0) return fl_err_set(err, rc, "cannot enable %s: %s", name, fl_code_name(rc));
        }
    }
    return 0;
}

#if FL_FAILPOINTS
/* A rule that is not understood would be a test that tests nothing, so it ends the program. */
__attribute__((constructor)) static void failpoint_read_environment(void)
{
    const char *text = getenv("FL_FAILPOINTS");
    struct fl_err err = {0};
    if (text == NULL || fl_failpoint_enable_text(text, &err) == 0) return;
    fprintf(stderr, "faultline: FL_FAILPOINTS: %s\n", err.text);
    _exit(64);
}
#endif
