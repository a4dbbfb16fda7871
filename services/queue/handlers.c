/* handlers.c: the handlers that a queue's settings can name. They do nothing useful and fail in
 * different ways, so that a board has something to show and a test something to break. */
#include "runtime/base/rng.h"
#include "runtime/base/units.h"
#include "services/queue/pool.h"
#include "services/wire/jscan.h"

#define HANDLER_WAIT_MS 200
#define HANDLER_WAIT_MS_MAX 600000

static void handler_give(const struct fl_pool_job *job, struct fl_buf *out)
{
    fl_buf_add(out, job->payload.at, job->payload.len);
}

/** How long a payload {"ms": n} wants, or the usual. */
static fl_ns handler_wait_ns(const struct fl_pool_job *job)
{
    int64_t ms = HANDLER_WAIT_MS;
    struct fl_str payload = fl_str_trim(job->payload);
    struct fl_str raw = fl_jscan_is_object(payload) ? fl_jscan_get(payload, "ms")
                                                    : (struct fl_str){0};
    if (raw.at != NULL) fl_parse_int(raw, 0, HANDLER_WAIT_MS_MAX, &ms, NULL);
    return fl_ms(ms);
}

/** The same number for the same attempt at the same job, so that a story can be told again. */
static unsigned handler_die(const struct fl_pool_job *job, unsigned sides)
{
    return (unsigned)(fl_hash64((uint64_t)job->id * 31 + (uint64_t)job->attempt) % sides);
}

static int handler_echo(struct fl_self *self, const struct fl_pool_job *job, struct fl_buf *out)
{
    (void)self;
    handler_give(job, out);
    return 0;
}

static int handler_wait(struct fl_self *self, const struct fl_pool_job *job, struct fl_buf *out)
{
    fl_pause(self, handler_wait_ns(job));
    handler_give(job, out);
    return 0;
}

static int handler_flaky(struct fl_self *self, const struct fl_pool_job *job, struct fl_buf *out)
{
    fl_pause(self, handler_wait_ns(job));
    if (handler_die(job, 3) == 0) {
        fl_buf_printf(out, "attempt %d did not go well", job->attempt);
        return FL_EREFUSED;
    }
    handler_give(job, out);
    return 0;
}

static int handler_crash(struct fl_self *self, const struct fl_pool_job *job, struct fl_buf *out)
{
    fl_pause(self, handler_wait_ns(job));
    if (handler_die(job, 4) == 0)
        fl_self_exit_now(self, fl_reason_with(FL_EXIT_ERROR, FL_EREFUSED, "one in four crashes"));
    handler_give(job, out);
    return 0;
}

static int handler_fail(struct fl_self *self, const struct fl_pool_job *job, struct fl_buf *out)
{
    fl_pause(self, handler_wait_ns(job));
    fl_buf_puts(out, "this handler always fails");
    return FL_EREFUSED;
}

const struct fl_pool_handler fl_pool_handlers[] = {
    {"echo", "gives the payload back as the result", handler_echo},
    {"wait", "the same, after payload.ms milliseconds (200)", handler_wait},
    {"flaky", "the same, but one attempt in three fails", handler_flaky},
    {"crash", "the same, but one attempt in four ends its worker", handler_crash},
    {"fail", "fails each time, so that jobs die", handler_fail},
    {0},
};

const struct fl_pool_handler *fl_pool_handler_find(struct fl_str name)
{
    for (const struct fl_pool_handler *row = fl_pool_handlers; row->name != NULL; row++)
        if (fl_str_is(name, row->name)) return row;
    return NULL;
}
