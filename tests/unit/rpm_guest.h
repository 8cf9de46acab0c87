/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small guests whose package database is made by librpm and SQLite. */
#ifndef COLDPATCH_TESTS_RPM_GUEST_H
#define COLDPATCH_TESTS_RPM_GUEST_H

#include <check.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "guest_images.h"
#include "package/rpm/rpm.h"
#include "rpm_headers.h"

static const struct package plain[] = {
	{"rpm", "4.11.3-35.el7", "x86_64", NULL, 1},
	{"bash", "4.2.46-31.el7", "x86_64", NULL, 2},
	{"glibc", "2.17-260.el7", "x86_64", NULL, 3},
	{"glibc", "2.17-260.el7", "i686", NULL, 4},
	{"tzdata", "2018e-3.el7", "noarch", NULL, 5},
	{"bind-license", "32:9.9.4-61.el7", "noarch", NULL, 6},
	{"kernel", "3.10.0-957.el7", "x86_64", "kernel", 7},
	{"kernel", "3.10.0-1160.el7", "x86_64", "kernel", 8},
	{"gpg-pubkey", "f4a80eb5-53a7ff4b", NULL, NULL, 9},
	{NULL, NULL, NULL, NULL, 0},
};

static void execute(sqlite3 *db, const char *sql)
{
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s",
		      sqlite3_errmsg(db));
}

static void insert(sqlite3 *db, const struct package *package)
{
	Header header = make_header(package);
	sqlite3_stmt *statement = NULL;
	unsigned len = 0;
	void *blob = headerExport(header, &len);

	ck_assert_int_eq(sqlite3_prepare_v2(db, "INSERT INTO Packages (blob) VALUES (?)", -1,
					    &statement, NULL),
			 SQLITE_OK);
	sqlite3_bind_blob(statement, 1, blob, (int)len, SQLITE_STATIC);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_DONE);
	sqlite3_finalize(statement);
	execute(db, "INSERT INTO Name VALUES ('x', last_insert_rowid(), 0)");
	free(blob);
	headerFree(header);
}

/* root/DIRECTORY/rpmdb.sqlite; `packages` ends with a NULL name. */
static void put_database(const char *directory, const struct package *packages)
{
	CLEANUP_FREE char *name = xasprintf("root/%s/rpmdb.sqlite", directory);
	CLEANUP_FREE char *path = in_work(name);
	sqlite3 *db = NULL;

	make_parents(path);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	execute(db, "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT "
		    "NULL); CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx "
		    "INTEGER NOT NULL)");
	for (; packages->name; packages++)
		insert(db, packages);
	sqlite3_close(db);
}

struct read {
	struct opened opened;
	struct package_state state;
	struct error err;
};

static void read_free(struct read *read)
{
	package_state_free(&read->state);
	opened_free(&read->opened);
}
#define CLEANUP_READ __attribute__((cleanup(read_free)))

/* The tree of what the test put below root/. */
static void open_tree(struct read *read)
{
	const struct test_fs root = {.disk = "disk", .size = 64, .from = "root"};
	CLEANUP_FREE char *disk = in_work("disk");
	struct fs *fs;

	make_disk("disk", 64, NULL);
	make_fs(&root);
	add_disk(&read->opened, disk, NULL, false);
	fs = fs_open(read->opened.blocks[0], &read->err);
	ck_assert_msg(fs != NULL, "%s", read->err.msg);
	read->opened.tree = tree_new();
	ck_assert_int_eq(tree_mount(read->opened.tree, "/", fs, &read->err), 0);
	read->opened.guest = xcalloc(1, sizeof *read->opened.guest);
}

static int read_state(struct read *read)
{
	open_tree(read);
	return rpm_read_state(read->opened.tree, read->opened.guest, &read->state, &read->err);
}

static const char *database_line(const struct read *read)
{
	return package_state_file(&read->state, RPM_STATE_DATABASE)->data;
}

#endif
