#include "runtime/base/proc_state.h"

#include "runtime/base/fl.h"

char fl_proc_state(pid_t pid)
{
    FL_ASSERT(pid > 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) return 0;
    char text[512];
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    /* `17 (a name) S …`: the name may hold parentheses, the last one closes it. */
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || name_end[1] != ' ') return 0;
    return name_end[2];
}
