/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "guest/endoflife.h"
#include "guest/osrelease.h"
#include "suite.h"

static void parse(const char *text, struct guest_os *os)
{
	*os = (struct guest_os){0};
	osrelease_parse(text, strlen(text), os);
}

static void os_drop(struct guest_os *os)
{
	free(os->id);
	free(os->id_like);
	free(os->version_id);
	free(os->codename);
	free(os->pretty_name);
}

START_TEST(debian_is_read)
{
	struct guest_os os;

	parse("PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n"
	      "VERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n",
	      &os);
	ck_assert_str_eq(os.id, "debian");
	ck_assert_str_eq(os.version_id, "12");
	ck_assert_str_eq(os.codename, "bookworm");
	ck_assert_str_eq(os.pretty_name, "Debian GNU/Linux 12 (bookworm)");
	ck_assert_ptr_null(os.id_like);
	os_drop(&os);
}
END_TEST

/* Left: what the file says.  Right: what a shell that sources it has in PRETTY_NAME, NULL when the
 * line is ignored. */
static const struct {
	const char *line, *value;
} quotings[] = {
	{"PRETTY_NAME=plain", "plain"},
	{"PRETTY_NAME='single $x \\ \"'", "single $x \\ \""},
	{"PRETTY_NAME=\"a \\\"b\\\" \\$x \\\\ \\` \\n\"", "a \"b\" $x \\ ` \\n"},
	{"PRETTY_NAME=a\\ b", "a b"},
	{"PRETTY_NAME=a'b'\"c\"", "abc"},
	{"PRETTY_NAME=word # comment", "word"},
	{"  PRETTY_NAME=indented", "indented"},
	{"PRETTY_NAME=dos\r", "dos"},
	{"PRETTY_NAME=first\nPRETTY_NAME=last", "last"},
	{"PRETTY_NAME=\"open", NULL},
	{"PRETTY_NAME='open", NULL},
	{"PRETTY_NAME='", NULL},
	{"PRETTY_NAME=", NULL},
	{"PRETTY_NAME=\"\"", NULL},
	{"PRETTY_NAME=\"bell\a\"", NULL},
	{"PRETTY_NAME =x", NULL},
	{"#PRETTY_NAME=x", NULL},
	{"PRETTY_NAME", NULL},
	{"", NULL},
};

START_TEST(values_are_unquoted_as_by_a_shell)
{
	struct guest_os os;

	parse(quotings[_i].line, &os);
	if (quotings[_i].value)
		ck_assert_str_eq(os.pretty_name, quotings[_i].value);
	else
		ck_assert_ptr_null(os.pretty_name);
	os_drop(&os);
}
END_TEST

START_TEST(odd_identifiers_are_none)
{
	struct guest_os os;

	parse("ID=\"De bian\"\n", &os);
	ck_assert_ptr_null(os.id);
	parse("ID=../debian\n", &os);
	ck_assert_ptr_null(os.id);
	parse("ID=opensuse-leap\n", &os);
	ck_assert_str_eq(os.id, "opensuse-leap");
	os_drop(&os);
	parse("ID=\"openEuler\"\n", &os);
	ck_assert_str_eq(os.id, "openEuler");
	os_drop(&os);
}
END_TEST

START_TEST(long_values_are_ignored)
{
	char text[400] = "VERSION_ID=";
	struct guest_os os;

	memset(text + 11, '1', 256);
	parse(text, &os);
	ck_assert_uint_eq(strlen(os.version_id), 256);
	os_drop(&os);
	text[11 + 256] = '1';
	parse(text, &os);
	ck_assert_ptr_null(os.version_id);
}
END_TEST

START_TEST(nul_bytes_do_not_cut)
{
	static const char text[] = "NAME=x\0y\nVERSION_ID=1\0002\nID=debian";
	struct guest_os os = {0};

	osrelease_parse(text, sizeof text - 1, &os);
	ck_assert_str_eq(os.id, "debian");
	ck_assert_ptr_null(os.version_id);
	os_drop(&os);
}
END_TEST

static const struct {
	const char *line, *id, *version, *pretty; /* id NULL: not known */
} lines[] = {
	{"CentOS release 6.10 (Final)\n", "centos", "6.10", "CentOS release 6.10 (Final)"},
	{"CentOS Linux release 7.6.1810 (Core) \n", "centos", "7.6.1810",
	 "CentOS Linux release 7.6.1810 (Core)"},
	{"Red Hat Enterprise Linux Server release 6.10 (Santiago)", "rhel", "6.10",
	 "Red Hat Enterprise Linux Server release 6.10 (Santiago)"},
	{"Oracle Linux Server release 6.9\nmore", "ol", "6.9", "Oracle Linux Server release 6.9"},
	{"Amazon Linux AMI release 2018.03", "amzn", "2018.03", "Amazon Linux AMI release 2018.03"},
	{"Fedora release 12 (Constantine)", "fedora", "12", "Fedora release 12 (Constantine)"},
	{"CentOS release six", NULL, NULL, NULL},
	{"Slackware release 14", NULL, NULL, NULL},
	{"CentOS release 6\033[2J", NULL, NULL, NULL},
	{"", NULL, NULL, NULL},
};

