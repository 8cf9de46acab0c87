/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Package headers that librpm made, of things that no package has. */
#include <check.h>
#include <rpm/header.h>
#include <stdlib.h>
#include <string.h>

#include "rpm/rpm_files.h"
#include "rpm/rpm_header.h"
#include "suite.h"

/* As it lies in a database. */
static struct rpm_header *import(Header made)
{
	struct error err = {0};
	unsigned len = 0;
	void *blob = headerExport(made, &len);
	struct rpm_header *header = rpm_header_import(blob, len, &err);

	ck_assert_msg(header != NULL, "%s", err.msg);
	free(blob);
	headerFree(made);
	return header;
}

static Header one_file(const char *directory, uint32_t directory_index)
{
	const char *name = "file";
	const uint16_t mode = 0100644;
	Header made = headerNew();

	headerPutString(made, RPMTAG_NAME, "victim");
	headerPutStringArray(made, RPMTAG_DIRNAMES, &directory, 1);
	headerPutStringArray(made, RPMTAG_BASENAMES, &name, 1);
	headerPutUint32(made, RPMTAG_DIRINDEXES, &directory_index, 1);
	headerPutUint16(made, RPMTAG_FILEMODES, &mode, 1);
	return made;
}

static int count(void *opaque, const struct rpm_file *file, struct error *err)
{
	(void)file;
	(void)err;
	++*(size_t *)opaque;
	return 0;
}

static const struct {
	const char *directory;
	uint32_t directory_index;
	const char *message; /* NULL: it is fine */
} files[] = {
	{"/usr/share/", 0, NULL},
	{"share/", 0, "package victim: file 0 has no absolute path"},
	{"", 0, "package victim: file 0 has no absolute path"},
	{"/usr/share/", 7, "package victim: its lists of files do not fit each other"},
};

START_TEST(lists_files)
{
	CLEANUP(rpm_header_free)
	struct rpm_header *header =
		import(one_file(files[_i].directory, files[_i].directory_index));
	struct error err = {0};
	size_t n = 0;
	int result = rpm_header_each_file(header, count, &n, &err);

	if (!files[_i].message) {
		ck_assert_msg(result == 0 && n == 1, "%s", err.msg);
		return;
	}
	ck_assert_int_lt(result, 0);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, files[_i].message);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpm_header");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, lists_files, 0, sizeof files / sizeof *files);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
