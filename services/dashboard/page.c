#include "services/dashboard/page.h"

#include "services/dashboard/page.live.h"
#include "services/dashboard/ticker.h"

#define PAGE_EVERY_NS fl_ms(500)
#define PAGE_WITHIN_NS fl_s(2)

/** Without a ticker, what was shown last stays. */
static void page_look(struct fl_live *live, struct fl_board *board)
{
    struct fl_self *self = fl_live_self(live);
    struct fl_board *fresh = fl_self_alloc(self, sizeof *fresh);
    size_t len = 0;
    int code = fl_call_name(self, FL_TICKER_NAME, FL_TICKER_BOARD, NULL, 0, fresh, sizeof *fresh,
                            &len, PAGE_WITHIN_NS);
    if (code == 0 && len == sizeof *fresh)
        *board = *fresh;
    else if (board->phase[0] == '\0')
        fl_board_read(board, NULL);
    fl_self_free(self, fresh);
}

static int page_on_mount(struct fl_live *live, void *state, const struct fl_live_request *req)
{
    (void)req;
    page_look(live, state);
    if (fl_live_is_connected(live)) fl_timer_start(fl_live_self(live), PAGE_EVERY_NS, 0);
    return 0;
}

static void page_on_timer(struct fl_live *live, void *state, uint64_t ref, uint32_t tag)
{
    (void)ref, (void)tag;
    page_look(live, state);
    fl_timer_start(fl_live_self(live), PAGE_EVERY_NS, 0);
}

const struct fl_live_view fl_dashboard_view = {
    .name = "dashboard.page",
    .title = "Dashboard",
    .state_bytes = sizeof(struct fl_board),
    .view = &fl_template_dashboard,
    .on_mount = page_on_mount,
    .on_timer = page_on_timer,
};
