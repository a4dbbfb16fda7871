#include "services/dashboard/ticker.h"

#include "runtime/control.h"
#include "services/dashboard/history.h"
#include "services/dashboard/page.h"
#include "services/services.h"
#include "services/web/web.h"

#define TICKER_EVERY_NS fl_ms(100)

struct ticker {
    const struct fl_service_opts *opts;
    fl_ns started_ns, due_ns;
    uint64_t seq;
    struct fl_shared *run;          /* the run's figures as last read; NULL: not yet */
    struct fl_shared *json, *frame; /* of the last tick; NULL before the first */
    struct fl_history history;
    struct fl_pid *waiting; /* viewers that want the next frame; dead ones cost one send */
    size_t waiting_count, waiting_cap;
};

/** Figures read on a pool thread. */
struct ticker_reading {
    const char *path;
    char *text; /* NULL: not there */
    size_t len;
};

static int ticker_read(void *arg)
{
    struct ticker_reading *reading = arg;
    int code = fl_file_read(&reading->text, &reading->len, reading->path, NULL);
    if (code != 0) reading->text = NULL;
    return code;
}

static void ticker_reading_free(void *arg)
{
    struct ticker_reading *reading = arg;
    free(reading->text);
    free(reading);
}

static void ticker_put_name(void *cx, const char *name)
{
    struct fl_buf *out = cx;
    if (out->at[out->len - 1] != '[') fl_buf_putc(out, ',');
    fl_buf_puts(out, "{\"instance\":");
    fl_json_put_str(out, fl_str_of(name));
    fl_buf_puts(out, ",\"state\":\"ready\",\"pid\":0,\"restarts\":0}");
}

/** Appends this node's own figures: how long it runs, and its named processes. */
static void ticker_put_own(struct fl_self *self, const struct ticker *ticker, struct fl_buf *out)
{
    fl_ns now_ns = fl_self_now(self);
    fl_buf_printf(out,
                  "{\"seq\":%llu,\"t_ns\":%lld,\"t\":%lld,\"phase\":\"%s\",\"elapsed_ns\":%lld,"
                  "\"total_ns\":0,\"loads\":[],\"restarts\":0,\"faults\":[],\"viewers\":%zu,"
                  "\"processes\":[",
                  (unsigned long long)ticker->seq, (long long)now_ns, (long long)now_ns,
                  ticker->opts->figures_path != NULL ? "waiting" : "serving",
                  (long long)(now_ns - ticker->started_ns), ticker->waiting_count);
    fl_control_list(fl_self_node(self), "*", ticker_put_name, out);
    fl_buf_puts(out, "]}");
}

static void ticker_shared_release(void *shared)
{
    fl_shared_release(shared);
}

/** Puts a new block where the old one was; whichever is there goes with the process. */
static void ticker_replace(struct fl_self *self, struct fl_shared **at, struct fl_shared *fresh)
{
    if (*at != NULL) {
        fl_self_disown(self, *at);
        fl_shared_release(*at);
    }
    *at = fresh;
    fl_self_own(self, fresh, ticker_shared_release);
}

static struct fl_str ticker_text(const struct fl_shared *shared)
{
    return (struct fl_str){fl_shared_data(shared), fl_shared_len(shared)};
}

/** Reads the run's figures. When they cannot be read or make no sense, what they were stays: the
 * engine may be gone, and what it said last is still the truth about it. */
static void ticker_look(struct fl_self *self, struct ticker *ticker)
{
    if (ticker->opts->figures_path == NULL) return;
    struct ticker_reading *reading = fl_new(struct ticker_reading);
    reading->path = ticker->opts->figures_path;
    int code = fl_blocking(self, ticker_read, reading, ticker_reading_free);
    struct fl_buf check = {0};
    if (code == 0 && reading->len <= FL_TICKER_JSON_MAX - 128 &&
        fl_page_put_update(&check, (struct fl_str){reading->text, reading->len}, 0, 0) == 0)
        ticker_replace(self, &ticker->run, fl_shared_new(reading->text, reading->len));
    fl_buf_fini(&check);
    ticker_reading_free(reading);
}

