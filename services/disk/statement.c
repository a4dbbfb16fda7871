#include "services/disk/statement.h"

int fl_statement_ended(sqlite3_stmt *stmt, int rc)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int fl_statement_run(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    int code = fl_statement_ended(stmt, rc);
    return rc == SQLITE_ROW ? SQLITE_INTERNAL : code;
}

void fl_statement_bind(sqlite3_stmt *stmt, int at, struct fl_str bytes)
{
    sqlite3_bind_blob64(stmt, at, bytes.len > 0 ? bytes.at : "", bytes.len, SQLITE_STATIC);
}

struct fl_str fl_statement_bytes(sqlite3_stmt *stmt, int at)
{
    const char *bytes = sqlite3_column_blob(stmt, at); /* NULL when it has none */
    return (struct fl_str){bytes != NULL ? bytes : "", (size_t)sqlite3_column_bytes(stmt, at)};
}
