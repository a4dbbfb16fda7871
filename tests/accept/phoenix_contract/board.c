/* board.c: the process that has the tasks, and tells views of changes. */
#include "runtime/server.h"
#include "runtime/sup.h"
#include "tests/accept/phoenix_contract/tasks.h"

struct board {
    struct task *tasks; /* TASKS_MAX; of fl_self_alloc */
    size_t count;
    int32_t next_id;
    struct fl_pid *views;
    size_t views_count, views_cap;
};

static void board_free_views(void *ptr)
{
    struct board *board = ptr;
    free(board->views);
}

static void board_put(struct board *board, size_t at, struct fl_str title)
{
    memmove(&board->tasks[at + 1], &board->tasks[at], (board->count - at) * sizeof *board->tasks);
    board->count++;
    board->tasks[at] = (struct task){.id = ++board->next_id};
    snprintf(board->tasks[at].title, TASKS_TITLE_MAX, "%.*s", FL_ARG(title));
}

static int board_on_init(struct fl_self *self, void *state, const void *args)
{
    struct board *board = state;
    board->tasks = fl_self_alloc(self, (TASKS_MAX + 1) * sizeof *board->tasks);
    fl_self_own(self, board, board_free_views);
    board_put(board, 0, FL_STR("first"));
    board_put(board, 1, FL_STR("second <2>"));
    return 0;
}

static void board_tell(struct fl_self *self, struct board *board, const struct task *task, int at,
                       bool is_gone)
{
    struct tasks_change change = {
        .task = *task, .at = at, .is_gone = is_gone, .total = (int)board->count};
    for (size_t i = 0; i < board->views_count; i++)
        fl_send(self, board->views[i], TASKS_CHANGED, &change, sizeof change);
}

static void board_add(struct fl_self *self, struct board *board, const struct fl_msg *msg)
{
    struct fl_str title = fl_str_trim((struct fl_str){msg->data, msg->len});
    if (board->count == TASKS_MAX || title.len == 0) return;
    bool on_top = msg->tag == TASKS_ADD_TOP;
    size_t at = on_top ? 0 : board->count;
    board_put(board, at, title);
    board_tell(self, board, &board->tasks[at], on_top ? FL_LIVE_FIRST : FL_LIVE_LAST, false);
}

static void board_change(struct fl_self *self, struct board *board, const struct fl_msg *msg)
{
    int32_t id = 0;
    if (msg->len != sizeof id) return;
    memcpy(&id, msg->data, sizeof id);
    size_t at = 0;
    while (at < board->count && board->tasks[at].id != id)
        at++;
    if (at == board->count) return;
    struct task task = board->tasks[at];
    if (msg->tag == TASKS_TOGGLE) {
        task.is_done = !task.is_done;
        board->tasks[at] = task;
    } else {
        memmove(&board->tasks[at], &board->tasks[at + 1],
                (--board->count - at) * sizeof *board->tasks);
    }
    board_tell(self, board, &task, FL_LIVE_LAST, msg->tag == TASKS_DELETE);
}

static void board_on_cast(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    if (msg->tag == TASKS_ADD || msg->tag == TASKS_ADD_TOP)
        board_add(self, state, msg);
    else if (msg->tag == TASKS_TOGGLE || msg->tag == TASKS_DELETE)
        board_change(self, state, msg);
}

static void board_on_call(struct fl_self *self, void *state, const struct fl_msg *msg)
{
    struct board *board = state;
    if (msg->len == 1) { /* a dead render only looks */
        fl_self_reply(self, msg->from, msg->ref, board->tasks, board->count * sizeof *board->tasks);
        return;
    }
    bool is_there = false;
    for (size_t i = 0; i < board->views_count; i++)
        is_there = is_there || fl_pid_eq(board->views[i], msg->from);
    if (!is_there) {
        if (board->views_count == board->views_cap) {
            board->views_cap = board->views_cap == 0 ? 16 : board->views_cap * 2;
            board->views = fl_realloc(board->views, board->views_cap * sizeof *board->views);
        }
        board->views[board->views_count++] = msg->from;
        fl_monitor(self, msg->from);
    }
    fl_self_reply(self, msg->from, msg->ref, board->tasks, board->count * sizeof *board->tasks);
}

static void board_on_down(struct fl_self *self, void *state, uint64_t ref, struct fl_pid who,
                          const struct fl_reason *reason)
{
    struct board *board = state;
    for (size_t i = 0; i < board->views_count; i++) {
        if (!fl_pid_eq(board->views[i], who)) continue;
        board->views[i] = board->views[--board->views_count];
        return;
    }
}

static const struct fl_server board_server = {
    .name = "contract.board",
    .state_bytes = sizeof(struct board),
    .on_init = board_on_init,
    .on_cast = board_on_cast,
    .on_call = board_on_call,
    .on_down = board_on_down,
};

int contract_tasks_start(struct fl_node *node)
{
    struct fl_pid pid;
    struct fl_spawn_opts opts = {.name = TASKS_NAME};
    return fl_node_spawn(node, &board_server, &opts, &pid);
}
