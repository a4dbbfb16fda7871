#include "runtime/base/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/failpoint.h"
#include "runtime/base/json.h"

#define OPS_MAGIC "FLOPS1\0"
#define OPS_BUFFERED 1024

struct ops_header {
    char magic[8];
    uint32_t record_bytes, zero;
    uint64_t wall_ns, mono_ns;
    char reserved[32];
};
_Static_assert(sizeof(struct ops_header) == 64, "the header is a contract");

struct fl_journal {
    int facts_fd, ops_fd;
    bool broken;
    void (*watch)(void *cx, const char *line);
    void *watch_cx;
    size_t count;   /* operations in the buffer */
    size_t written; /* bytes of the buffer that a short write already took */
    struct fl_op ops[OPS_BUFFERED];
};

const char *const fl_op_error_names[FL_OPERR_COUNT] = {"none",   "refused", "reset", "timeout",
                                                       "status", "content", "unsent"};

static int open_segment(const char *folder, const char *writer, const char *ending,
                        struct fl_err *err)
{
    char *path = fl_format("%s/journal/%s.%s", folder, writer, ending);
    int fd = FL_FAIL("posix/io/oc/open")
                 ? -1
                 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) fl_err_set(err, FL_EIO, "cannot open %s: %s", path, strerror(errno));
    free(path);
    return fd;
}

/* A header in an empty file; an existing one (a restarted writer) already has it. Half a record
 * that a killed writer left is cut off, or every one after it would be read at the wrong place. */
static int put_header(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return -1;
    const off_t head = sizeof(struct ops_header), each = sizeof(struct fl_op);
    off_t whole = st.st_size < head ? 0 : st.st_size - (st.st_size - head) % each;
    if (whole < st.st_size && ftruncate(fd, whole) != 0) return -1;
    if (whole > 0) return 0;
    struct ops_header header = {.magic = OPS_MAGIC,
                                .record_bytes = sizeof(struct fl_op),
                                .wall_ns = (uint64_t)fl_wall_now(),
                                .mono_ns = (uint64_t)fl_now()};
    if (FL_FAIL("posix/io/rw/write")) return -1;
    return write(fd, &header, sizeof header) == (ssize_t)sizeof header ? 0 : -1;
}

int fl_journal_open(struct fl_journal **out, const char *folder, const char *writer,
                    struct fl_err *err)
{
    char *journal_folder = fl_format("%s/journal", folder);
    int rc = fl_make_dirs(journal_folder, err);
    free(journal_folder);
    if (rc != 0) return rc;

    struct fl_journal *journal = fl_new(struct fl_journal);
    journal->facts_fd = journal->ops_fd = -1;
    journal->facts_fd = open_segment(folder, writer, "jsonl", err);
    if (journal->facts_fd < 0) goto fail;
    journal->ops_fd = open_segment(folder, writer, "ops", err);
    if (journal->ops_fd < 0) goto fail;
    if (put_header(journal->ops_fd) != 0) {
        fl_err_set(err, FL_EIO, "cannot write the journal in %s: %s", folder, strerror(errno));
        goto fail;
    }
    *out = journal;
    return 0;

fail:
    fl_journal_close(journal);
    return FL_EIO;
}

void fl_journal_close(struct fl_journal *journal)
{
    if (journal == NULL) return;
    if (journal->ops_fd >= 0) {
        fl_journal_flush(journal);
        close(journal->ops_fd);
    }
    if (journal->facts_fd >= 0) close(journal->facts_fd);
    free(journal);
}

int fl_journal_flush(struct fl_journal *journal)
{
    size_t total = journal->count * sizeof(struct fl_op);
    while (journal->written < total) {
        ssize_t wrote = FL_FAIL("posix/io/rw/write")
                            ? -1
                            : write(journal->ops_fd, (char *)journal->ops + journal->written,
                                    total - journal->written);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) {
            journal->broken = true;
            return FL_EIO;
        }
        journal->written += (size_t)wrote;
    }
    journal->count = journal->written = 0;
    return 0;
}

void fl_journal_op(struct fl_journal *journal, const struct fl_op *op)
{
    /* With a full buffer and a full disk the record is lost, and broken says so. */
    if (journal->count == OPS_BUFFERED && fl_journal_flush(journal) != 0) return;
    journal->ops[journal->count++] = *op;
}

void fl_journal_fact(struct fl_journal *journal, fl_ns at_ns, const char *fact,
                     const char *fields_format, ...)
{
    if (journal == NULL) return;
    struct fl_buf line = {0};
    fl_buf_printf(&line, "{\"t\":%lld,\"fact\":\"%s\"", (long long)at_ns, fact);
    if (fields_format != NULL) {
        va_list args;
        va_start(args, fields_format);
        char *fields = NULL;
        int len = vasprintf(&fields, fields_format, args);
        va_end(args);
        FL_ASSERT(len >= 0);
        fl_buf_putc(&line, ',');
        fl_buf_add(&line, fields, (size_t)len);
        free(fields);
    }
    fl_buf_puts(&line, "}\n");
    /* O_APPEND and one write: lines of a restarted writer never mix. */
    ssize_t wrote;
    do
        wrote = FL_FAIL("posix/io/rw/write") ? -1 : write(journal->facts_fd, line.at, line.len);
    while (wrote < 0 && errno == EINTR);
    if (wrote != (ssize_t)line.len) journal->broken = true;
    line.at[line.len - 1] = '\0';
    if (journal->watch != NULL) journal->watch(journal->watch_cx, line.at);
    fl_buf_fini(&line);
}

void fl_journal_watch(struct fl_journal *journal, void (*fn)(void *cx, const char *line), void *cx)
{
    journal->watch = fn;
    journal->watch_cx = cx;
}

bool fl_journal_broken(const struct fl_journal *journal)
{
    return journal->broken;
}
