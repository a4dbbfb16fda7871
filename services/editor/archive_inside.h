/* archive_inside.h: what archive.c and archive_ops.c share; nobody else's business. */
#ifndef FL_EDITOR_ARCHIVE_INSIDE_H
#define FL_EDITOR_ARCHIVE_INSIDE_H

#include "services/disk/disk.h"
#include "services/disk/statement.h"
#include "services/editor/archive.h"

enum archive_sql {
    SQL_BEGIN,
    SQL_COMMIT,
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
    struct fl_disk disk;
    int64_t docs_max, keep_revs; /* as in the options */
};

#endif
