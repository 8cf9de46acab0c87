/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "package/deb/control.h"
#include "package/deb/deb.h"
#include "suite.h"

static const struct {
	const char *text;
	size_t len; /* 0: strlen */
	const char *message;
} malformed[] = {
	{"Package: a\nnonsense\n", 0, "x: line 2: not a \"Field: value\" line"},
	{": a\n", 0, "x: line 1: not a \"Field: value\" line"},
	{" continues\n", 0, "x: line 1: continues a field that is not there"},
	{"A: b\0c\n", 7, "x: line 1: contains a NUL byte"},
	{"A: b\n c\0\n", 9, "x: line 2: contains a NUL byte"},
};

START_TEST(control_refuses)
{
	static struct control_paragraph paragraph;
	struct control_reader reader;
	struct error err = {0};

	control_open(&reader, "x", malformed[_i].text,
		     malformed[_i].len ? malformed[_i].len : strlen(malformed[_i].text));
	ck_assert_int_eq(control_next(&reader, &paragraph, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, malformed[_i].message);
}
END_TEST

START_TEST(control_limits_fields)
{
	static struct control_paragraph paragraph;
	CLEANUP_BUFFER struct buffer text = {0};
	struct control_reader reader;
	struct error err = {0};

	for (int i = 0; i <= CONTROL_MAX_FIELDS; i++)
		buffer_printf(&text, "F%d: x\n", i);
	control_open(&reader, "x", text.data, text.len);
	ck_assert_int_eq(control_next(&reader, &paragraph, &err), -1);
	ck_assert_str_eq(err.msg, "x: line 257: too many fields in one paragraph");
}
END_TEST

START_TEST(control_reads)
{
	static const char text[] = "\n# comment\nPackage:  a \nDescription: one\n two\n .\n\n \n"
				   "package: b";
	static struct control_paragraph paragraph;
	struct control_reader reader;
	struct error err = {0};
	char *value;

	control_open(&reader, "x", text, strlen(text));
	ck_assert_int_eq(control_next(&reader, &paragraph, &err), 1);
	ck_assert_uint_eq(paragraph.line, 3);
	ck_assert(control_is(&paragraph, "Package", "a"));
	value = control_get(&paragraph, "description");
	ck_assert_str_eq(value, "one\n two\n .");
	free(value);
	ck_assert_int_eq(control_next(&reader, &paragraph, &err), 1);
	ck_assert(control_is(&paragraph, "Package", "b"));
	ck_assert_ptr_null(control_get(&paragraph, "Version"));
	ck_assert_int_eq(control_next(&reader, &paragraph, &err), 0);
}
END_TEST

static struct package_state make_state(const char *status, const char *arch)
{
	struct package_state state = {0};
	struct package_state_file *file = ARRAY_ADD(state.files, state.n_files);

	file->name = xstrdup("status");
	buffer_puts(&file->content, status);
	if (arch) {
		file = ARRAY_ADD(state.files, state.n_files);
		file->name = xstrdup("arch");
		buffer_puts(&file->content, arch);
	}
	return state;
}

#define P(name, status, version)                                                                   \
	"Package: " name "\nStatus: " status "\nArchitecture: amd64\nVersion: " version "\n\n"
#define R(name, version, replaces)                                                                 \
	"Package: " name "\nStatus: install ok installed\nArchitecture: amd64\nVersion: " version  \
	"\nReplaces: " replaces "\n\n"
#define DPKG P("dpkg", "install ok installed", "1.21")

START_TEST(state_describes)
{
	CLEANUP_PACKAGE_STATE struct package_state state = make_state(
		DPKG P("a", "hold ok installed", "1") P("b", "install ok triggers-pending", "1")
			P("c", "deinstall ok config-files", "1")
				P("d", "unknown ok not-installed", "1"),
		"amd64\ni386\n");
	struct guest guest = {0};
	struct error err = {0};

	ck_assert_msg(deb_state_describe(&state, &guest, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(guest.packages.family, "deb");
	ck_assert_str_eq(guest.packages.architecture, "amd64");
	ck_assert_uint_eq(guest.packages.n_foreign_architectures, 1);
	ck_assert_str_eq(guest.packages.foreign_architectures[0], "i386");
	ck_assert_uint_eq(guest.packages.n_installed, 3);
	ck_assert_str_eq(guest.packages.installed[0].name, "a");
	ck_assert_str_eq(guest.packages.installed[1].name, "b");
	ck_assert_str_eq(guest.packages.installed[2].name, "dpkg");
	ck_assert_str_eq(guest.packages.installed[2].version, "1.21");
	ck_assert_str_eq(guest.packages.installed[2].architecture, "amd64");
	ck_assert_str_eq(guest.packages.held[0], "a:amd64");
	ck_assert_uint_eq(guest.packages.n_broken, 1);
	ck_assert_str_eq(guest.packages.broken[0], "b:amd64 triggers-pending");
	ck_assert_uint_eq(guest.n_blockers, 0);
}
END_TEST

static const struct {
	const char *status, *message;
} blocked[] = {
	{DPKG P("a", "install ok half-configured", "1") P("b", "install ok unpacked", "1"),
	 "package a is half-configured (2 in all are not sound): boot the guest and run dpkg "
	 "--configure -a, or repair it"},
	{DPKG P("a", "install reinstreq installed", "1"),
	 "package a is installed and must be reinstalled (1 in all are not sound): boot the guest "
	 "and run dpkg --configure -a, or repair it"},
};

START_TEST(status_has_a_limit)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct deb_status status = {0};
	struct error err = {0};

	for (int i = 0; i <= GUEST_MAX_PACKAGES; i++)
		buffer_printf(&text, "Package: p%d\nStatus: install ok installed\n\n", i);
	ck_assert_int_eq(deb_status_parse(&text, &status, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "/var/lib/dpkg/status: more than 100000 packages");
}
END_TEST

START_TEST(state_blocks)
{
	CLEANUP_PACKAGE_STATE struct package_state state = make_state(blocked[_i].status, NULL);
	struct guest guest = {0};
	struct error err = {0};

	ck_assert_int_eq(deb_state_describe(&state, &guest, &err), 0);
	ck_assert_uint_eq(guest.n_blockers, 1);
	ck_assert_str_eq(guest.blockers[0].code, "half-configured");
	ck_assert_str_eq(guest.blockers[0].msg, blocked[_i].message);
}
END_TEST

static const struct {
	const char *status, *arch, *message;
} rejected[] = {
	{P("a", "install ok installed", "1"), NULL,
	 "cannot tell the guest's architecture: dpkg is not installed and there is no "
	 "/var/lib/dpkg/arch"},
	{P("a", "install ok installed", "1"), "../x\n", "\"../x\" is not an architecture"},
	{DPKG, "amd64\nI386\n",
	 "/var/lib/dpkg/arch: \"I386\" is not an architecture, or one too many"},
	{"Package: a\nVersion: 1\n", NULL,
	 "/var/lib/dpkg/status: line 1: package a has no valid Status field"},
	{"\nVersion: 1\n", NULL, "/var/lib/dpkg/status: line 2: a paragraph without Package"},
};

START_TEST(state_rejects)
{
	CLEANUP_PACKAGE_STATE struct package_state state =
		make_state(rejected[_i].status, rejected[_i].arch);
	struct guest guest = {0};
	struct error err = {0};

	ck_assert_int_eq(deb_state_describe(&state, &guest, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, rejected[_i].message);
}
END_TEST

START_TEST(state_must_be_there)
{
	struct package_state state = {0};
	struct guest guest = {0};
	struct error err = {0};

	ck_assert_int_eq(deb_state_describe(&state, &guest, &err), -1);
	ck_assert_str_eq(err.msg, "/var/lib/dpkg/status is empty");
}
END_TEST

START_TEST(state_digest_sees_every_file)
{
	CLEANUP_PACKAGE_STATE struct package_state a = make_state(DPKG, NULL);
	CLEANUP_PACKAGE_STATE struct package_state b = make_state(DPKG, "amd64\n");
	struct digest first, second;

	package_state_digest(&a, &first);
	package_state_digest(&b, &second);
	ck_assert(!digest_equal(&first, &second));
}
END_TEST

static void add_change(struct resolution *resolution, const char *name, const char *from,
		       const char *to)
{
	struct package_change *change = ARRAY_ADD(resolution->changes, resolution->n_changes);

	change->name = xstrdup(name);
	change->architecture = xstrdup("amd64");
	change->from = from ? xstrdup(from) : NULL;
	change->to = to ? xstrdup(to) : NULL;
}

static const struct {
	const char *after, *message;
} wrong_ends[] = {
	{DPKG P("a", "install ok installed", "1") P("b", "install ok installed", "1"),
	 "package a should be 2, but is 1"},
	{DPKG P("b", "install ok installed", "1"), "package a should be 2, but is not installed"},
	{DPKG P("a", "install ok installed", "2") P("b", "install ok installed", "1")
		 P("old", "install ok installed", "1"),
	 "package old should be gone, but is 1"},
	{DPKG P("a", "install ok half-configured", "2") P("b", "install ok installed", "1"),
	 "package a is half-configured after the run"},
	{DPKG P("a", "install ok installed", "2"), "package b was removed, which is not planned"},
	{DPKG P("a", "install ok installed", "2") P("b", "install ok installed", "9"),
	 "package b changed its version, which is not planned"},
	{DPKG P("a", "install ok installed", "2") P("b", "install ok installed", "1")
		 P("c", "install ok installed", "1"),
	 "package c was installed, which is not planned"},
	/* dpkg forgot b, as another package replaces it; nothing else excuses it. */
	{DPKG R("a", "2", "z, b (<< 2)"), NULL},
	{DPKG R("a", "2", "b"), NULL},
	{DPKG R("a", "2", "b:any, z"), NULL},
	{DPKG R("a", "2", "bb, a-b, b-x"), "package b was removed, which is not planned"},
	{DPKG P("a", "install ok installed", "2") P("b", "install ok installed", "1")
		 R("c", "1", "b"),
	 "package c was installed, which is not planned"},
	{DPKG P("a", "install ok installed", "2") R("c", "1", "b"),
	 "package b was removed, which is not planned"},
	{"nonsense", "after the run: /var/lib/dpkg/status: line 1: not a \"Field: value\" line"},
	{DPKG P("a", "install ok installed", "2") P("b", "install ok installed", "1"), NULL},
};

START_TEST(verify_compares)
{
	CLEANUP_PACKAGE_STATE struct package_state before = make_state(
		DPKG P("a", "install ok installed", "1") P("b", "install ok installed", "1")
			P("old", "install ok installed", "1"),
		NULL);
	CLEANUP_PACKAGE_STATE struct package_state after = make_state(wrong_ends[_i].after, NULL);
	struct resolution resolution = {0};
	struct error err = {0};
	int result;

	add_change(&resolution, "a", "1", "2");
	add_change(&resolution, "old", "1", NULL);
	result = deb_verify(&before, &after, &resolution, &err);
	ck_assert_int_eq(result, wrong_ends[_i].message ? -1 : 0);
	if (wrong_ends[_i].message) {
		ck_assert_int_eq(err.kind, ERROR_GUEST);
		ck_assert_str_eq(err.msg, wrong_ends[_i].message);
	}
	resolution_free(&resolution);
}
END_TEST

/* One that was to be updated can be replaced, too: all that it had left was taken over. */
START_TEST(verify_lets_updated_disappear)
{
	CLEANUP_PACKAGE_STATE struct package_state before = make_state(
		DPKG P("a", "install ok installed", "1") P("b", "install ok installed", "1"), NULL);
	CLEANUP_PACKAGE_STATE struct package_state after =
		make_state(DPKG R("b", "2", "a (<< 2)"), NULL);
	CLEANUP_PACKAGE_STATE struct package_state other =
		make_state(DPKG P("b", "install ok installed", "2"), NULL);
	struct resolution resolution = {0};
	struct error err = {0};

	add_change(&resolution, "a", "1", "2");
	add_change(&resolution, "b", "1", "2");
	ck_assert_int_eq(deb_verify(&before, &after, &resolution, &err), 0);
	ck_assert_int_eq(deb_verify(&before, &other, &resolution, &err), -1);
	ck_assert_str_eq(err.msg, "package a should be 2, but is not installed");
	resolution_free(&resolution);
}
END_TEST

START_TEST(verify_needs_a_status)
{
	CLEANUP_PACKAGE_STATE struct package_state before = make_state(DPKG, NULL);
	struct package_state after = {0};
	struct resolution resolution = {0};
	struct error err = {0};

	ck_assert_int_eq(deb_verify(&before, &after, &resolution, &err), -1);
	ck_assert_str_eq(err.msg, "dpkg's status file after the run is not there");
}
END_TEST

static void step(struct resolution *resolution, enum package_operation operation, size_t change)
{
	*ARRAY_ADD(resolution->steps, resolution->n_steps) =
		(struct package_step){.operation = operation, .change = change};
}

static char *join(const struct package_commands *commands)
{
	struct buffer text = {0};

	for (size_t i = 0; i < commands->n_items; i++) {
		buffer_printf(&text, "%s %zu:", commands->items[i].stage,
			      commands->items[i].n_packages);
		for (char **arg = commands->items[i].argv; *arg; arg++)
			if (strncmp(*arg, "--force-", 8) != 0 || strstr(*arg, "depends"))
				buffer_printf(&text, " %s", *arg);
		buffer_putc(&text, '\n');
	}
	return buffer_steal(&text);
}

START_TEST(commands_are_batched)
{
	struct package_commands commands = {0};
	struct resolution resolution = {0};
	struct error err = {0};
	char *text;

	add_change(&resolution, "a", "1", "1:2");
	add_change(&resolution, "b", "1", "2");
	add_change(&resolution, "old", "1", NULL);
	step(&resolution, PACKAGE_REMOVE, 2);
	step(&resolution, PACKAGE_UNPACK, 0);
	step(&resolution, PACKAGE_CONFIGURE, 0);
	step(&resolution, PACKAGE_UNPACK, 1);
	step(&resolution, PACKAGE_CONFIGURE, 1);
	*ARRAY_ADD(resolution.files, resolution.n_files) =
		(struct package_file_write){.path = xstrdup("/x"), .content = xstrdup("y")};
	ck_assert_int_eq(deb_commands(&resolution, "/p", 3, &commands, &err), 0);
	text = join(&commands);
	ck_assert_str_eq(
		text,
		"remove 1: dpkg --status-fd=3 --no-triggers --force-depends --remove old:amd64\n"
		"unpack 1: dpkg --status-fd=3 --no-triggers --auto-deconfigure --unpack "
		"/p/a_1%3a2_amd64.deb\n"
		"configure 1: dpkg --status-fd=3 --no-triggers --configure a:amd64\n"
		"unpack 1: dpkg --status-fd=3 --no-triggers --auto-deconfigure --unpack "
		"/p/b_2_amd64.deb\n"
		"configure 0: dpkg --status-fd=3 --configure -a\n"
		"finish 0: dpkg --status-fd=3 --triggers-only -a\n");
	ck_assert_str_eq(commands.items[0].argv[1], "--force-confold");
	ck_assert_uint_eq(commands.n_files, 1);
	ck_assert_str_eq(commands.files[0].path, "/x");
	free(text);
	package_commands_free(&commands);
	resolution_free(&resolution);
}
END_TEST

static const struct {
	const char *line, *package, *message;
	bool warning, general;
} status_lines[] = {
	{"processing: upgrade: openssl:amd64", "openssl:amd64", NULL, false, false},
	{"processing: disappear: foo", "foo",
	 "is gone: other packages have taken over all of its files", true, false},
	{"dpkg: error: cannot scan updates directory '/var/lib/dpkg/updates/': x", NULL,
	 "cannot scan updates directory '/var/lib/dpkg/updates/': x", false, true},
	{"dpkg: unrecoverable fatal error, aborting:", NULL,
	 "unrecoverable fatal error, aborting:", false, true},
	{" unknown system user 'x'", NULL, " unknown system user 'x'", false, true},
	{"dpkg: error processing package t (--configure):", NULL, NULL, false, false},
	{"dpkg: warning: x", NULL, NULL, false, false},
	{"processing: trigproc: libc-bin", "libc-bin", NULL, false, false},
	{"status: openssl : error : exit status 1 : twice", "openssl", "exit status 1 : twice",
	 false, false},
	{"status: openssl:amd64: half-configured", NULL, NULL, false, false},
	{"status: /etc/x : conffile-prompt : '/etc/x' '/etc/x.dpkg-new' 1 1", NULL, NULL, false,
	 false},
	{"processing: upgrade", NULL, NULL, false, false},
	{"processing", NULL, NULL, false, false},
	{" : error : ", NULL, " : error : ", false, true},
	{"status: : error : ", NULL, NULL, false, false},
	{"", NULL, NULL, false, false},
};

START_TEST(status_lines_are_understood)
{
	char *line = strdup(status_lines[_i].line);
	struct package_event event = {.package = "", .message = ""};

	deb_manager.read_status(line, &event);
	ck_assert_pstr_eq(event.package, status_lines[_i].package);
	ck_assert_pstr_eq(event.message, status_lines[_i].message);
	ck_assert(event.warning == status_lines[_i].warning);
	ck_assert(event.general == status_lines[_i].general);
	free(line);
}
END_TEST

START_TEST(commands_need_steps)
{
	struct package_commands commands = {0};
	struct resolution resolution = {0};
	struct error err = {0};

	ck_assert_int_eq(deb_commands(&resolution, "/p", 3, &commands, &err), 0);
	ck_assert_uint_eq(commands.n_items, 0);
	add_change(&resolution, "a", "1", "2");
	ck_assert_int_eq(deb_commands(&resolution, "/p", 3, &commands, &err), -1);
	ck_assert_str_eq(err.msg, "plan: there are changes, but no steps");
	resolution_free(&resolution);
}
END_TEST

START_TEST(family_is_known)
{
	ck_assert_ptr_eq(package_family_by_name("deb"), &deb_family);
	ck_assert_ptr_null(package_family_by_name("none"));
}
END_TEST

#define LOOP(tcase, test, table)                                                                   \
	tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *suite = suite_create("deb");
	TCase *tcase = tcase_create("deb");

	LOOP(tcase, control_refuses, malformed);
	tcase_add_test(tcase, control_limits_fields);
	tcase_add_test(tcase, control_reads);
	tcase_add_test(tcase, state_describes);
	tcase_add_test(tcase, status_has_a_limit);
	LOOP(tcase, state_blocks, blocked);
	LOOP(tcase, state_rejects, rejected);
	tcase_add_test(tcase, state_must_be_there);
	tcase_add_test(tcase, state_digest_sees_every_file);
	LOOP(tcase, verify_compares, wrong_ends);
	tcase_add_test(tcase, verify_lets_updated_disappear);
	tcase_add_test(tcase, verify_needs_a_status);
	tcase_add_test(tcase, commands_are_batched);
	tcase_add_test(tcase, commands_need_steps);
	tcase_add_loop_test(tcase, status_lines_are_understood, 0,
			    sizeof status_lines / sizeof *status_lines);
	tcase_add_test(tcase, family_is_known);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
