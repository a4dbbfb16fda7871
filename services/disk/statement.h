/* statement.h: running a compiled statement, and bytes in and out of it. */
#ifndef FL_DISK_STATEMENT_H
#define FL_DISK_STATEMENT_H

#include <sqlite3.h>

#include "runtime/base/str.h"

/** Ends the use of a statement that stopped at rc, which is forgotten with what was bound.
 * SQLITE_OK for a row or an end. */
int fl_statement_ended(sqlite3_stmt *stmt, int rc);
/** Runs one without rows: SQLITE_OK when it ended; SQLITE_INTERNAL when there was a row. */
int fl_statement_run(sqlite3_stmt *stmt);
/** Binds bytes, which must stay until it ended; an empty view is an empty blob, not NULL. */
void fl_statement_bind(sqlite3_stmt *stmt, int at, struct fl_str bytes);
/** A column as a view that is valid until the next step; NULL is an empty one. */
struct fl_str fl_statement_bytes(sqlite3_stmt *stmt, int at);

#endif
