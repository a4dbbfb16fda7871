#include "services/queue/http.h"

#include "services/queue/board.h"
#include "services/queue/http_parts.h"

static void http_health(struct fl_self *self, struct fl_web *web, const struct fl_web_request *req)
{
    (void)req;
    if (fl_pid_eq(fl_whereis(fl_self_node(self), FL_KEEPER_NAME), FL_NO_PID)) {
        fl_web_set_header(web, "Retry-After", "1");
        fl_web_fail(self, web, 503, http_words(FL_ENOPROC, FL_STORE_STATS));
    } else {
        fl_web_respond_json(self, web, 200, FL_STR("{\"ok\":true}"));
    }
}

/* tests/unit/queue/test_openapi.c holds these against docs/queue.openapi.yaml. */
const struct fl_web_route fl_queue_routes[] = {
    {"GET", "/health", http_health, NULL},
    {"GET", "/metrics", fl_queue_http_metrics, NULL},
    {"GET", "/stats", fl_queue_http_stats, NULL},

    {"POST", "/jobs", fl_queue_http_enqueue, NULL},
    {"POST", "/jobs/batch", fl_queue_http_enqueue_many, NULL},
    {"POST", "/jobs/lease", fl_queue_http_lease, NULL},
    {"POST", "/jobs/ack", fl_queue_http_ack_many, NULL},
    {"GET", "/jobs/:id", fl_queue_http_get, NULL},
    {"DELETE", "/jobs/:id", fl_queue_http_delete, NULL},
    {"POST", "/jobs/:id/ack", fl_queue_http_ack, NULL},
    {"POST", "/jobs/:id/fail", fl_queue_http_job_failed, NULL},
    {"POST", "/jobs/:id/heartbeat", fl_queue_http_heartbeat, NULL},
    {"POST", "/jobs/:id/release", fl_queue_http_release, NULL},
    {"POST", "/jobs/:id/requeue", fl_queue_http_requeue, NULL},

    {"GET", "/queues", fl_queue_http_queues, NULL},
    {"GET", "/queues/:queue", fl_queue_http_queue, NULL},
    {"PUT", "/queues/:queue", fl_queue_http_queue_set, NULL},
    {"DELETE", "/queues/:queue", fl_queue_http_queue_delete, NULL},
    {"POST", "/queues/:queue/pause", fl_queue_http_pause, NULL},
    {"POST", "/queues/:queue/resume", fl_queue_http_resume, NULL},
    {"POST", "/queues/:queue/lease", fl_queue_http_lease, NULL},
    {"GET", "/queues/:queue/jobs", fl_queue_http_list, NULL},
    {"POST", "/queues/:queue/jobs", fl_queue_http_enqueue, NULL},
    {"DELETE", "/queues/:queue/jobs", fl_queue_http_purge, NULL},
    {"POST", "/queues/:queue/jobs/batch", fl_queue_http_enqueue_many, NULL},
    {"POST", "/queues/:queue/requeue", fl_queue_http_requeue_all, NULL},

    {"GET", "/repeats", fl_queue_http_repeats, NULL},
    {"GET", "/queues/:queue/repeats", fl_queue_http_repeats, NULL},
    {"PUT", "/queues/:queue/repeats/:name", fl_queue_http_repeat_set, NULL},
    {"DELETE", "/queues/:queue/repeats/:name", fl_queue_http_repeat_delete, NULL},

    /* the pages for people; not every path is theirs: an unknown one is 404 whatever the method */
    {"GET", "/", fl_live_page_handle, &fl_board_site},
    {"GET", "/board/:queue", fl_live_page_handle, &fl_board_site},
    {0},
};
