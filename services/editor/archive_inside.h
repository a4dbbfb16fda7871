/* archive_inside.h: what archive.c and archive_ops.c share; nobody else's business. */
#ifndef FL_EDITOR_ARCHIVE_INSIDE_H
#define FL_EDITOR_ARCHIVE_INSIDE_H

#include <sqlite3.h>

#include "services/editor/archive.h"

enum archive_sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_FIND,
    SQL_COUNT_DOCS,
    SQL_MAKE,
    SQL_HEAD,
    SQL_APPEND,
    SQL_SNAP,
    SQL_OLD_SNAP,
    SQL_KEEP_SEEN,
    SQL_DROP_OPS,
    SQL_DROP_SNAPS,
    SQL_DROP_SEEN,
    SQL_FLOOR,
    SQL_TEXT,
    SQL_ROWS,
    SQL_RECENT,
    SQL_SEEN,
    SQL_LIST,
    SQL_COUNT
};

struct fl_doc_archive {
    sqlite3 *db;
    sqlite3_stmt *sql[SQL_COUNT];
    struct fl_doc_archive_opts opts;
};

/** Fills err with what SQLite says and gives the code that callers know. */
int fl_doc_archive_fail(struct fl_doc_archive *archive, int sqlite_code, const char *doing,
                        struct fl_err *err);

#endif
