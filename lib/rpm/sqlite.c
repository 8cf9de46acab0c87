/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rpm's tables in SQLite (lib/backend/sqlite.c of rpm): Packages (hnum INTEGER PRIMARY KEY, blob)
 * and, for each index, a table such as Name (key, hnum, idx), with a row per package.
 *
 * The schema is the guest's word as much as the rows: a "Packages" that is a view, or a column that
 * is computed, could be any program.  So statements run with a limit on their steps, nothing that
 * the schema names is trusted, and nothing can be written.
 */
#include <string.h>

#include "base/memory.h"
#include "rpm/reader.h"
#include "rpm/sqlite_memory.h"
#include "rpm/wal.h"

/* A step of the virtual machine takes some ten nanoseconds; reading ten thousand packages takes
 * less than a million. */
enum { STEPS_AT_ONCE = 1000000, MAX_STEPS = 2000, MAX_BLOB = 256 << 20, MAX_SQL = 64 << 10 };

struct connection {
	sqlite3 *db;
	struct sqlite_memory memory;
	unsigned steps; /* in millions */
};

static int count_steps(void *opaque)
{
	struct connection *connection = opaque;

	return ++connection->steps > MAX_STEPS;
}

static int failed(struct connection *connection, struct error *err)
{
	return error_set(err, ERROR_IMAGE, "SQLite cannot read it: %s",
			 connection->db ? sqlite3_errmsg(connection->db) : "no memory");
}

static void connection_close(struct connection *connection)
{
	sqlite3_close(connection->db);
}

static inline void statement_finalize(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}
#define CLEANUP_STATEMENT __attribute__((cleanup(statement_finalize)))

/* To be set before the database is looked at: the pragma keeps the log's index to ourselves. */
static int harden(struct connection *connection, struct error *err)
{
	sqlite3 *db = connection->db;

	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MAX_BLOB);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, MAX_SQL);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_progress_handler(db, STEPS_AT_ONCE, count_steps, connection);
	if (sqlite3_exec(db,
			 "PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY;"
			 "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0",
			 NULL, NULL, NULL) != SQLITE_OK)
		return failed(connection, err);
	return 0;
}

static sqlite3_stmt *prepare(struct connection *connection, const char *sql, struct error *err)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(connection->db, sql, -1, &statement, NULL) != SQLITE_OK)
		return failed(connection, err), NULL;
	return statement;
}

/* The first row's first column is to be this text. */
static int expect(struct connection *connection, const char *sql, const char *text,
		  const char *problem, struct error *err)
{
	CLEANUP_STATEMENT sqlite3_stmt *statement = prepare(connection, sql, err);
	const char *found;
	int status;

	if (!statement)
		return -1;
	status = sqlite3_step(statement);
	if (status != SQLITE_ROW && status != SQLITE_DONE)
		return failed(connection, err);
	found = status == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (found && strcmp(found, text) == 0)
		return 0;
	return error_set(err, ERROR_IMAGE, "%s (%s)", problem, found ? found : "nothing");
}

static int check(struct connection *connection, struct error *err)
{
	if (expect(connection, "PRAGMA integrity_check(1)", "ok", "it is damaged", err) < 0 ||
	    expect(connection,
		   "SELECT count(*) FROM sqlite_schema WHERE name IN ('Packages', 'Name') AND "
		   "type = 'table' AND rootpage > 0",
		   "2", "the tables of rpm are not all there", err) < 0 ||
	    expect(connection,
		   "SELECT count(*) FROM (SELECT hnum FROM Packages EXCEPT SELECT hnum FROM Name)",
		   "0", "packages are missing in the index of names", err) < 0)
		return -1;
	return expect(connection,
		      "SELECT count(*) FROM (SELECT hnum FROM Name EXCEPT SELECT hnum FROM "
		      "Packages)",
		      "0", "packages are missing that are in the index of names", err);
}

static int give_row(sqlite3_stmt *statement, rpm_record_callback *each, void *opaque,
		    struct error *err)
{
	sqlite3_int64 record = sqlite3_column_int64(statement, 0);
	const void *blob = sqlite3_column_blob(statement, 1);

	if (record <= 0 || record > UINT32_MAX || !blob)
		return error_set(err, ERROR_IMAGE, "row %lld is no package", (long long)record);
	return each(opaque, (uint32_t)record, blob, (size_t)sqlite3_column_bytes(statement, 1),
		    err);
}

static int give_rows(struct connection *connection, rpm_record_callback *each, void *opaque,
		     struct error *err)
{
	CLEANUP_STATEMENT sqlite3_stmt *statement =
		prepare(connection, "SELECT hnum, blob FROM Packages ORDER BY hnum", err);
	int status;

	if (!statement)
		return -1;
	while ((status = sqlite3_step(statement)) == SQLITE_ROW)
		if (give_row(statement, each, opaque, err) < 0)
			return -1;
	return status == SQLITE_DONE ? 0 : failed(connection, err);
}

int sqlite_read(const void *buf, size_t len, const void *log, size_t log_len,
		rpm_record_callback *each, void *opaque, struct error *err)
{
	__attribute__((cleanup(connection_close))) struct connection connection = {
		.memory = {.database = buf, .database_len = len, .log = log, .log_len = log_len}};

	if (wal_check(log, log_len, err) < 0)
		return -1;
	if (sqlite_memory_open(&connection.memory, &connection.db) != SQLITE_OK)
		return failed(&connection, err);
	if (harden(&connection, err) < 0 || check(&connection, err) < 0)
		return -1;
	return give_rows(&connection, each, opaque, err);
}
