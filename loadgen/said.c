#include "loadgen/said.h"

void fl_said_fini(struct fl_said *said)
{
    for (size_t i = 0; i < FL_SAID_MAX; i++)
        cJSON_Delete(said->ring[i].loads);
    *said = (struct fl_said){0};
}

void fl_said_add(struct fl_said *said, fl_ns at_ns, struct fl_str loads)
{
    size_t place = said->count++ % FL_SAID_MAX;
    cJSON_Delete(said->ring[place].loads);
    said->ring[place].at_ns = at_ns;
    said->ring[place].loads = cJSON_ParseWithLength(loads.at, loads.len);
}

bool fl_said_within(const struct fl_said *said, const cJSON *loads, fl_ns from_ns, fl_ns until_ns)
{
    fl_ns replaced_ns = FL_NEVER; /* when the one that is looked at stopped being the latest */
    uint64_t oldest = said->count > FL_SAID_MAX ? said->count - FL_SAID_MAX : 0;
    for (uint64_t i = said->count; i-- > oldest; replaced_ns = said->ring[i % FL_SAID_MAX].at_ns) {
        if (replaced_ns < from_ns) return false;
        bool is_in_time = said->ring[i % FL_SAID_MAX].at_ns <= until_ns;
        if (is_in_time && cJSON_Compare(said->ring[i % FL_SAID_MAX].loads, loads, true))
            return true;
    }
    if (replaced_ns < from_ns) return false;
    return oldest > 0 || cJSON_GetArraySize(loads) == 0;
}
