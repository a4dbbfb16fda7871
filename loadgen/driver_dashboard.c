/* driver_dashboard.c: viewers of a live page. A view is done with the first update that was made
 * after it was due and is true: what counts is that the page is fresh.
 *
 * True is what was so at some time since the bound before the time that the update has on it. What
 * this worker has said of its loads, it knows; the page got it from the engine. */
#include "loadgen/member.h"
#include "runtime/base/clock.h"

struct viewer {
    struct fl_member member;         /* its callbacks cross to here */
    struct fl_pending *first, *last; /* views that wait, by `work`, in due order */
};

struct dashboard {
    char *topic;
    struct viewer *viewers;
    uint32_t viewers_count, started_count, turn;
    fl_ns bound_ns;
};

static struct fl_pending *viewer_pop(struct viewer *viewer)
{
    struct fl_pending *pending = viewer->first;
    viewer->first = pending->work;
    if (viewer->first == NULL) viewer->last = NULL;
    return pending;
}

/** Does the page show this run's loads as they were? One that shows no run has nothing to be wrong
 * about. */
static bool figures_are_true(const struct fl_load *load, const cJSON *figures, fl_ns made_ns,
                             fl_ns now_ns)
{
    const struct dashboard *dashboard = load->state;
    const cJSON *loads = cJSON_GetObjectItemCaseSensitive(figures, "loads");
    bool is_run = loads != NULL && fl_json_int(figures, "total_ns", 0) > 0;
    return !is_run ||
           fl_said_within(&load->host->said, loads, made_ns - dashboard->bound_ns, now_ns);
}

static void viewer_on_push(struct fl_member *member, const struct fl_channel_msg *msg, fl_ns at_ns)
{
    struct viewer *viewer = FL_OWNER(member, struct viewer, member);
    if (viewer->first == NULL || !fl_str_is(msg->event, "figures")) return;
    cJSON *figures = cJSON_ParseWithLength(msg->payload.at, msg->payload.len);
    fl_ns made_ns = fl_json_int(figures, "t_ns", 0);
    bool is_true = figures_are_true(member->load, figures, made_ns, at_ns);
    if (!is_true)
        fl_load_observe(member->load, FL_OBS_VIEW_UNTRUE, at_ns,
                        (uint64_t)fl_json_int(figures, "seq", 0), viewer->first->user, 0);
    cJSON_Delete(figures);
    while (is_true && viewer->first != NULL && viewer->first->due_ns <= made_ns)
        fl_load_settle(viewer_pop(viewer), FL_OK, FL_OPERR_NONE, at_ns);
}

static const struct fl_member_events viewer_events = {.on_push = viewer_on_push};

static int driver_dashboard_open(struct fl_load *load, struct fl_err *err)
{
    double bound_ns = 0;
    int rc = fl_settings_number(&load->settings, "bound", &bound_ns, err);
    if (rc != 0) return rc;
    struct dashboard *dashboard = fl_new(struct dashboard);
    load->state = dashboard;
    dashboard->bound_ns = (fl_ns)bound_ns;
    dashboard->topic = fl_settings_text(&load->settings, "topic");
    dashboard->viewers_count = (uint32_t)load->users;
    if (dashboard->topic[0] == '\0') return fl_err_set(err, FL_EPARSE, "topic: which one?");
    fl_load_add_stream(load, FL_OP_VIEW, "views", load->rate_per_s, 0);
    return 0;
}

static void driver_dashboard_start(struct fl_load *load, fl_ns t0_ns)
{
    (void)t0_ns;
    struct dashboard *dashboard = load->state;
    dashboard->viewers = fl_new_array(struct viewer, dashboard->viewers_count);
    for (uint32_t i = 0; i < dashboard->viewers_count; i++) {
        struct fl_member_opts opts = {.events = &viewer_events,
                                      .load = load,
                                      .user = i,
                                      .topic = dashboard->topic,
                                      .params = "{}"};
        fl_member_init(&dashboard->viewers[i].member, &opts);
        dashboard->started_count++;
        fl_member_start(&dashboard->viewers[i].member);
    }
}

static void driver_dashboard_issue(struct fl_load *load, struct fl_pending *pending)
{
    struct dashboard *dashboard = load->state;
    struct viewer *viewer = &dashboard->viewers[dashboard->turn];
    pending->user = dashboard->turn;
    dashboard->turn = (dashboard->turn + 1) % dashboard->viewers_count;
    pending->sent_ns = fl_now(); /* looking is all there is to send */
    pending->work = NULL;
    if (viewer->last != NULL)
        viewer->last->work = pending;
    else
        viewer->first = pending;
    viewer->last = pending;
}

static void driver_dashboard_drop(struct fl_load *load, struct fl_pending *pending)
{
    struct dashboard *dashboard = load->state;
    struct fl_pending *first = viewer_pop(&dashboard->viewers[pending->user]);
    FL_ASSERT(first == pending); /* deadlines come in due order, too */
}

static void driver_dashboard_stop(struct fl_load *load)
{
    struct dashboard *dashboard = load->state;
    for (uint32_t i = 0; i < dashboard->started_count; i++)
        fl_member_stop(&dashboard->viewers[i].member);
}

static void driver_dashboard_fini(struct fl_load *load)
{
    struct dashboard *dashboard = load->state;
    for (uint32_t i = 0; i < dashboard->started_count; i++)
        fl_member_fini(&dashboard->viewers[i].member);
    free(dashboard->viewers);
    free(dashboard->topic);
    free(dashboard);
}

const struct fl_driver fl_driver_dashboard = {
    .open = driver_dashboard_open,
    .start = driver_dashboard_start,
    .issue = driver_dashboard_issue,
    .drop = driver_dashboard_drop,
    .stop = driver_dashboard_stop,
    .fini = driver_dashboard_fini,
};