/** Makes the next update, once for everybody. */
static void ticker_make(struct fl_self *self, struct ticker *ticker)
{
    ticker_look(self, ticker);
    ticker->seq++;
    struct fl_buf json = {0};
    if (ticker->run == NULL)
        ticker_put_own(self, ticker, &json);
    else
        fl_page_put_update(&json, ticker_text(ticker->run), ticker->seq, fl_self_now(self));
    struct fl_str text = {json.at, json.len};
    ticker_replace(self, &ticker->json, fl_shared_new(text.at, text.len));
    ticker_replace(self, &ticker->frame,
                   fl_web_frame(FL_STR(FL_TICKER_TOPIC), FL_TICKER_EVENT, text));
    cJSON *tree = cJSON_ParseWithLength(text.at, text.len);
    fl_history_add(&ticker->history, tree, fl_self_now(self));
    cJSON_Delete(tree);
    fl_buf_fini(&json);
}

static void ticker_add_waiting(struct fl_self *self, struct ticker *ticker, struct fl_pid viewer)
{
    if (ticker->waiting_count == ticker->waiting_cap) {
        size_t cap = ticker->waiting_cap == 0 ? 16 : ticker->waiting_cap * 2;
        struct fl_pid *larger = fl_self_alloc(self, cap * sizeof *larger);
        if (ticker->waiting_count > 0)
            memcpy(larger, ticker->waiting, ticker->waiting_count * sizeof *larger);
        fl_self_free(self, ticker->waiting);
        ticker->waiting = larger;
        ticker->waiting_cap = cap;
    }
    ticker->waiting[ticker->waiting_count++] = viewer;
}

static void ticker_send_frame(struct fl_self *self, struct ticker *ticker, struct fl_pid viewer)
{
    /* FL_EFULL: it has more than it can send already, and will ask again */
    fl_send_shared(self, viewer, FL_TICKER_NEXT, fl_shared_retain(ticker->frame));
}

static void ticker_send_history(struct fl_self *self, const struct ticker *ticker,
                                struct fl_pid viewer)
{
    struct fl_buf json = {0};
    fl_history_put(&json, &ticker->history);
    fl_send_shared(self, viewer, FL_TICKER_HISTORY,
                   fl_web_frame(FL_STR(FL_TICKER_TOPIC), FL_TICKER_HISTORY_EVENT,
                                (struct fl_str){json.at, json.len}));
    fl_buf_fini(&json);
}

static int ticker_on_init(struct fl_self *self, void *state, const void *args)
{
    struct ticker *ticker = state;
    ticker->opts = args;
    ticker->started_ns = ticker->due_ns = fl_self_now(self);
    fl_timer_start(self, 0, 0);
    return 0;
}

static void ticker_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct ticker *ticker = state;
    ticker_make(self, ticker);
    for (size_t i = 0; i < ticker->waiting_count; i++)
        ticker_send_frame(self, ticker, ticker->waiting[i]);
    ticker->waiting_count = 0;

    /* Ten a second on the average, also when a tick was late; after a long stop it does not try to
     * catch up. */
    fl_ns now_ns = fl_self_now(self);
    ticker->due_ns = fl_ns_max(ticker->due_ns + TICKER_EVERY_NS, now_ns - TICKER_EVERY_NS);
    fl_timer_start(self, fl_ns_max(ticker->due_ns - now_ns, 0), 0);
}

static void ticker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct ticker *ticker = state;
    if (msg->tag == FL_TICKER_FIRST && ticker->frame != NULL)
        ticker_send_frame(self, ticker, msg->from); /* and it will ask for the next */
    else
        ticker_add_waiting(self, ticker, msg->from);
    if (msg->tag == FL_TICKER_FIRST) ticker_send_history(self, ticker, msg->from);
}

static void ticker_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct ticker *ticker = state;
    if (ticker->json == NULL) ticker_make(self, ticker);
    struct fl_str text = ticker_text(ticker->json);
    fl_self_reply(self, msg->from, msg->ref, text.at, text.len);
}

const struct fl_server fl_ticker_server = {
    .name = "ticker",
    .state_bytes = sizeof(struct ticker),
    .on_init = ticker_on_init,
    .on_timer = ticker_on_timer,
    .on_cast = ticker_on_cast,
    .on_call = ticker_on_call,
};
