#include <dirent.h>
#include <errno.h>

#include "runtime/base/journal.h"

#define WRITERS_MAX 1024

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);
    return n > e && strcmp(name + n - e, ending) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in journal/ with this ending, sorted, so that the reading order is always the same. */
static int list_segments(const char *folder, const char *ending, char **names, size_t *count,
                         struct fl_err *err)
{
    char *path = fl_format("%s/journal", folder);
    DIR *dir = opendir(path);
    if (dir == NULL) {
        int rc = fl_err_set(err, FL_EIO, "%s is not a run folder: cannot open %s: %s", folder, path,
                            strerror(errno));
        free(path);
        return rc;
    }
    free(path);
    *count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL && *count < WRITERS_MAX;)
        if (ends_with(entry->d_name, ending)) names[(*count)++] = fl_strdup(entry->d_name);
    closedir(dir);
    qsort(names, *count, sizeof *names, by_name);
    return 0;
}

static int read_ops_file(const char *path, fl_op_fn fn, void *cx, struct fl_err *err)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) return fl_err_set(err, FL_EIO, "cannot read %s: %s", path, strerror(errno));
    char header[64];
    uint32_t record_bytes = 0;
    int rc = 0;
    if (fread(header, 1, sizeof header, file) == sizeof header) {
        memcpy(&record_bytes, header + 8, sizeof record_bytes);
        if (memcmp(header, "FLOPS1\0", 8) != 0 || record_bytes != sizeof(struct fl_op))
            rc = fl_err_set(err, FL_EPARSE, "%s: not an operations segment of this version", path);
        static const size_t batch = 4096;
        struct fl_op *ops = fl_new_array(struct fl_op, batch);
        size_t got;
        while (rc == 0 && (got = fread(ops, sizeof *ops, batch, file)) > 0)
            for (size_t i = 0; i < got; i++)
                fn(cx, &ops[i]);
        free(ops);
    } /* shorter: its writer was killed while opening it; nothing was recorded */
    fclose(file);
    return rc;
}

static int read_facts_file(const char *path, const char *writer, fl_fact_fn fn, void *cx,
                           struct fl_err *err)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) return fl_err_set(err, FL_EIO, "cannot read %s: %s", path, strerror(errno));
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    while ((len = getline(&line, &cap, file)) > 0) {
        if (line[len - 1] != '\n') break; /* torn by a kill */
        line[len - 1] = '\0';
        fn(cx, writer, line);
    }
    free(line);
    fclose(file);
    return 0;
}

int fl_journal_read_ops(const char *folder, fl_op_fn fn, void *cx, struct fl_err *err)
{
    char *names[WRITERS_MAX];
    size_t count = 0;
    int rc = list_segments(folder, ".ops", names, &count, err);
    for (size_t i = 0; i < count; i++) {
        char *path = fl_format("%s/journal/%s", folder, names[i]);
        if (rc == 0) rc = read_ops_file(path, fn, cx, err);
        free(path);
        free(names[i]);
    }
    return rc;
}

int fl_journal_read_facts(const char *folder, fl_fact_fn fn, void *cx, struct fl_err *err)
{
    char *names[WRITERS_MAX];
    size_t count = 0;
    int rc = list_segments(folder, ".jsonl", names, &count, err);
    for (size_t i = 0; i < count; i++) {
        char *path = fl_format("%s/journal/%s", folder, names[i]);
        char *writer = fl_str_dup((struct fl_str){names[i], strlen(names[i]) - strlen(".jsonl")});
        if (rc == 0) rc = read_facts_file(path, writer, fn, cx, err);
        free(writer);
        free(path);
        free(names[i]);
    }
    return rc;
}
