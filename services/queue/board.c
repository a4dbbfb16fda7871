#include "services/queue/board.h"

#include "services/queue/board.live.h"
#include "services/queue/notices.h"

#define BOARD_SECOND_NS fl_s(1)
#define BOARD_AGAIN_NS fl_ms(200)

enum { BOARD_SECOND = 1, BOARD_AGAIN };

/** Where the parts of the bar end: what waits, is worked on, and is dead, in proportion. */
static void board_bar(struct board_queue *queue)
{
    static const enum fl_job_state order[] = {FL_JOB_READY, FL_JOB_LEASED, FL_JOB_SCHEDULED,
                                              FL_JOB_DEAD};
    int64_t all = 0, so_far = 0;
    for (size_t i = 0; i < FL_COUNT(order); i++)
        all += queue->jobs[order[i]];
    for (size_t i = 0; i < FL_COUNT(order); i++) {
        so_far += queue->jobs[order[i]];
        queue->parts[i] = all > 0 ? so_far * 1000 / all : 0;
    }
}

static void board_take(struct board_queue *queue, const struct fl_queue_info *info)
{
    memcpy(queue->name, info->name, sizeof queue->name);
    memcpy(queue->jobs, info->jobs, sizeof queue->jobs);
    queue->is_paused = info->config.values[FL_SET_PAUSED] != 0;
    queue->workers[0] = '\0';
    if (info->config.handler[0] != '\0' && info->config.values[FL_SET_WORKERS] > 0)
        snprintf(queue->workers, sizeof queue->workers, "%lld × %s",
                 (long long)info->config.values[FL_SET_WORKERS], info->config.handler);
    board_bar(queue);
}

static void board_sum_up(struct board *board)
{
    board->ready = board->leased = board->scheduled = board->done = board->dead = 0;
    for (size_t i = 0; i < board->count; i++) {
        const int64_t *jobs = board->queues[i].jobs;
        board->ready += jobs[FL_JOB_READY];
        board->leased += jobs[FL_JOB_LEASED];
        board->scheduled += jobs[FL_JOB_SCHEDULED];
        board->done += jobs[FL_JOB_DONE];
        board->dead += jobs[FL_JOB_DEAD];
    }
}

/** Reads all of it. Not well: it says so, and what it shows stays. */
static void board_read(struct fl_live *live, struct board *board)
{
    struct fl_buf hold = {0};
    size_t count;
    int code = board_read_queues(fl_live_self(live), NULL, &hold, &count);
    if (code != 0) {
        board_say(&board->said, true, "the store does not answer; trying again");
        if (fl_live_is_connected(live))
            fl_timer_start(fl_live_self(live), BOARD_AGAIN_NS, BOARD_AGAIN);
        fl_buf_fini(&hold);
        return;
    }
    board->left_out = count > BOARD_QUEUES_MAX ? count - BOARD_QUEUES_MAX : 0;
    board->count = count - board->left_out;
    const struct fl_queue_info *infos = (const void *)hold.at;
    for (size_t i = 0; i < board->count; i++) {
        bool is_same = strcmp(board->queues[i].name, infos[i].name) == 0;
        if (!is_same) board->queues[i] = (struct board_queue){0}; /* its rates are of another */
        board_take(&board->queues[i], &infos[i]);
    }
    fl_buf_fini(&hold);
    board_sum_up(board);
}

static void board_listen(struct fl_live *live, struct board *board)
{
    if (fl_notices_subscribe(fl_live_self(live), "*") != 0)
        fl_timer_start(fl_live_self(live), BOARD_AGAIN_NS, BOARD_AGAIN);
    else
        board_read(live, board);
}

static int board_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    (void)req;
    struct board *board = state;
    if (!fl_live_is_connected(live)) {
        board_read(live, board);
        return 0;
    }
    fl_timer_start(fl_live_self(live), BOARD_SECOND_NS, BOARD_SECOND);
    board_listen(live, board);
    return 0;
}

static struct board_queue *board_find(struct board *board, const char *name)
{
    for (size_t i = 0; i < board->count; i++)
        if (strcmp(board->queues[i].name, name) == 0) return &board->queues[i];
    return NULL;
}

static void board_count(struct board_rate *in, struct board_rate *out, struct board_rate *failed,
                        const struct fl_queue_news *news)
{
    in->counted += news->added[FL_TOTAL_ENQUEUED];
    out->counted += news->added[FL_TOTAL_DONE];
    failed->counted += news->added[FL_TOTAL_FAILED] + news->added[FL_TOTAL_DEAD];
}

