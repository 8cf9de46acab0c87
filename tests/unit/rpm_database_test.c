/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real package databases, and what SQLite's log and tables may say.  What Debian's rpm can read, it
 * lists for comparison. */
#include <sqlite3.h>

#include "rpm_samples.h"
#include "suite.h"

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* In a directory of its own: rpm writes beside an SQLite file that it only reads. */
static char *list_by_rpm(const struct database *database)
{
	struct error err = {0};
	CLEANUP_FREE char *directory = directory_make_temporary("/tmp", "rpmdb", &err);
	CLEANUP_FREE char *file = path_join(directory, database->format->file);
	CLEANUP_FREE char *command = xasprintf(
		"rpm -qa --dbpath %s --define '_db_backend %s' --qf "
		"'%%{NAME} %%|EPOCH?{%%{EPOCH}:}|%%{VERSION}-%%{RELEASE} %%{ARCH}\\n' | "
		"sed 's/ 0:/ /' | LC_ALL=C sort",
		directory,
		strcmp(database->format->name, "bdb") ? database->format->name : "bdb_ro");
	struct buffer text = {0};
	FILE *pipe;
	size_t n;

	ck_assert(file_replace(file, database->file.data, database->file.len, 0600, &err) == 0);
	ck_assert(freopen("/dev/null", "w", stderr) != NULL); /* indexes that are not there */
	pipe = popen(command, "r");
	while ((n = fread(buffer_reserve(&text, 65536), 1, 65536, pipe)) > 0)
		text.len += n;
	ck_assert_int_eq(pclose(pipe), 0);
	directory_remove(directory, &err);
	return buffer_steal(&text);
}

START_TEST(reads_real_ones)
{
	const struct sample *sample = &samples[_i];
	CLEANUP_DATABASE struct database database = {0};
	CLEANUP_FREE char *text = NULL, *oracle = NULL;
	struct error err = {0};

	if (!load(sample, &database))
		return;
	text = list(&database, &err);
	ck_assert_msg(text != NULL, "%s: %s", sample->directory, err.msg);
	ck_assert_uint_eq(count_lines(text), sample->n);
	if (!sample->oracle)
		return;
	oracle = list_by_rpm(&database);
	ck_assert_str_eq(text, oracle);
}
END_TEST

static void execute(sqlite3 *db, const char *sql)
{
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s",
		      sqlite3_errmsg(db));
}

