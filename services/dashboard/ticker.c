#include "services/dashboard/ticker.h"

#include "runtime/control.h"
#include "services/dashboard/board.h"
#include "services/dashboard/sampler.h"
#include "services/look/feed.h"

#define TICKER_EVERY_NS fl_ms(100)
#define VALUE_AGE_NS fl_s(3)        /* older ones are none */
#define SERIES_AGE_NS fl_s(15 * 60) /* those that got nothing for so long are forgotten */

/* What is known of a source. */
struct heard {
    char label[FL_STORE_LABEL_MAX];
    char why[FL_SAMPLED_WHY_MAX]; /* not "": it fails */
    fl_ns at_ns;
    uint32_t values;
    uint64_t dropped;
};
/* The past as it was encoded last: many may ask at once. */
struct past {
    struct fl_buf json;
    fl_ns at_ns;
};

struct ticker {
    const struct fl_service_opts *opts;
    fl_ns started_ns, due_ns;
    uint64_t seq;
    struct fl_shared *run;  /* the run's figures as last read; NULL: not yet */
    struct fl_shared *json; /* of the last tick; NULL before the first */
    struct fl_feed feed;
    struct fl_store *store;
    struct heard heard[FL_SOURCES_MAX];
    size_t heard_count;
    struct past pasts[FL_STORE_RINGS];
    struct fl_board board;
    uint64_t board_seq; /* of the update that it was made of */
};

static void ticker_fini(void *state)
{
    struct ticker *ticker = state;
    fl_store_free(ticker->store);
    for (size_t i = 0; i < FL_COUNT(ticker->pasts); i++)
        fl_buf_fini(&ticker->pasts[i].json);
}

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
                  (long long)(now_ns - ticker->started_ns), ticker->feed.waiting_count);
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
        fl_board_put_update(&check, (struct fl_str){reading->text, reading->len}, 0, 0) == 0)
        ticker_replace(self, &ticker->run, fl_shared_new(reading->text, reading->len));
    fl_buf_fini(&check);
    ticker_reading_free(reading);
}

/** Appends `,"sources":[…],"generation":…,"values":[…]`. */
static void ticker_put_samples(const struct ticker *ticker, fl_ns now_ns, struct fl_buf *out)
{
    fl_buf_puts(out, ",\"sources\":[");
    for (size_t i = 0; i < ticker->heard_count; i++) {
        const struct heard *heard = &ticker->heard[i];
        fl_buf_puts(out, i > 0 ? ",{\"source\":" : "{\"source\":");
        fl_json_put_str(out, fl_str_of(heard->label));
        fl_buf_printf(out,
                      ",\"values\":%u,\"dropped\":%llu,\"age_ms\":%lld,\"why\":", heard->values,
                      (unsigned long long)heard->dropped,
                      (long long)((now_ns - heard->at_ns) / FL_NS_PER_MS));
        fl_json_put_str(out, fl_str_of(heard->why));
        fl_buf_putc(out, '}');
    }
    fl_buf_printf(out, "],\"generation\":%llu,\"values\":",
                  (unsigned long long)fl_store_generation(ticker->store));
    fl_store_put_values(ticker->store, now_ns, VALUE_AGE_NS, out);
}

/** Makes the next update, once for everybody. */
static void ticker_make(struct fl_self *self, struct ticker *ticker)
{
    ticker_look(self, ticker);
    ticker->seq++;
    struct fl_buf json = {0};
    fl_ns now_ns = fl_self_now(self);
    fl_store_drop_before(ticker->store, now_ns - SERIES_AGE_NS);
    if (ticker->run == NULL)
        ticker_put_own(self, ticker, &json);
    else
        fl_board_put_update(&json, ticker_text(ticker->run), ticker->seq, now_ns);
    while (json.len > 0 && json.at[json.len - 1] != '}')
        json.len--; /* a newline */
    FL_ASSERT(json.len > 1);
    json.len--;
    ticker_put_samples(ticker, now_ns, &json);
    fl_buf_putc(&json, '}');
    ticker_replace(self, &ticker->json, fl_shared_new(json.at, json.len));
    struct fl_shared *frame = fl_web_frame(FL_STR(FL_TICKER_TOPIC), "figures",
                                           (struct fl_str){json.at, json.len});
    fl_buf_fini(&json);
    fl_feed_send(self, &ticker->feed, frame);
}

/* ---- what samplers tell ---- */

static struct heard *ticker_heard(struct ticker *ticker, const char *label)
{
    size_t i = 0;
    while (i < ticker->heard_count && strcmp(ticker->heard[i].label, label) != 0)
        i++;
    if (i == FL_SOURCES_MAX) return NULL;
    if (i == ticker->heard_count) ticker->heard_count++;
    return &ticker->heard[i];
}

