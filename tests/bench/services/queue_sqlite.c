/* queue_sqlite FOLDER GROUP SECONDS: what SQLite alone does: one thread, no server, the pragmas,
 * the table of jobs and the indexes that the queue has, so many inserts a commit. Prints jobs a
 * second.
 */
#include <sqlite3.h>

#include "runtime/base/clock.h"
#include "runtime/base/str.h"

static void sqlite_ok(sqlite3 *db, int rc, const char *doing)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW) return;
    fprintf(stderr, "%s: %s\n", doing, sqlite3_errmsg(db));
    exit(1);
}

static void sqlite_insert(sqlite3 *db, sqlite3_stmt *insert, int64_t id, uint64_t mark)
{
    static const char payload[] = "{\"to\":\"ana@example.org\"}";
    char key[64];
    int len = snprintf(key, sizeof key, "%llx-%llx", (unsigned long long)id,
                       (unsigned long long)mark);
    sqlite3_bind_int64(insert, 1, id);
    sqlite3_bind_blob(insert, 2, key, len, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 3, id);
    sqlite3_bind_blob(insert, 4, payload, sizeof payload - 1, SQLITE_STATIC);
    sqlite_ok(db, sqlite3_step(insert), "insert");
    sqlite3_reset(insert);
}

int main(int argc, char **argv)
{
    if (argc != 4) return 64;
    char *path = fl_format("%s/bare.db", argv[1]);
    double group = atof(argv[2]), owed = 0;
    fl_ns last_ns = fl_s(atoi(argv[3]));
    sqlite3 *db = NULL;
    sqlite_ok(db, sqlite3_open(path, &db), "open");
    sqlite_ok(db,
              sqlite3_exec(db,
                           "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                           "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY;"
                           "PRAGMA journal_size_limit=67108864;"
                           "CREATE TABLE jobs(id INTEGER PRIMARY KEY, queue INTEGER NOT NULL,"
                           " state INTEGER NOT NULL, rank INTEGER NOT NULL, priority INTEGER NOT"
                           " NULL, attempt INTEGER NOT NULL, lease INTEGER NOT NULL, created_ms"
                           " INTEGER NOT NULL, attempts_max INTEGER, backoff_ms INTEGER,"
                           " backoff_max_ms INTEGER, key BLOB, uniq BLOB, worker BLOB, error BLOB,"
                           " result BLOB, payload BLOB);"
                           "CREATE INDEX jobs_order ON jobs(queue, state, rank, id);"
                           "CREATE UNIQUE INDEX jobs_key ON jobs(queue, key) WHERE key IS NOT NULL;"
                           "CREATE UNIQUE INDEX jobs_unique ON jobs(queue, uniq)"
                           " WHERE uniq IS NOT NULL AND state < 3;",
                           NULL, NULL, NULL),
              "schema");
    sqlite3_stmt *insert = NULL, *begin = NULL, *commit = NULL;
    sqlite3_prepare_v2(
        db,
        "INSERT INTO jobs(id, queue, state, rank, priority, attempt, lease, created_ms,"
        " key, payload) VALUES(?1, 1, 1, 0, 0, 0, 0, ?3, ?2, ?4)",
        -1, &insert, NULL);
    sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &begin, NULL);
    sqlite3_prepare_v2(db, "COMMIT", -1, &commit, NULL);

    int64_t id = 0;
    uint64_t mark = (uint64_t)fl_now();
    fl_ns start_ns = fl_now(), now_ns = start_ns;
    while (now_ns - start_ns < last_ns) {
        sqlite_ok(db, sqlite3_step(begin), "begin");
        sqlite3_reset(begin);
        for (owed += group; owed >= 1; owed -= 1) /* a mean group need not be whole */
            sqlite_insert(db, insert, ++id, mark);
        sqlite_ok(db, sqlite3_step(commit), "commit");
        sqlite3_reset(commit);
        now_ns = fl_now();
    }
    printf("%.0f\n", (double)id * 1e9 / (double)(now_ns - start_ns));
    sqlite3_finalize(insert);
    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
    sqlite3_close(db);
    free(path);
    return 0;
}
