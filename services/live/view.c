/* view.c: a view in its process: mounted, rendered, ended. */
#include "services/live/inside.h"

static void live_fini(void *ptr)
{
    struct fl_live *live = ptr;
    live_url_fini(&live->url);
    fl_live_tree_fini(&live->shown);
    fl_buf_fini(&live->session);
    fl_buf_fini(&live->go_to);
    fl_buf_fini(&live->title);
    fl_buf_fini(&live->events);
    fl_buf_fini(&live->reply);
    fl_buf_fini(&live->out);
    live_streams_fini(live);
    live_memory_fini(&live->scratch);
}

struct fl_live *live_open(struct fl_self *self, const struct fl_live_site *site, const void *args,
                          struct fl_channel *ch)
{
    struct fl_live *live = fl_self_alloc(self, sizeof *live);
    *live = (struct fl_live){.self = self, .ch = ch, .site = site, .args = args};
    fl_self_own(self, live, live_fini);
    return live;
}

bool live_is_failing(const struct fl_live *live)
{
    return fl_self_is_ending(live->self);
}

void live_params(struct fl_live *live)
{
    if (live->view->on_params == NULL) return;
    struct fl_live_request req = live_url_request(&live->url);
    live->view->on_params(live, live->state, &req);
}

int live_mount(struct fl_live *live)
{
    live->view = live->url.page->view;
    live->state = fl_self_alloc(live->self, live->view->state_bytes + 1);
    fl_live_title(live, live->view->title != NULL ? live->view->title : "");
    int rc = 0;
    if (live->view->on_mount != NULL) {
        struct fl_live_request req = live_url_request(&live->url);
        rc = live->view->on_mount(live, live->state, &req);
    }
    if (rc != 0 || live_is_failing(live)) return rc;
    live->is_mounted = true;
    if (live->go == LIVE_STAY) live_params(live);
    return 0;
}

bool live_render(struct fl_live *live, bool is_whole, struct fl_buf *out)
{
    struct fl_live_tree next = {0}; /* nothing blocks before it is kept or freed */
    int rc = fl_live_tree_render(&next, live->view->view, live->state, live->shown.used);
    if (rc != 0) {
        fl_live_tree_fini(&next);
        fl_self_exit(live->self, fl_reason_with(FL_EXIT_ERROR, rc, "%s: the page is too large",
                                                live->view->name));
        return false;
    }
    if (is_whole)
        fl_live_tree_full(&next, out);
    else
        fl_live_tree_diff(&live->shown, &next, out);
    fl_live_tree_fini(&live->shown);
    live->shown = next;
    live->is_stale = false;
    live_streams_shown(live);
    return true;
}

void live_end(struct fl_live *live)
{
    if (!live->is_mounted) return;
    live->is_mounted = false;
    if (live->view->on_end != NULL) live->view->on_end(live, live->state);
}

struct fl_self *fl_live_self(struct fl_live *live)
{
    return live->self;
}

bool fl_live_is_connected(const struct fl_live *live)
{
    return live->ch != NULL;
}

const void *fl_live_args(const struct fl_live *live)
{
    return live->args;
}

const void *fl_live_cx(const struct fl_live *live)
{
    return live->site->cx;
}

struct fl_str fl_live_session(const struct fl_live *live)
{
    return (struct fl_str){live->session.at, live->session.len};
}