static void ticker_on_sampled(struct ticker *ticker, const struct fl_msg *msg)
{
    struct fl_sampled head;
    FL_ASSERT(msg->len >= sizeof head);
    memcpy(&head, msg->data, sizeof head);
    struct heard *heard = ticker_heard(ticker, head.label);
    if (heard == NULL) return;
    *heard = (struct heard){.at_ns = head.at_ns, .values = head.count, .dropped = head.dropped};
    memcpy(heard->label, head.label, sizeof heard->label);
    memcpy(heard->why, head.why, sizeof heard->why);
    FL_ASSERT(msg->len == sizeof head + head.count * sizeof(struct fl_source_value));
    for (uint32_t i = 0; i < head.count; i++) {
        struct fl_source_value one;
        memcpy(&one, (const char *)msg->data + sizeof head + i * sizeof one, sizeof one);
        if (!fl_store_put(ticker->store, &one.series, one.value, head.at_ns)) heard->dropped++;
    }
}

static void ticker_send_series(struct fl_self *self, const struct ticker *ticker,
                               struct fl_pid viewer)
{
    struct fl_buf json = {0};
    fl_store_put_table(ticker->store, &json);
    struct fl_shared *frame = fl_web_frame(FL_STR(FL_TICKER_TOPIC), "series",
                                           (struct fl_str){json.at, json.len});
    fl_buf_fini(&json);
    fl_feed_send_extra(self, viewer, frame);
}

/* ---- the process ---- */

static int ticker_on_init(struct fl_self *self, void *state, const void *args)
{
    struct ticker *ticker = state;
    ticker->opts = args;
    ticker->started_ns = ticker->due_ns = fl_self_now(self);
    ticker->store = fl_store_new();
    fl_self_own(self, ticker, ticker_fini);
    fl_timer_start(self, 0, 0);
    return 0;
}

static void ticker_on_timer(struct fl_self *self, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    struct ticker *ticker = state;
    ticker_make(self, ticker);

    /* Ten a second on the average, also when a tick was late; after a long stop it does not try to
     * catch up. */
    fl_ns now_ns = fl_self_now(self);
    ticker->due_ns = fl_ns_max(ticker->due_ns + TICKER_EVERY_NS, now_ns - TICKER_EVERY_NS);
    fl_timer_start(self, fl_ns_max(ticker->due_ns - now_ns, 0), 0);
}

static void ticker_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct ticker *ticker = state;
    if (msg->tag == FL_SAMPLED)
        ticker_on_sampled(ticker, msg);
    else if (fl_feed_on_cast(self, &ticker->feed, msg))
        ticker_send_series(self, ticker, msg->from);
}

static void ticker_answer(struct fl_self *self, const struct fl_msg *msg, struct fl_str text)
{
    if (text.len <= FL_TICKER_POINTS_MAX)
        fl_self_reply(self, msg->from, msg->ref, text.at, text.len);
    else
        fl_self_reply_error(self, msg->from, msg->ref, FL_EFULL);
}

static void ticker_on_points(struct fl_self *self, struct ticker *ticker, const struct fl_msg *msg)
{
    int ring;
    FL_ASSERT(msg->len == sizeof ring);
    memcpy(&ring, msg->data, sizeof ring);
    FL_ASSERT(ring >= 0 && ring < FL_STORE_RINGS);
    struct past *past = &ticker->pasts[ring];
    fl_ns now_ns = fl_self_now(self);
    if (past->json.len == 0 || now_ns - past->at_ns > TICKER_EVERY_NS) {
        past->json.len = 0;
        past->at_ns = now_ns;
        fl_store_put_points(ticker->store, ring, now_ns, &past->json);
    }
    ticker_answer(self, msg, (struct fl_str){past->json.at, past->json.len});
}

/** Makes the board of the last update, if nobody asked for that one yet. */
static void ticker_on_board(struct fl_self *self, struct ticker *ticker, const struct fl_msg *msg)
{
    if (ticker->board_seq != ticker->seq) {
        struct fl_str text = ticker_text(ticker->json);
        cJSON *figures = cJSON_ParseWithLength(text.at, text.len);
        fl_board_read(&ticker->board, figures);
        cJSON_Delete(figures);
        ticker->board_seq = ticker->seq;
    }
    fl_self_reply(self, msg->from, msg->ref, &ticker->board, sizeof ticker->board);
}

static void ticker_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct ticker *ticker = state;
    if (ticker->json == NULL) ticker_make(self, ticker);
    if (msg->tag == FL_TICKER_BOARD) {
        ticker_on_board(self, ticker, msg);
    } else if (msg->tag == FL_TICKER_POINTS) {
        ticker_on_points(self, ticker, msg);
    } else if (msg->tag == FL_TICKER_SERIES) {
        struct fl_buf table = {0};
        fl_store_put_table(ticker->store, &table);
        ticker_answer(self, msg, (struct fl_str){table.at, table.len});
        fl_buf_fini(&table);
    } else {
        ticker_answer(self, msg, ticker_text(ticker->json));
    }
}

const struct fl_server fl_ticker_server = {
    .name = "ticker",
    .state_bytes = sizeof(struct ticker),
    .on_init = ticker_on_init,
    .on_timer = ticker_on_timer,
    .on_cast = ticker_on_cast,
    .on_call = ticker_on_call,
};