/* The sample after these statements, whose effect is only in the log. */
static bool change_in_log(const char *sql, struct database *ret)
{
	CLEANUP_DATABASE struct database whole = {0};
	struct error err = {0};
	CLEANUP_FREE char *directory = directory_make_temporary("/tmp", "rpmdb", &err);
	CLEANUP_FREE char *file = path_join(directory, "db"), *log = path_join(directory, "db-wal");
	sqlite3 *db = NULL;

	if (!load(&samples[SQLITE], &whole))
		return false;
	ck_assert(file_replace(file, whole.file.data, whole.file.len, 0600, &err) == 0);
	ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
	execute(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
	execute(db, sql);
	*ret = (struct database){.format = whole.format};
	ck_assert(file_read(file, LIMIT, &ret->file, &err) == 0);
	ck_assert(file_read(log, LIMIT, &ret->log, &err) == 0);
	sqlite3_close(db);
	directory_remove(directory, &err);
	return true;
}

#define REMOVE_ONE                                                                                 \
	"BEGIN; DELETE FROM Packages WHERE hnum = 7; DELETE FROM Name WHERE hnum = 7; COMMIT"

START_TEST(honours_the_log)
{
	CLEANUP_DATABASE struct database database = {0};
	CLEANUP_FREE char *with = NULL, *without = NULL;
	struct error err = {0};

	if (!change_in_log(REMOVE_ONE, &database))
		return;
	with = list(&database, &err);
	ck_assert_msg(with != NULL, "%s", err.msg);
	ck_assert_uint_eq(count_lines(with), samples[SQLITE].n - 1);
	database.log.len = 0;
	without = list(&database, &err);
	ck_assert_uint_eq(count_lines(without), samples[SQLITE].n);
}
END_TEST

static const struct {
	long offset; /* negative: from the end */
	const char *message;
} log_damages[] = {
	{0, "its write-ahead log is none"},
	{9, "the header of its write-ahead log is damaged"},
	{20, "the header of its write-ahead log is damaged"},
	{32, "frame 1 of its write-ahead log is damaged"},
	{40, "frame 1 of its write-ahead log is damaged"},
	{44, "frame 1 of its write-ahead log is damaged"},
	{1000, "frame 1 of its write-ahead log is damaged"},
	{-1, "of its write-ahead log is damaged"},
};

START_TEST(refuses_damaged_log)
{
	CLEANUP_DATABASE struct database database = {0};
	struct error err = {0};
	long offset = log_damages[_i].offset;

	if (!change_in_log(REMOVE_ONE, &database))
		return;
	database.log.data[offset < 0 ? (long)database.log.len + offset : offset] ^= 4;
	ck_assert_ptr_null(list(&database, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, log_damages[_i].message) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(refuses_cut_log)
{
	CLEANUP_DATABASE struct database database = {0};
	struct error err = {0};

	if (!change_in_log(REMOVE_ONE, &database))
		return;
	database.log.len -= 100;
	ck_assert_ptr_null(list(&database, &err));
	ck_assert_str_eq(err.msg, "its write-ahead log is cut short");
}
END_TEST

static const struct {
	const char *sql, *message;
} lies[] = {
	{"DELETE FROM Packages WHERE hnum = 7",
	 "packages are missing that are in the index of names (1)"},
	{"DELETE FROM Name WHERE hnum = 7", "packages are missing in the index of names (1)"},
	{"DELETE FROM Packages; DELETE FROM Name", "it holds no package"},
	{"DROP TABLE Name", "the tables of rpm are not all there (1)"},
	{"ALTER TABLE Packages RENAME TO P; CREATE VIEW Packages AS SELECT * FROM P",
	 "the tables of rpm are not all there (1)"},
	{"UPDATE Packages SET blob = 'text' WHERE hnum = 7",
	 "record 7: a package header of 4 bytes is none"},
	{"UPDATE Packages SET blob = zeroblob(200) WHERE hnum = 7",
	 "record 7: a package header of 200 bytes is damaged"},
	/* One entry, 2 bytes of data: a summary, "A". */
	{"UPDATE Packages SET blob = x'0000000100000002000003ec0000000600000000000000014100' "
	 "WHERE hnum = 7",
	 "record 7 has no name or no version"},
	{"PRAGMA foreign_keys = OFF; UPDATE Packages SET hnum = -7 WHERE hnum = 7; "
	 "UPDATE Name SET hnum = -7 WHERE hnum = 7",
	 "row -7 is no package"},
};

START_TEST(does_not_trust_tables)
{
	CLEANUP_DATABASE struct database database = {0};
	struct error err = {0};

	if (!change_in_log(lies[_i].sql, &database))
		return;
	ck_assert_ptr_null(list(&database, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, lies[_i].message);
}
END_TEST

START_TEST(compares_versions)
{
	ck_assert_int_lt(rpm_evr_compare("1.0-1", "1.0-2"), 0);
	ck_assert_int_gt(rpm_evr_compare("1:1.0-1", "2.0-1"), 0);
	ck_assert_int_lt(rpm_evr_compare("1.0~rc1-1", "1.0-1"), 0);
	ck_assert_int_gt(rpm_evr_compare("1.0^git-1", "1.0-1"), 0);
	ck_assert_int_eq(rpm_evr_compare("1.0-1", "0:1.0-1"), 0);
}
END_TEST

#define N(array) (sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("rpm_database");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, reads_real_ones, 0, N(samples));
	tcase_add_test(tcase, honours_the_log);
	tcase_add_loop_test(tcase, refuses_damaged_log, 0, N(log_damages));
	tcase_add_test(tcase, refuses_cut_log);
	tcase_add_loop_test(tcase, does_not_trust_tables, 0, N(lies));
	tcase_add_test(tcase, compares_versions);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
