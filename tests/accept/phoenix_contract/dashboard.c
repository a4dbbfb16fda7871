#include "tests/accept/phoenix_contract/dashboard.h"

#include <math.h>

#include "tests/accept/phoenix_contract/dashboard.live.h"

#define DASHBOARD_TICK_NS fl_ms(100)

static void dashboard_draw(struct dashboard *board)
{
    size_t len = 0;
    for (int i = 0; i < DASHBOARD_POINTS; i++)
        len += (size_t)snprintf(board->points + len, sizeof board->points - len, "%s%d,%.1f",
                                i > 0 ? " " : "", i * 10, 30 + 20 * sin((board->tick + i) / 3.0));
}

static int dashboard_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    struct dashboard *board = state;
    for (int i = 0; i < 5; i++)
        board->rows[board->rows_count++] = (struct dashboard_row){.id = i + 1};
    dashboard_draw(board);
    if (fl_live_is_connected(live)) fl_timer_start(fl_live_self(live), DASHBOARD_TICK_NS, 0);
    return 0;
}

static void dashboard_on_params(struct fl_live *live, void *state,
                                const struct fl_live_request *req)
{
    struct dashboard *board = state;
    struct fl_str tab = fl_live_query(req, "tab");
    if (tab.at == NULL) tab = FL_STR("main");
    snprintf(board->tab, sizeof board->tab, "%.*s", FL_ARG(tab));
}

static void dashboard_on_timer(struct fl_live *live, void *state, uint64_t ref, uint32_t tag)
{
    struct dashboard *board = state;
    board->tick++;
    dashboard_draw(board);
    fl_timer_start(fl_live_self(live), DASHBOARD_TICK_NS, 0);
}

/* ---- what its buttons do */

typedef void (*dashboard_fn)(struct fl_live *live, struct dashboard *board,
                             const struct fl_live_event *event);

static void do_inc(struct fl_live *live, struct dashboard *board, const struct fl_live_event *event)
{
    board->count += (int)fl_live_value_int(event, "by", 1, 100, 1);
}

static void do_rotate(struct fl_live *live, struct dashboard *board,
                      const struct fl_live_event *event)
{
    if (board->rows_count < 2) return;
    struct dashboard_row last = board->rows[board->rows_count - 1];
    memmove(&board->rows[1], &board->rows[0], (board->rows_count - 1) * sizeof last);
    board->rows[0] = last;
}

static void do_rotate_bump(struct fl_live *live, struct dashboard *board,
                           const struct fl_live_event *event)
{
    do_rotate(live, board, event);
    if (board->rows_count > 0) board->rows[0].n++;
}

static void do_bump(struct fl_live *live, struct dashboard *board,
                    const struct fl_live_event *event)
{
    if (board->rows_count > 1) board->rows[1].n++;
}

static void do_grow(struct fl_live *live, struct dashboard *board,
                    const struct fl_live_event *event)
{
    int most = 0;
    if (board->rows_count == DASHBOARD_ROWS_MAX) return;
    for (size_t i = 0; i < board->rows_count; i++)
        if (board->rows[i].id > most) most = board->rows[i].id;
    board->rows[board->rows_count++] = (struct dashboard_row){.id = most + 1};
}

static void do_shrink(struct fl_live *live, struct dashboard *board,
                      const struct fl_live_event *event)
{
    if (board->rows_count > 0) board->rows_count--;
}

static void do_clear(struct fl_live *live, struct dashboard *board,
                     const struct fl_live_event *event)
{
    board->rows_count = 0;
}

static void do_retitle(struct fl_live *live, struct dashboard *board,
                       const struct fl_live_event *event)
{
    char title[64];
    snprintf(title, sizeof title, "Retitled & %d", board->count);
    fl_live_title(live, title);
}

static void do_toast(struct fl_live *live, struct dashboard *board,
                     const struct fl_live_event *event)
{
    char toast[64];
    snprintf(toast, sizeof toast, "{\"text\":\"hello <b>%d</b>\"}", board->count);
    fl_live_push_event(live, "toast", fl_str_of(toast));
    fl_live_unchanged(live);
}

static void do_crash(struct fl_live *live, struct dashboard *board,
                     const struct fl_live_event *event)
{
    fl_self_fail(fl_live_self(live), FL_ESTATE);
}

static void do_goto(struct fl_live *live, struct dashboard *board,
                    const struct fl_live_event *event)
{
    fl_live_patch(live, "/dashboard?tab=pushed", false);
}

static void do_leave(struct fl_live *live, struct dashboard *board,
                     const struct fl_live_event *event)
{
    fl_live_navigate(live, "/tasks");
}

static void do_ping(struct fl_live *live, struct dashboard *board,
                    const struct fl_live_event *event)
{
    char reply[48];
    int64_t n = fl_live_value_int(event, "n", INT32_MIN, INT32_MAX, 0);
    snprintf(reply, sizeof reply, "{\"n\":%lld}", (long long)n + 1);
    fl_live_reply(live, fl_str_of(reply));
    fl_live_unchanged(live);
}

static const struct {
    const char *name;
    dashboard_fn run;
} dashboard_events[] = {
    {"inc", do_inc},     {"rotate", do_rotate}, {"rotate_bump", do_rotate_bump},
    {"bump", do_bump},   {"grow", do_grow},     {"shrink", do_shrink},
    {"clear", do_clear}, {"toast", do_toast},   {"retitle", do_retitle},
    {"crash", do_crash}, {"goto", do_goto},     {"goto_tasks", do_leave},
    {"ping", do_ping},
};

static void dashboard_on_event(struct fl_live *live, void *state, const struct fl_live_event *event)
{
    for (size_t i = 0; i < FL_COUNT(dashboard_events); i++)
        if (fl_str_is(event->name, dashboard_events[i].name))
            dashboard_events[i].run(live, state, event);
}

const struct fl_live_view contract_dashboard = {
    .name = "contract.dashboard",
    .title = "Dashboard",
    .state_bytes = sizeof(struct dashboard),
    .view = &fl_template_dashboard,
    .on_mount = dashboard_on_mount,
    .on_params = dashboard_on_params,
    .on_event = dashboard_on_event,
    .on_timer = dashboard_on_timer,
};
