#include "services/queue/settings.h"

#define DAY_MS INT64_C(86400000)

const struct fl_queue_setting fl_queue_settings[FL_SET_COUNT] = {
    [FL_SET_JOBS_MAX] = {"max_jobs", FL_SETTING_INT, 1, 1000000, 1000000},
    [FL_SET_DONE_MAX] = {"keep_done", FL_SETTING_INT, 0, 1000000, 500000},
    [FL_SET_DONE_MS] = {"keep_done_ms", FL_SETTING_INT, 0, 3650 * DAY_MS, 0},
    [FL_SET_CONCURRENCY] = {"concurrency", FL_SETTING_INT, 0, 1000000, 0},
    [FL_SET_RATE] = {"rate", FL_SETTING_THOUSANDTHS, 0, 1000000000, 0},
    [FL_SET_VISIBILITY_MS] = {"visibility_ms", FL_SETTING_INT, 1, DAY_MS, 30000},
    [FL_SET_ATTEMPTS_MAX] = {"max_attempts", FL_SETTING_INT, 1, 1000, 25},
    [FL_SET_BACKOFF_MS] = {"backoff_ms", FL_SETTING_INT, 0, DAY_MS, 500},
    [FL_SET_BACKOFF_CAP_MS] = {"backoff_max_ms", FL_SETTING_INT, 0, DAY_MS, 60000},
    [FL_SET_PAUSED] = {"paused", FL_SETTING_BOOL, 0, 1, 0},
    [FL_SET_WORKERS] = {"workers", FL_SETTING_INT, 0, 64, 0},
};

void fl_queue_config_init(struct fl_queue_config *config)
{
    *config = (struct fl_queue_config){0};
    for (int i = 0; i < FL_SET_COUNT; i++)
        config->values[i] = fl_queue_settings[i].standard;
}

int fl_queue_config_change(struct fl_queue_config *config, const struct fl_queue_change *change)
{
    struct fl_queue_config next = *config;
    for (int i = 0; i < FL_SET_COUNT; i++) {
        if (!change->has[i]) continue;
        const struct fl_queue_setting *row = &fl_queue_settings[i];
        if (change->to.values[i] < row->least || change->to.values[i] > row->most) return FL_ERANGE;
        next.values[i] = change->to.values[i];
    }
    if (change->has_handler) memcpy(next.handler, change->to.handler, sizeof next.handler);
    *config = next;
    return 0;
}
