/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real package databases, whole and damaged.  What Debian's rpm can read, it lists for comparison.
 */
#include <check.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "rpm/database.h"
#include "suite.h"

#define GO "/usr/share/gocode/src/github.com/knqyf263/go-rpmdb/pkg/testdata"

enum { LIMIT = 1 << 30, FLIPS = 60 };

static const struct sample {
	const char *format, *directory; /* relative: below ../shared/rpm/rpmdb */
	size_t n;    /* packages and keys, as the README or `rpm -qa` count them */
	bool oracle; /* Debian's rpm reads it */
} samples[] = {
	{"bdb", GO "/centos5-plain", 110, true},
	{"bdb", GO "/centos6-devtools", 263, true},
	{"bdb", GO "/centos6-many", 326, true},
	{"bdb", GO "/centos6-plain", 129, true},
	{"bdb", GO "/centos7-devtools", 264, true},
	{"bdb", GO "/centos7-httpd24", 225, true},
	{"bdb", GO "/centos7-many", 396, true},
	{"bdb", GO "/centos7-plain", 144, true},
	{"bdb", GO "/centos7-python35", 344, true},
	{"bdb", GO "/centos8-modularitylabel", 518, true},
	{"sqlite", "amazonlinux2023-plain", 103, true},
	{"sqlite", "cbl-mariner-2.0", 129, true},
	{"ndb", "sle15-bci", 35, false},
};
/* One of each form, the smallest. */
enum { BDB = 0, SQLITE = 10, NDB = 12 };

struct database {
	const struct rpm_database_format *format;
	struct buffer file, log;
};

static char *sample_path(const struct sample *sample, const char *name)
{
	const char *shared = getenv("SHARED_RPM"), *top = getenv("TEST_TOP");

	if (*sample->directory == '/')
		return xasprintf("%s/%s", sample->directory, name);
	return shared ? xasprintf("%s/rpmdb/%s/%s", shared, sample->directory, name)
		      : xasprintf("%s/../shared/rpm/rpmdb/%s/%s", top ? top : ".",
				  sample->directory, name);
}

static const struct rpm_database_format *format_of(const char *name)
{
	const struct rpm_database_format *format = rpm_database_formats;

	while (strcmp(format->name, name) != 0)
		format++;
	return format;
}

/* False where the sample is not on this machine. */
static bool load(const struct sample *sample, struct database *ret)
{
	const struct rpm_database_format *format = format_of(sample->format);
	CLEANUP_FREE char *path = sample_path(sample, format->file);
	CLEANUP_FREE char *log = format->log ? sample_path(sample, format->log) : NULL;
	struct error err = {0};

	*ret = (struct database){.format = format};
	if (access(path, R_OK) < 0) {
		fprintf(stderr, "%s is not here\n", path);
		return false;
	}
	ck_assert_msg(file_read(path, LIMIT, &ret->file, &err) == 0, "%s", err.msg);
	if (log)
		ck_assert_msg(file_read(log, LIMIT, &ret->log, &err) == 0, "%s", err.msg);
	return true;
}

static void unload(struct database *database)
{
	buffer_free(&database->file);
	buffer_free(&database->log);
}
#define CLEANUP_DATABASE __attribute__((cleanup(unload)))

struct names {
	char **items;
	size_t n;
};

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}
#define CLEANUP_NAMES __attribute__((cleanup(names_free)))

static int add_name(void *opaque, struct rpm_header *header, struct error *err)
{
	struct names *names = opaque;
	const char *architecture = rpm_header_architecture(header);

	(void)err;
	*ARRAY_ADD(names->items, names->n) =
		xasprintf("%s %s %s", rpm_header_name(header), rpm_header_evr(header),
			  *architecture ? architecture : "(none)");
	rpm_header_free(header);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names as lines, sorted; NULL with the error. */
static char *list(const struct database *database, struct error *err)
{
	CLEANUP_NAMES struct names names = {0};
	struct buffer text = {0};

	if (rpm_database_read(database->format, &database->file, &database->log, add_name, &names,
			      err) < 0)
		return NULL;
	qsort(names.items, names.n, sizeof *names.items, compare_names);
	for (size_t i = 0; i < names.n; i++)
		buffer_printf(&text, "%s\n", names.items[i]);
	return buffer_steal(&text);
}

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

static const size_t smallest[] = {BDB, SQLITE, NDB};

/* A database with a bit turned says so, or is still the same packages. */
START_TEST(never_fewer_by_a_bit)
{
	CLEANUP_DATABASE struct database database = {0};
	CLEANUP_FREE char *whole = NULL;
	size_t n_errors = 0, flips = getenv("COLDPATCH_TEST_FULL") ? 20 * FLIPS : FLIPS;
	struct error err = {0};

	if (!load(&samples[smallest[_i]], &database))
		return;
	whole = list(&database, &err);
	srandom(1);
	for (size_t i = 0; i < flips; i++) {
		/* Every other one at the beginning, where its structure is. */
		size_t at = (size_t)random() % (i % 2 ? database.file.len : 8192);
		int bit = 1 << random() % 8;
		CLEANUP_FREE char *text = NULL;

		database.file.data[at] = (char)(database.file.data[at] ^ bit);
		text = list(&database, &err);
		database.file.data[at] = (char)(database.file.data[at] ^ bit);
		n_errors += !text;
		if (text)
			ck_assert_msg(strcmp(text, whole) == 0, "other packages by a bit at %zu",
				      at);
		else
			ck_assert_msg(err.kind == ERROR_IMAGE && *err.msg, "at %zu", at);
	}
	ck_assert_uint_gt(n_errors, flips / 3);
}
END_TEST

START_TEST(refuses_cut_ones)
{
	CLEANUP_DATABASE struct database database = {0};
	static const unsigned parts[] = {1, 2, 4, 8, 16, 64, 4096};
	struct error err = {0};
	size_t len;

	if (!load(&samples[smallest[_i]], &database))
		return;
	len = database.file.len;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		database.file.len = len - len / parts[i];
		ck_assert_ptr_null(list(&database, &err));
		ck_assert_int_eq(err.kind, ERROR_IMAGE);
	}
	for (size_t cut = 1; cut <= 16; cut++) {
		database.file.len = len - cut;
		ck_assert_ptr_null(list(&database, &err));
	}
}
END_TEST

