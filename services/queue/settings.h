/* settings.h: what a queue can be told, in one table: parser, storage, answers and pages walk it.
 *
 * Knows: names and limits. Does not know: JSON, SQL. Thread: any. */
#ifndef FL_QUEUE_SETTINGS_H
#define FL_QUEUE_SETTINGS_H

#include "runtime/base/str.h"

enum fl_queue_setting_id {
    FL_SET_JOBS_MAX = 0,
    FL_SET_DONE_MAX,
    FL_SET_DONE_MS,
    FL_SET_CONCURRENCY,
    FL_SET_RATE, /* thousandths of a lease a second */
    FL_SET_VISIBILITY_MS,
    FL_SET_ATTEMPTS_MAX,
    FL_SET_BACKOFF_MS,
    FL_SET_BACKOFF_CAP_MS,
    FL_SET_PAUSED,
    FL_SET_WORKERS,
    FL_SET_COUNT,
};

enum fl_queue_setting_kind { FL_SETTING_INT = 0, FL_SETTING_THOUSANDTHS, FL_SETTING_BOOL };

struct fl_queue_setting {
    const char *name; /* in JSON, and its column */
    enum fl_queue_setting_kind kind;
    int64_t least, most, standard;
};
/** One row for each enum fl_queue_setting_id, in order. */
extern const struct fl_queue_setting fl_queue_settings[FL_SET_COUNT];

#define FL_HANDLER_NAME_MAX 32

struct fl_queue_config {
    int64_t values[FL_SET_COUNT];
    char handler[FL_HANDLER_NAME_MAX + 1]; /* of its pool of workers; "": it has none */
};
/** What to change of a config: the others stay. */
struct fl_queue_change {
    bool has[FL_SET_COUNT], has_handler;
    struct fl_queue_config to;
};

/** The standard config. */
void fl_queue_config_init(struct fl_queue_config *config);
/** Applies a change; FL_ERANGE, and nothing is changed, when a value is outside its limits. */
int fl_queue_config_change(struct fl_queue_config *config, const struct fl_queue_change *change);

#endif