static void board_on_message(struct fl_live *live, void *state, const struct fl_msg *msg)
{
    struct board *board = state;
    bool is_new = false;
    if (msg->tag != FL_NOTICES_CHANGED) return;
    for (size_t at = 0; at + sizeof(struct fl_queue_news) <= msg->len;
         at += sizeof(struct fl_queue_news)) {
        struct fl_queue_news news;
        memcpy(&news, (const char *)msg->data + at, sizeof news);
        struct board_queue *queue = board_find(board, news.info.name);
        is_new |= queue == NULL;
        board_count(&board->in, &board->out, &board->failed, &news);
        if (queue == NULL) continue;
        board_take(queue, &news.info);
        board_count(&queue->in, &queue->out, &queue->failed, &news);
    }
    board_sum_up(board);
    if (is_new && board->left_out == 0) board_read(live, board);
}

static void board_on_timer(struct fl_live *live, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref;
    struct board *board = state;
    if (tag == BOARD_AGAIN) {
        board->said = (struct board_said){0};
        board_listen(live, board);
        return;
    }
    fl_timer_start(fl_live_self(live), BOARD_SECOND_NS, BOARD_SECOND);
    board_rate_turn(&board->in);
    board_rate_turn(&board->out);
    board_rate_turn(&board->failed);
    for (size_t i = 0; i < board->count; i++) {
        board_rate_turn(&board->queues[i].in);
        board_rate_turn(&board->queues[i].out);
        board_rate_turn(&board->queues[i].failed);
    }
}

static void board_on_down(struct fl_live *live, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    (void)state, (void)ref, (void)who, (void)reason;
    fl_timer_start(fl_live_self(live), BOARD_AGAIN_NS, BOARD_AGAIN);
}

static void board_set_paused(struct fl_live *live, struct board *board, struct fl_str name, bool on)
{
    struct fl_store_op op = {.kind = FL_STORE_QUEUE_SET, .queue = name};
    char good[FL_STORE_QUEUE_MAX + 32];
    if (!fl_store_queue_ok(name)) return;
    op.change.has[FL_SET_PAUSED] = true;
    op.change.to.values[FL_SET_PAUSED] = on;
    snprintf(good, sizeof good, "%.*s %s", FL_ARG(name), on ? "is paused" : "goes on");
    board_do(fl_live_self(live), &op, &board->said, good, NULL);
}

static void board_check_name(struct board *board, struct fl_str name)
{
    snprintf(board->new_name, sizeof board->new_name, "%.*s", FL_ARG(name));
    board->new_wrong = name.len == 0 || fl_store_queue_ok(name)
                           ? NULL
                           : "letters, digits, dots, dashes and underscores, 64 at most";
}

static void board_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    struct board *board = state;
    struct fl_str name = fl_live_value(event, "name");
    if (fl_str_is(event->name, "pause")) {
        board_set_paused(live, board, name, true);
    } else if (fl_str_is(event->name, "resume")) {
        board_set_paused(live, board, name, false);
    } else if (fl_str_is(event->name, "check")) {
        board_check_name(board, name);
    } else if (fl_str_is(event->name, "open")) {
        board_check_name(board, name);
        if (name.len == 0) board->new_wrong = "a name, such as mail";
        if (board->new_wrong != NULL) return;
        char path[FL_STORE_QUEUE_MAX + 16];
        snprintf(path, sizeof path, "/board/%.*s", FL_ARG(name));
        fl_live_navigate(live, path);
    }
}

const struct fl_live_view fl_board_view = {
    .name = "queue.board",
    .title = "Queues",
    .state_bytes = sizeof(struct board),
    .view = &fl_template_board,
    .on_mount = board_on_mount,
    .on_event = board_on_event,
    .on_message = board_on_message,
    .on_down = board_on_down,
    .on_timer = board_on_timer,
};

static const char *const board_styles[] = {"/assets/queue.css", NULL};
static const struct fl_live_page board_pages[] = {
    {"/", &fl_board_view},
    {"/board/:queue", &fl_board_queue_view},
    {0},
};
const struct fl_live_site fl_board_site = {
    .pages = board_pages,
    .socket_path = "/live",
    .title_suffix = " · queue",
    .styles = board_styles,
};