static const struct {
	size_t sample, offset;
	int bits; /* that are turned */
	const char *message;
} damages[] = {
	{BDB, 12, 1, "it is no hash table of Berkeley DB"},
	{BDB, 16, 3, "it is of version 11, and only 8 to 10 are known"},
	{BDB, 20, 1, "its pages cannot be of 4097 bytes"},
	{BDB, 26, 1, "it is encrypted, has checksums or has no page of its own data"},
	{BDB, 33, 1, "it is 5492736 bytes long, and has"},
	{BDB, 72, 0x10, "page "},
	{BDB, 88, 1, "it has 110 records, but says that it has 109"},
	{SQLITE, 0, 1, "SQLite cannot read it: file is not a database"},
	{SQLITE, 19, 4, "SQLite cannot read it: file is not a database"},
	{SQLITE, 30, 1, "SQLite cannot read it: database disk image is malformed"},
	{SQLITE, 39, 1, "it is damaged ("},
	{NDB, 0, 1, "it does not begin as a database of this kind"},
	{NDB, 4, 1, "it is of version 1, and only 0 is known"},
	{NDB, 12, 2, "is outside the file, which is cut short or damaged"},
	{NDB, 14, 1, "it is cut short or damaged"},
	{NDB, 16, 0x20, "but the next one is to be"},
	{NDB, 32, 1, "the slot at 32 is damaged"},
	{NDB, 43, 1, "is outside the file, which is cut short or damaged"},
	{NDB, 40, 1, "there are bytes at"},
	{NDB, 44, 1, "does not lie where its slot says"},
	{NDB, 4096, 1, "does not lie where its slot says"},
	{NDB, 4108, 1, "is not as long as its slot says"},
	{NDB, 5000, 1, "has another checksum"},
};

START_TEST(says_what_is_damaged)
{
	CLEANUP_DATABASE struct database database = {0};
	struct error err = {0};

	if (!load(&samples[damages[_i].sample], &database))
		return;
	database.file.data[damages[_i].offset] ^= (char)damages[_i].bits;
	ck_assert_ptr_null(list(&database, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_msg(strstr(err.msg, damages[_i].message) != NULL, "%s", err.msg);
}
END_TEST

/* One bucket less: its page is there, and nothing leads to it. */
START_TEST(refuses_lost_pages)
{
	CLEANUP_DATABASE struct database database = {0};
	struct error err = {0};

	if (!load(&samples[BDB], &database))
		return;
	database.file.data[72]--;
	ck_assert_ptr_null(list(&database, &err));
	ck_assert_msg(strstr(err.msg, "is in use, but nothing leads to it") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(refuses_slots_that_overlap)
{
	CLEANUP_DATABASE struct database database = {0};
	struct error err = {0};

	if (!load(&samples[NDB], &database))
		return;
	memcpy(database.file.data + 48, database.file.data + 32, 16);
	ck_assert_ptr_null(list(&database, &err));
	ck_assert_str_eq(err.msg, "record 1 overlaps another one");
}
END_TEST

START_TEST(refuses_empty_ones)
{
	for (const struct rpm_database_format *format = rpm_database_formats; format->name;
	     format++) {
		struct database database = {.format = format};
		struct error err = {0};

		ck_assert_ptr_null(list(&database, &err));
		ck_assert_int_eq(err.kind, ERROR_IMAGE);
		ck_assert_str_eq(err.msg, "it is empty");
	}
}
END_TEST

/* A byte of a package's own description: the database's form does not notice. */
START_TEST(headers_have_digests)
{
	static const char word[] = "The GNU Bourne Again";
	CLEANUP_DATABASE struct database database = {0};
	struct error err = {0};
	char *at;

	if (!load(&samples[BDB], &database))
		return;
	at = memmem(database.file.data, database.file.len, word, strlen(word));
	ck_assert_ptr_nonnull(at);
	*at = 't';
	ck_assert_ptr_null(list(&database, &err));
	ck_assert_msg(strstr(err.msg, "does not have the digest that it names") != NULL, "%s",
		      err.msg);
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
	tcase_add_loop_test(tcase, never_fewer_by_a_bit, 0, N(smallest));
	tcase_add_loop_test(tcase, refuses_cut_ones, 0, N(smallest));
	tcase_add_loop_test(tcase, says_what_is_damaged, 0, N(damages));
	tcase_add_test(tcase, refuses_lost_pages);
	tcase_add_test(tcase, refuses_slots_that_overlap);
	tcase_add_test(tcase, refuses_empty_ones);
	tcase_add_test(tcase, headers_have_digests);
	tcase_add_test(tcase, honours_the_log);
	tcase_add_loop_test(tcase, refuses_damaged_log, 0, N(log_damages));
	tcase_add_test(tcase, refuses_cut_log);
	tcase_add_loop_test(tcase, does_not_trust_tables, 0, N(lies));
	tcase_add_test(tcase, compares_versions);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
