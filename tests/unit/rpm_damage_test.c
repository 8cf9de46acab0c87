/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real package databases, damaged: whatever is changed in one, it says so, or is still the same
 * packages. */
#include "rpm_samples.h"
#include "suite.h"

enum { FLIPS = 60 };

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
	/* Page 1 begins at 4096, with the items of record 0 and record 2, which goes on from page 3
	 * to page 7. */
	{BDB, 4104, 2, "page 1 has another number"},
	{BDB, 4121, 4, "page 1 is no page of a hash table"},
	{BDB, 4125, 0x80, "page 1 has an item outside its bounds"},
	{BDB, 8187, 2, "page 1 has a key that is no record number"},
	{BDB, 8165, 8, "page 1 has an item of an unknown kind"},
	{BDB, 8178, 2, "record 0 is 20292 bytes long"},
	{BDB, 8183, 0x40, "but says that 48 was the last one given"},
	{BDB, 8172, 0x40, "is named, but is not in the file"},
	{BDB, 8176, 0x40, "record 2 is 1073762116 bytes long"},
	{BDB, 3 * 4096 + 25, 1, "page 3 is no part of a record"},
	{BDB, 3 * 4096 + 16, 7, "page 3 is named twice"},
	{BDB, 7 * 4096 + 16, 1, "page 7 goes on after the end of a record"},
	{BDB, 88, 1, "it has 110 records, but says that it has 109"},
	{SQLITE, 0, 1, "SQLite cannot read it: file is not a database"},
	{SQLITE, 19, 4, "SQLite cannot read it: file is not a database"},
	{SQLITE, 30, 1, "SQLite cannot read it: database disk image is malformed"},
	{SQLITE, 39, 1, "it is damaged ("},
	{NDB, 0, 1, "it does not begin as a database of this kind"},
	{NDB, 4, 1, "it is of version 1, and only 0 is known"},
	{NDB, 12, 2, "is outside the file, which is cut short or damaged"},
	{NDB, 14, 1, "which does not fit its 65537 pages of slots"},
	{NDB, 16, 0x20, "but the next one is to be"},
	{NDB, 32, 1, "the slot at 32 is damaged"},
	{NDB, 43, 1, "is outside the file, which is cut short or damaged"},
	{NDB, 40, 1, "there are bytes at 4096 that no slot leads to"},
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

START_TEST(too_short_for_anything)
{
	static const struct {
		const char *format, *message;
	} shortest[] = {
		{"bdb", "3 bytes are too short for a Berkeley DB file"},
		{"ndb", "it does not begin as a database of this kind"},
	};
	char bytes[] = "Rpm";
	struct database database = {.format = format_of(shortest[_i].format),
				    .file = {.data = bytes, .len = 3}};
	struct error err = {0};

	ck_assert_ptr_null(list(&database, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, shortest[_i].message);
}
END_TEST

#define N(array) (sizeof(array) / sizeof *(array))

int main(void)
{
	Suite *suite = suite_create("rpm_damage");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, never_fewer_by_a_bit, 0, N(smallest));
	tcase_add_loop_test(tcase, refuses_cut_ones, 0, N(smallest));
	tcase_add_loop_test(tcase, says_what_is_damaged, 0, N(damages));
	tcase_add_test(tcase, refuses_lost_pages);
	tcase_add_test(tcase, refuses_slots_that_overlap);
	tcase_add_test(tcase, refuses_empty_ones);
	tcase_add_loop_test(tcase, too_short_for_anything, 0, 2);
	tcase_add_test(tcase, headers_have_digests);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
