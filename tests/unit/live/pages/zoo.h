/* zoo.h: a state of everything that a template can show; zoo.live.html shows it. */
#ifndef FL_TESTS_ZOO_H
#define FL_TESTS_ZOO_H

#include "services/live/live.h"

enum { ZOO_ROWS_MAX = 12, ZOO_TAGS_MAX = 4, ZOO_TEXT_MAX = 24 };

struct zoo_tag {
    char word[ZOO_TEXT_MAX];
};
struct zoo_row {
    int64_t id;
    char name[ZOO_TEXT_MAX];
    unsigned count;
    bool is_hot, is_open;
    struct zoo_tag tags[ZOO_TAGS_MAX];
    int tags_count;
};
struct zoo_job {
    const char *text;
    bool is_done;
};
struct zoo {
    char title[ZOO_TEXT_MAX];
    const char *maybe;
    struct fl_str view;
    bool is_on, is_shown;
    int mood;
    double share;
    int64_t small;
    uint64_t large;
    struct zoo_row rows[ZOO_ROWS_MAX];
    int rows_count;
    const char *words[ZOO_ROWS_MAX];
    size_t words_count;
    struct fl_live_stream jobs;
};

#endif
