#include "loadgen/load.h"

static const struct fl_param http_params[] = {
    {"method", FL_PARAM_TEXT, false, 0, 0, "GET", "request method"},
    {"path", FL_PARAM_TEXT, false, 0, 0, "/", "path and query, from the slash on"},
    {"headers", FL_PARAM_MAP, false, 0, 0, NULL, "request headers"},
    {"body", FL_PARAM_TEXT, false, 0, 0, NULL, "request body"},
    {"expect", FL_PARAM_TEXT, false, 0, 0, "2xx", "status that is right: 204, or 2xx"},
    {"expect_body", FL_PARAM_TEXT, false, 0, 0, NULL, "text that the answer must contain"},
    {0},
};

static const struct fl_param tcp_params[] = {
    {"send", FL_PARAM_TEXT, true, 0, 0, NULL, "bytes to send; \\r \\n \\t \\\\ \\xHH are decoded"},
    {"expect", FL_PARAM_TEXT, false, 0, 0, NULL,
     "what the answer must begin with; absent: any line will do"},
    {0},
};

static const struct fl_param chat_params[] = {
    {"rooms", FL_PARAM_INT, false, 1, 10000, "5", "rooms that the users are spread over"},
    {0},
};

static const struct fl_param queue_params[] = {
    {"batch", FL_PARAM_INT, false, 1, 500, "8",
     "jobs that a lease is meant to bring; it asks for twice as many"},
    {"visibility", FL_PARAM_DURATION, false, 1e6, 3600e9, "5s",
     "how long a leased job stays hidden from other workers"},
    {"payload", FL_PARAM_SIZE, false, 0, 60000, "64", "bytes of payload in each job"},
    {0},
};

static const struct fl_param dashboard_params[] = {
    {"topic", FL_PARAM_TEXT, false, 0, 0, "dashboard:run", "the topic that viewers watch"},
    {"bound", FL_PARAM_DURATION, false, 1e6, 20e9, "2s",
     "how old what a page shows may have been when it was made"},
    {0},
};

static const struct fl_param editor_params[] = {
    {"documents", FL_PARAM_INT, false, 1, 10000, "4", "documents that the users are spread over"},
    {"keep", FL_PARAM_INT, false, 1, 1000, "25",
     "words of each user that a document holds; from then on every edit takes the oldest out"},
    {0},
};

const struct fl_workload fl_workloads[] = {
    {.name = "http",
     .params = http_params,
     .help = "HTTP requests over kept connections",
     .driver = &fl_driver_http,
     .standard_rate_per_s = 10},
    {.name = "tcp",
     .params = tcp_params,
     .help = "a line or a record, and its answer, over kept connections",
     .driver = &fl_driver_tcp,
     .standard_rate_per_s = 10},
    {.name = "chat",
     .params = chat_params,
     .help = "people in rooms: a message counts as done once everyone present has heard it",
     .driver = &fl_driver_chat,
     .standard_rate_per_s = 1,
     .standard_users = 20},
    {.name = "queue",
     .params = queue_params,
     .help = "jobs put into a queue and worked off; every one must come out at least once",
     .driver = &fl_driver_queue,
     .needs_rate = true},
    {.name = "dashboard",
     .params = dashboard_params,
     .help = "viewers of a live page that must keep being fresh",
     .driver = &fl_driver_dashboard,
     .standard_rate_per_s = 2,
     .standard_users = 5,
     .is_scattered = true},
    {.name = "editor",
     .params = editor_params,
     .help = "people who write in documents: an edit is done once the history has it; in the end "
             "everybody must have the same text",
     .driver = &fl_driver_editor,
     .standard_rate_per_s = 1,
     .standard_users = 20},
    {0},
};

const struct fl_workload *fl_workload_find(const char *name)
{
    for (const struct fl_workload *row = fl_workloads; row->name != NULL; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}
