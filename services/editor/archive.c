#include "services/editor/archive_inside.h"

static const char archive_schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE docs(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, head INTEGER NOT NULL,"
    "  floor INTEGER NOT NULL, changed_ms INTEGER NOT NULL);"
    "CREATE INDEX docs_changed ON docs(changed_ms);"
    "CREATE TABLE ops(doc INTEGER NOT NULL, rev INTEGER NOT NULL, client BLOB NOT NULL,"
    "  seq INTEGER NOT NULL, by BLOB NOT NULL, at_ms INTEGER NOT NULL, inserted INTEGER NOT NULL,"
    "  deleted INTEGER NOT NULL, edit BLOB NOT NULL, PRIMARY KEY(doc, rev)) WITHOUT ROWID;"
    "CREATE TABLE snaps(doc INTEGER NOT NULL, rev INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    "  text BLOB NOT NULL, PRIMARY KEY(doc, rev));"
    "CREATE TABLE seen(doc INTEGER NOT NULL, client BLOB NOT NULL, seq INTEGER NOT NULL,"
    "  rev INTEGER NOT NULL, PRIMARY KEY(doc, client)) WITHOUT ROWID;"
    "PRAGMA application_id = 1179403569;"
    "COMMIT;";

static const char *const archive_sql_text[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_FIND] = "SELECT id, head, floor FROM docs WHERE name = ?1",
    [SQL_COUNT_DOCS] = "SELECT count(*) FROM docs",
    [SQL_MAKE] = "INSERT INTO docs(name, head, floor, changed_ms) VALUES(?1, 0, 0, 0)",
    [SQL_HEAD] = "UPDATE docs SET head = ?2, changed_ms = ?3 WHERE id = ?1",
    [SQL_APPEND] = "INSERT INTO ops(doc, rev, client, seq, by, at_ms, inserted, deleted, edit)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_SNAP] = "INSERT OR REPLACE INTO snaps(doc, rev, at_ms, text) VALUES(?1, ?2, ?3, ?4)",
    [SQL_OLD_SNAP] = "SELECT max(rev) FROM snaps WHERE doc = ?1 AND rev <= ?2",
    [SQL_KEEP_SEEN] = "INSERT INTO seen(doc, client, seq, rev)"
                      " SELECT doc, client, max(seq), max(rev) FROM ops"
                      " WHERE doc = ?1 AND rev <= ?2 GROUP BY client"
                      " ON CONFLICT(doc, client) DO UPDATE SET"
                      " seq = max(seq, excluded.seq), rev = max(rev, excluded.rev)",
    [SQL_DROP_OPS] = "DELETE FROM ops WHERE doc = ?1 AND rev <= ?2",
    [SQL_DROP_SNAPS] = "DELETE FROM snaps WHERE doc = ?1 AND rev < ?2",
    /* of clients that were last heard of long ago, all but 10,000 go */
    [SQL_DROP_SEEN] = "DELETE FROM seen WHERE doc = ?1 AND rev < coalesce((SELECT rev FROM seen"
                      " WHERE doc = ?1 ORDER BY rev DESC LIMIT 1 OFFSET 10000), 0)",
    [SQL_FLOOR] = "UPDATE docs SET floor = ?2 WHERE id = ?1",
    [SQL_TEXT] = "SELECT rev, text FROM snaps WHERE doc = ?1 AND rev <= ?2 ORDER BY rev DESC"
                 " LIMIT 1",
    [SQL_ROWS] = "SELECT rev, seq, at_ms, inserted, deleted, client, by, edit FROM ops"
                 " WHERE doc = ?1 AND rev > ?2 AND rev <= ?3 ORDER BY rev",
    [SQL_RECENT] = "SELECT rev, seq, at_ms, inserted, deleted, client, by, x'' FROM ops"
                   " WHERE doc = ?1 AND rev < ?2 ORDER BY rev DESC",
    [SQL_SEEN] =
        "SELECT max((SELECT coalesce(max(seq), 0) FROM ops WHERE doc = ?1 AND client = ?2),"
        " (SELECT coalesce(max(seq), 0) FROM seen WHERE doc = ?1 AND client = ?2))",
    [SQL_LIST] = "SELECT name, head, changed_ms FROM docs ORDER BY changed_ms DESC LIMIT ?1",
};

static const struct fl_disk_kind archive_kind = {
    .called = "editor store",
    .whose = "an editor's",
    .application_id = 0x464c4531, /* "FLE1" */
    .schema = archive_schema,
    .sql = archive_sql_text,
    .sql_count = SQL_COUNT,
};

int fl_doc_archive_open(struct fl_doc_archive **out, const struct fl_doc_archive_opts *opts,
                        struct fl_err *err)
{
    struct fl_doc_archive *archive = fl_new(struct fl_doc_archive);
    archive->docs_max = opts->docs_max != 0 ? opts->docs_max : 100000;
    archive->keep_revs = opts->keep_revs != 0 ? opts->keep_revs : 10000;
    const struct fl_disk_opts disk = {.path = opts->path, .pages_max = opts->pages_max};
    int code = fl_disk_open(&archive->disk, &archive_kind, &disk, err);
    if (code == 0)
        *out = archive;
    else
        free(archive);
    return code;
}

void fl_doc_archive_close(struct fl_doc_archive *archive)
{
    if (archive == NULL) return;
    fl_disk_close(&archive->disk);
    free(archive);
}
