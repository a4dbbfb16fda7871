/* archive_inside.h: what archive.c and archive_ops.c share; nobody else's business. */
#ifndef FL_CHAT_ARCHIVE_INSIDE_H
#define FL_CHAT_ARCHIVE_INSIDE_H

#include "services/chat/archive.h"
#include "services/disk/disk.h"
#include "services/disk/statement.h"

enum archive_sql {
    SQL_BEGIN,
    SQL_BEGIN_READ,
    SQL_COMMIT,
    SQL_ROOM,
    SQL_ROOMS,
    SQL_ROOM_NEW,
    SQL_ROOM_SET,
    SQL_SAID,
    SQL_SAY,
    SQL_ONE,
    SQL_CHANGE,
    SQL_OLDEST,
    SQL_DROP,
    SQL_BEFORE,
    SQL_AFTER,
    SQL_EDITED,
    SQL_LATEST,
    SQL_COUNT
};

struct fl_archive {
    struct fl_disk disk;
    int64_t kept_max, rooms_max; /* as in the options */
};

/** Carries out one op in the open transaction. Returns 0 (op->code is set) or an SQLite code, after
 * which the transaction must be rolled back. */
int fl_archive_op_run(struct fl_archive *archive, struct fl_archive_op *op, int64_t now_ms);

#endif