START_TEST(one_line_is_read)
{
	struct guest_os os = {0};

	osrelease_parse_line(lines[_i].line, strlen(lines[_i].line), &os);
	if (!lines[_i].id) {
		ck_assert_ptr_null(os.id);
		ck_assert_ptr_null(os.version_id);
		return;
	}
	ck_assert_str_eq(os.id, lines[_i].id);
	ck_assert_str_eq(os.version_id, lines[_i].version);
	ck_assert_str_eq(os.pretty_name, lines[_i].pretty);
	os_drop(&os);
}
END_TEST

START_TEST(end_of_life_is_by_release)
{
	ck_assert_str_eq(endoflife_find("debian", "12", NULL)->date, "2028-06-30");
	ck_assert_str_eq(endoflife_find("debian", "12", NULL)->what, "LTS");
	ck_assert_str_eq(endoflife_find("ubuntu", "24.04", NULL)->what, "standard support");
	ck_assert_str_eq(endoflife_find("rocky", "9.1", NULL)->date, "2032-05-31");
	ck_assert_str_eq(endoflife_find("centos", "8", "CentOS Stream 8")->date, "2024-05-31");
	ck_assert_str_eq(endoflife_find("centos", "8", "CentOS Linux 8")->date, "2021-12-31");
	ck_assert_str_eq(endoflife_find("centos", "6.10", "CentOS release 6.10")->date,
			 "2020-11-30");
	ck_assert_str_eq(endoflife_find("centos", "10", "CentOS Stream 10")->date, "2030-05-31");
	ck_assert_str_eq(endoflife_find("almalinux", "10.0", NULL)->date, "2035-05-31");
	ck_assert_str_eq(endoflife_find("fedora", "42", NULL)->date, "2026-05-27");
	ck_assert_str_eq(endoflife_find("sles", "15.7", NULL)->date, "2031-07-31");
	ck_assert_str_eq(endoflife_find("opensuse-leap", "15.6", NULL)->date, "2026-04-30");
	ck_assert_str_eq(endoflife_find("amzn", "2", NULL)->date, "2026-06-30");
	ck_assert_str_eq(endoflife_find("amzn", "2023", NULL)->date, "2029-06-30");
	ck_assert_str_eq(endoflife_find("ol", "8.9", NULL)->date, "2029-07-31");
	ck_assert_ptr_null(endoflife_find("opensuse-tumbleweed", "20260101", NULL));
	ck_assert_ptr_null(endoflife_find("debian", "1", NULL));
	ck_assert_ptr_null(endoflife_find("debian", "120", NULL));
	ck_assert_ptr_null(endoflife_find("ubuntu", "24", NULL));
	ck_assert_ptr_null(endoflife_find("debian", NULL, NULL));
	ck_assert_ptr_null(endoflife_find(NULL, "12", NULL));
}
END_TEST

static void replay(const struct buffer *text)
{
	struct guest_os os = {0};

	osrelease_parse(text->data, text->len, &os);
	os_drop(&os);
}

START_TEST(fuzzing_seeds_are_survived)
{
	const char *top = getenv("TEST_TOP");
	CLEANUP_FREE char *pattern = xasprintf("%s/tests/fuzz/osrelease/*", top ? top : ".");
	struct error err = {0};
	glob_t seeds;

	ck_assert_int_eq(glob(pattern, 0, NULL, &seeds), 0);
	for (size_t i = 0; i < seeds.gl_pathc; i++) {
		CLEANUP_BUFFER struct buffer text = {0};

		ck_assert_msg(file_read(seeds.gl_pathv[i], 1 << 20, &text, &err) == 0, "%s",
			      err.msg);
		replay(&text);
	}
	globfree(&seeds);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("osrelease");
	TCase *tc = tcase_create("osrelease");

	tcase_add_test(tc, debian_is_read);
	tcase_add_loop_test(tc, values_are_unquoted_as_by_a_shell, 0,
			    sizeof quotings / sizeof *quotings);
	tcase_add_test(tc, odd_identifiers_are_none);
	tcase_add_test(tc, long_values_are_ignored);
	tcase_add_test(tc, nul_bytes_do_not_cut);
	tcase_add_loop_test(tc, one_line_is_read, 0, sizeof lines / sizeof *lines);
	tcase_add_test(tc, end_of_life_is_by_release);
	tcase_add_test(tc, fuzzing_seeds_are_survived);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
