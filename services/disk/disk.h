/* disk.h: a database of ours, opened so that what was committed survives a crash.
 *
 * SQLite with a log beside the file (WAL). A file that is another program's, or damaged, is refused
 * and left as it is; whoever opens after a crash goes on with the log.
 * Knows: SQLite, one file. Does not know: the runtime, what the tables mean.
 * Thread: one at a time, any. A second one on the same file is safe. */
#ifndef FL_DISK_DISK_H
#define FL_DISK_DISK_H

#include <sqlite3.h>

#include "runtime/base/str.h"

/** What all databases of one kind have in common. A constant. */
struct fl_disk_kind {
    const char *called;       /* in messages: "chat archive" */
    const char *whose;        /* in messages: "a chat's" */
    int application_id;       /* in the file's header; the schema writes it */
    const char *schema;       /* of a new file; NULL: see fl_disk_opts.make */
    const char *const *sql;   /* the statements that it runs while it serves … */
    int sql_count;            /* … and how many */
    int full_code;            /* the code for a full disk; 0: FL_EFULL */
    const char *when_full;    /* said of it before SQLite's own words; NULL: nothing */
    const char *when_damaged; /* said behind the words about a damaged file; NULL: nothing */
};

struct fl_disk;
struct fl_disk_opts {
    const char *path;  /* the database file; made when it is not there */
    int64_t pages_max; /* 4 KiB pages the file may have; 0: no limit but the disk */
    bool relaxed;      /* synchronous=NORMAL: a power cut may lose the last commits, a crash none */
    bool unchecked;    /* the caller knows that the file is sound: do not read all of it */
    /** In place of the kind's schema: makes the tables of a new file, or brings an older file's up
     * to date. */
    int (*make)(struct fl_disk *disk, bool is_new, void *cx, struct fl_err *err);
    void *cx;
};

/** All zero: not open. */
struct fl_disk {
    const struct fl_disk_kind *kind;
    char *path;
    sqlite3 *db;
    sqlite3_stmt **sql; /* the kind's, compiled */
};

/** Opens or makes the database. FL_EIO: it cannot be opened, is damaged, or is another program's;
 * FL_EFULL, or what the kind says, when there is no room for it. Then it is not open. */
int fl_disk_open(struct fl_disk *disk, const struct fl_disk_kind *kind,
                 const struct fl_disk_opts *opts, struct fl_err *err);
/** Closes; one that is not open is fine. */
void fl_disk_close(struct fl_disk *disk);
/** Fills err with the file, what was being done and what SQLite says, and gives the code that
 * callers know: that of a full disk, or FL_EIO. */
int fl_disk_fail(const struct fl_disk *disk, int sqlite_code, const char *doing,
                 struct fl_err *err);
/** Reads the one number that a statement gives, or -1. */
int64_t fl_disk_number(const struct fl_disk *disk, const char *sql);
/** Ends the transaction, if there is one: nothing of it happened. */
void fl_disk_rollback(struct fl_disk *disk);

#endif
