#include "runtime/watch_find.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/base/json.h"

enum { ANCESTORS_MAX = 32 };

static pid_t parent_of(pid_t pid)
{
    char *path = fl_format("/proc/%d/stat", (int)pid), *text = NULL;
    int parent = 0;
    if (fl_file_read(&text, NULL, path, NULL) == 0) {
        const char *at = strrchr(text, ')'); /* a name may have anything in it */
        if (at == NULL || sscanf(at, ") %*c %d", &parent) != 1) parent = 0;
    }
    free(text);
    free(path);
    return parent;
}

/* `chat.1-4711.sock` */
static bool watched_parse(struct fl_watched *out, const char *folder, const char *file)
{
    const char *dash = strrchr(file, '-');
    int pid = 0, end = 0;
    if (dash == NULL || sscanf(dash, "-%d.sock%n", &pid, &end) != 1) return false;
    if (dash[end] != '\0' || end == 0 || pid <= 0) return false;
    *out = (struct fl_watched){.pid = pid, .root = pid};
    snprintf(out->name, sizeof out->name, "%.*s", (int)(dash - file), file);
    int len = snprintf(out->path, sizeof out->path, "%s/%s", folder, file);
    return len < (int)sizeof out->path;
}

static void watched_set_root(struct fl_watched *one, const struct fl_watched *all, size_t count)
{
    pid_t at = one->pid;
    for (int i = 0; i < ANCESTORS_MAX && at > 1; i++) {
        at = parent_of(at);
        for (size_t j = 0; j < count; j++)
            if (all[j].pid == at) one->root = at;
    }
}

static int compare_watched(const void *a, const void *b)
{
    const struct fl_watched *x = a, *y = b;
    if (x->root != y->root) return x->root < y->root ? -1 : 1;
    bool x_is_root = x->pid == x->root, y_is_root = y->pid == y->root;
    if (x_is_root != y_is_root) return x_is_root ? -1 : 1;
    int names = strcmp(x->name, y->name);
    return names != 0 ? names : x->pid < y->pid ? -1 : x->pid > y->pid;
}

size_t fl_watch_find(struct fl_watched **out)
{
    char folder[FL_WATCH_PATH_MAX];
    struct fl_watched *all = NULL;
    size_t count = 0, cap = 0;
    DIR *dir = fl_watch_folder(folder, sizeof folder, false, NULL) == 0 ? opendir(folder) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct fl_watched one;
        if (!watched_parse(&one, folder, entry->d_name)) continue;
        if (kill(one.pid, 0) != 0 && errno == ESRCH) {
            unlink(one.path); /* killed before it could */
            continue;
        }
        if (count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            all = fl_realloc(all, cap * sizeof *all);
        }
        all[count++] = one;
    }
    if (dir != NULL) closedir(dir);
    for (size_t i = 0; i < count; i++)
        watched_set_root(&all[i], all, count);
    if (count > 1) qsort(all, count, sizeof *all, compare_watched);
    *out = all;
    return count;
}
