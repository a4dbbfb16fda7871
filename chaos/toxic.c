#include "chaos/toxic.h"

#include "runtime/base/json.h"

const struct fl_toxic_type *const fl_toxic_types[] = {
    &fl_toxic_latency,
    &fl_toxic_cut,
    NULL,
};

const struct fl_toxic_type *fl_toxic_find(const char *name)
{
    FL_ASSERT(name != NULL);
    for (size_t i = 0; fl_toxic_types[i] != NULL; i++)
        if (strcmp(fl_toxic_types[i]->name, name) == 0) return fl_toxic_types[i];
    return NULL;
}

unsigned fl_toxic_stream(const cJSON *settings)
{
    static const struct {
        const char *name;
        unsigned bits;
    } streams[] = {
        {"upstream", FL_STREAM_UP},
        {"downstream", FL_STREAM_DOWN},
        {"both", FL_STREAM_BOTH},
    };
    const char *name = fl_json_text(settings, "stream", "downstream");
    for (size_t i = 0; i < FL_COUNT(streams); i++)
        if (strcmp(streams[i].name, name) == 0) return streams[i].bits;
    return 0;
}
