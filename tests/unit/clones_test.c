/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is found to depend on a library, and of whom it is said that nobody knows: files that
 * qemu-img made, some changed afterwards. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "library/clones.h"
#include "scripted.h"
#include "suite.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct clones clones;

/* A library with generation 1 of web, and a base outside that is reached by its directory. */
static void set_up(void)
{
	scripted_set_up("clones");
	run("cd $0; chmod 755 .; mkdir -p library/templates/web/1 library/bases vms golden;"
	    "ln -s $0/golden library/bases/" HEX "; qemu-img create -q -f qcow2 golden/base.qcow2 "
	    "1M; qemu-img create -q -f qcow2 library/templates/web/1/disk0.qcow2 1M");
}

static void tear_down(void)
{
	clones_free(&clones);
	scripted_tear_down();
}

static int look(struct clones *ret)
{
	CLEANUP_FREE char *library = path_join(directory, "library");
	CLEANUP_FREE char *root = path_join(directory, "vms");
	const char *const roots[] = {root};
	struct monitor monitor = {0};
	const struct clones_request request = {
		.library = library, .roots = roots, .n_roots = 1, .monitor = &monitor};

	return clones_find(&request, ret, &err);
}

static void find(void)
{
	CLEANUP_JSON json_t *json = NULL;
	struct clones found = {0};

	ck_assert_msg(look(&found) == 0, "%s", err.msg);
	json = clones_to_json(&found); /* as it comes from the worker */
	clones_free(&found);
	clones_free(&clones);
	ck_assert_msg(clones_from_json(json, &clones, &err) == 0, "%s", err.msg);
}

/* vms/x.qcow2, backed by `name`, is the one clone, of generation 1. */
static void must_be_clone(const char *name)
{
	CLEANUP_FREE char *script = xasprintf(
		"cd $0/vms; rm -f *; lib=$0/library; qemu-img create -q -u -f qcow2 -F qcow2 -b "
		"\"%s\" x.qcow2 1M",
		name);

	run(script);
	find();
	ck_assert_msg(clones.n_unknown == 0, "%s: %s", name,
		      clones.n_unknown ? clones.unknown[0].why : "");
	ck_assert_msg(clones.n_uses == 1, "%s: %zu uses", name, clones.n_uses);
	ck_assert_int_eq(clones.uses[0].target, CLONE_OF_GENERATION);
	ck_assert_str_eq(clones.uses[0].template_name, "web");
	ck_assert_uint_eq(clones.uses[0].number, 1);
	ck_assert_ptr_nonnull(strstr(clones.uses[0].path, "/vms/x.qcow2"));
}

START_TEST(backing_names_of_every_spelling)
{
	must_be_clone("$lib/templates/web/1/disk0.qcow2");
	must_be_clone("../library/templates/web/1/disk0.qcow2");
	must_be_clone("file:$lib/templates/web/1/disk0.qcow2");
	must_be_clone("host_device:$lib/templates/web/1/disk0.qcow2");
	must_be_clone(
		"json:{\\\"driver\\\":\\\"qcow2\\\",\\\"file\\\":{\\\"driver\\\":\\\"file\\\","
		"\\\"filename\\\":\\\"$lib/templates/web/1/disk0.qcow2\\\"}}");
	must_be_clone("json:{\\\"file.filename\\\":\\\"$lib/templates/web/1/disk0.qcow2\\\"}");
	must_be_clone(
		"json:{\\\"file.file.filename\\\":\\\"file:$lib/templates/web/1/disk0.qcow2\\\"}");
	must_be_clone("json:{\\\"driver\\\":\\\"quorum\\\",\\\"children\\\":[{\\\"file\\\":{"
		      "\\\"filename\\\":\\\"$lib/templates/web/1/disk0.qcow2\\\"}}]}");
	must_be_clone(
		"json:{\\\"children.0.file.filename\\\":\\\"$lib/templates/web/1/disk0.qcow2\\\"}");
}
END_TEST

START_TEST(each_of_several_children_is_used)
{
	run("mkdir $0/library/templates/db $0/library/templates/db/2; cd $0/vms; qemu-img create "
	    "-q -u "
	    "-f qcow2 -F raw -b "
	    "\"json:{\\\"x.filename\\\":\\\"$0/library/templates/web/1/disk0.qcow2\\\","
	    "\\\"y\\\":{\\\"filename\\\":\\\"$0/library/templates/db/2/disk0.qcow2\\\"}}\" x.qcow2 "
	    "1M");
	find();
	ck_assert_uint_eq(clones.n_uses, 2);
}
END_TEST

START_TEST(base_by_its_directory)
{
	run("cd $0/vms; qemu-img create -q -u -f qcow2 -F qcow2 -b ../library/bases/" HEX
	    "/base.qcow2 x.qcow2 1M");
	find();
	ck_assert(clones.n_uses == 1 && clones.uses[0].target == CLONE_OF_BASE);
}
END_TEST

/* golden/base.qcow2, which is a base, is backed by generation 1; or it is that generation's disk.
 */
START_TEST(generations_are_found_through_bases)
{
	static const char *const scripts[] = {
		"qemu-img create -q -u -f qcow2 -F qcow2 -b "
		"$0/library/templates/web/1/disk0.qcow2 $0/golden/base.qcow2 1M; qemu-img create "
		"-q -u -f qcow2 -F qcow2 -b ../library/bases/" HEX "/base.qcow2 x.qcow2 1M",
		"ln -sfn $0/library/templates/web/1 $0/library/bases/" HEX "; qemu-img create -q "
		"-u -f qcow2 -F qcow2 -b ../library/bases/" HEX "/disk0.qcow2 x.qcow2 1M",
		"ln -sfn $0/library/templates/web/1/disk0.qcow2 $0/library/bases/" HEX
		"; qemu-img create -q -u -f qcow2 -F qcow2 -b ../library/bases/" HEX " x.qcow2 1M",
	};
	CLEANUP_FREE char *script = xasprintf("cd $0/vms; %s", scripts[_i]);

	run(script);
	find();
	ck_assert_uint_eq(clones.n_unknown, 0);
	ck_assert_uint_eq(clones.n_uses, 2);
	ck_assert_int_eq(clones.uses[0].target, CLONE_OF_BASE);
	ck_assert_int_eq(clones.uses[1].target, CLONE_OF_GENERATION);
	ck_assert_str_eq(clones.uses[1].template_name, "web");
	ck_assert_uint_eq(clones.uses[1].number, 1);
}
END_TEST

static void must_be_unknown(const char *script, const char *file, const char *why)
{
	CLEANUP_FREE char *all = xasprintf("cd $0/vms; rm -rf *; lib=$0/library; %s", script);

	run(all);
	find();
	ck_assert_msg(clones.n_unknown == 1, "%s: %zu", script, clones.n_unknown);
	ck_assert_msg(strstr(clones.unknown[0].path, file), "%s", clones.unknown[0].path);
	ck_assert_msg(strstr(clones.unknown[0].why, why), "%s", clones.unknown[0].why);
}

START_TEST(what_cannot_be_understood_is_no_stranger)
{
	must_be_unknown("printf 'QFI\\xfb\\0\\0\\0\\3' >x.qcow2", "/vms/x.qcow2", "is cut off");
	must_be_unknown(
		"qemu-img create -q -u -f qcow2 -F qcow2 -b $lib/templates/web/1/disk0.qcow2 "
		"x.qcow2 1M; truncate -s 200 x.qcow2",
		"/vms/x.qcow2", "names a backing file that cannot be read");
	must_be_unknown("qemu-img create -q -u -f qcow2 -F qcow2 -b 'json:{\"file\":' x.qcow2 1M",
			"/vms/x.qcow2", "its backing file: line 1");
	must_be_unknown(
		"printf 'QFI\\xfb\\0\\0\\0\\3' >../mid; qemu-img create -q -u -f qcow2 -F qcow2 "
		"-b ../mid x.qcow2 1M",
		"/vms/x.qcow2", "/mid: its header is cut off");
	must_be_unknown("qemu-img create -q -u -f qcow2 -F qcow2 -b "
			"blkdebug::$lib/templates/web/1/disk0.qcow2 x.qcow2 1M",
			"/vms/x.qcow2", "/web/1/disk0.qcow2, is not understood: name the file");
	must_be_unknown("qemu-img create -q -u -f qcow2 -F raw -b fat:$lib x.qcow2 1M",
			"/vms/x.qcow2", "its backing file, fat:/");
	must_be_unknown("qemu-img create -q -u -f qcow2 -F qcow2 -b ../vms/x.qcow2 x.qcow2 1M",
			"/vms/x.qcow2", "more than 32 files in its chain");
}
END_TEST

START_TEST(what_may_not_be_read_is_no_stranger)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(seteuid(0), 0);
	run("cd $0/vms; mkdir closed; chmod 700 closed; touch secret; chmod 600 secret; touch "
	    "../mid; "
	    "chmod 600 ../mid; qemu-img create -q -u -f qcow2 -F qcow2 -b ../mid x.qcow2 1M; chmod "
	    "644 "
	    "x.qcow2");
	ck_assert_int_eq(seteuid(65534), 0);
	find();
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_uint_eq(clones.n_unknown, 3);
	for (size_t i = 0; i < clones.n_unknown; i++)
		ck_assert_msg(strstr(clones.unknown[i].why, "Permission denied"), "%s",
			      clones.unknown[i].why);
}
END_TEST

START_TEST(strangers_are_strangers)
{
	run("cd $0/vms; printf QF >short; echo text >text; mkfifo fifo; ln -s x link; qemu-img "
	    "create -q "
	    "-u -f qcow2 -F raw -b gone.raw x.qcow2 1M; qemu-img create -q -u -f qcow2 -F raw -b "
	    "'json:{\"driver\":\"nbd\",\"host\":\"h\"}' y.qcow2 1M; qemu-img create -q -f qcow2 -F "
	    "qcow2 -b ../golden/base.qcow2 z.qcow2");
	find();
	ck_assert_uint_eq(clones.n_uses, 0);
	ck_assert_msg(clones.n_unknown == 0, "%s", clones.n_unknown ? clones.unknown[0].path : "");
}
END_TEST

static void must_be_used_by(const char *script, const char *const *files)
{
	CLEANUP_FREE char *all = xasprintf("cd $0/vms; rm -rf *; lib=$0/library; %s", script);
	size_t n = 0;

	run(all);
	find();
	ck_assert_msg(clones.n_unknown == 0, "%s: %s", script,
		      clones.n_unknown ? clones.unknown[0].why : "");
	for (; files[n]; n++) {
		bool found = false;

		for (size_t i = 0; i < clones.n_uses; i++)
			found = found || strstr(clones.uses[i].path, files[n]);
		ck_assert_msg(found, "%s: %s is not found", script, files[n]);
	}
	ck_assert_msg(clones.n_uses == n, "%s: %zu uses", script, clones.n_uses);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(clones.uses[i].place, CLONE_OUTSIDE);
		ck_assert_int_eq(clones.uses[i].target, CLONE_OF_GENERATION);
		ck_assert_uint_eq(clones.uses[i].number, 1);
	}
}

/* What is used lies elsewhere, and a link is all that the clone root has of it; or the file is of
 * an old format. */
START_TEST(clones_of_every_kind_are_found)
{
	static const struct {
		const char *script, *files[3];
	} links[] = {
		{"ln -s ../elsewhere/vm.qcow2 a", {"/vms/a"}},
		{"ln -s ../elsewhere/deep d", {"/vms/d/vm.qcow2"}},
		/* Each directory once, however many ways lead to it, and round in circles. */
		{"mkdir one; ln -s ../../elsewhere one/e; ln -s .. one/up; ln -s . one/same; ln -s "
		 "../elsewhere two",
		 {"/deep/vm.qcow2", "/vm.qcow2"}},
		{"ln -s b a; ln -s a b; ln -s nothing c; ln -s /dev/null null", {NULL}},
		/* Into the library: what is named, and not all that is there. */
		{"ln -s $lib/templates/web/1/disk0.qcow2 g", {"/vms/g"}},
		{"ln -s $lib/templates/web/1 g", {"/vms/g"}},
		{"for f in qed qcow; do qemu-img create -q -u -f $f -b "
		 "$lib/templates/web/1/disk0.qcow2 -F qcow2 x.$f 1M; done",
		 {"/x.qed", "/x.qcow"}},
		{"ln -s $lib whole; ln -s $lib/templates t; ln -s $lib/templates/web w", {NULL}},
	};

	run("mkdir -p $0/elsewhere/deep; cd $0/elsewhere; qemu-img create -q -u -f qcow2 -F qcow2 "
	    "-b "
	    "$0/library/templates/web/1/disk0.qcow2 vm.qcow2 1M; cp vm.qcow2 deep");
	must_be_used_by(links[_i].script, links[_i].files);
}
END_TEST

START_TEST(a_root_that_is_not_there_is_no_empty_one)
{
	run("rmdir $0/vms");
	find();
	ck_assert_uint_eq(clones.n_unknown, 1);
	ck_assert_ptr_nonnull(strstr(clones.unknown[0].path, "/vms"));
	ck_assert_str_eq(clones.unknown[0].why,
			 "it cannot be looked through: No such file or directory");
}
END_TEST

START_TEST(directories_nest_no_deeper)
{
	run("cd $0/vms; for i in {1..32}; do mkdir d; cd d; done");
	find();
	run("mkdir -p $0/vms$(printf '/d%.0s' {1..33})");
	find();
	ck_assert_uint_eq(clones.n_unknown, 1);
	ck_assert_str_eq(clones.unknown[0].why, "directories nest deeper there than is looked");
}
END_TEST

/* Who needs golden/base.qcow2 or golden/gone.qcow2?  What is beside them, and in the clone roots.
 */
static void must_need_files(const char *script, const char *const *files)
{
	CLEANUP_FREE char *all = xasprintf("cd $0/golden; %s", script);
	CLEANUP_FREE char *library = path_join(directory, "library");
	CLEANUP_FREE char *root = path_join(directory, "vms");
	CLEANUP_FREE char *base = path_join(directory, "golden/base.qcow2");
	CLEANUP_FREE char *gone = path_join(directory, "golden/gone.qcow2");
	const char *const roots[] = {root}, *const wanted[] = {gone, base};
	struct monitor monitor = {0};
	const struct clones_request request = {.library = library,
					       .roots = roots,
					       .n_roots = 1,
					       .files = wanted,
					       .n_files = 2,
					       .monitor = &monitor};
	size_t n = 0;

	run(all);
	ck_assert_msg(clones_find(&request, &clones, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(clones.n_unknown, 0);
	for (; files[n]; n++)
		;
	ck_assert_msg(clones.n_uses == n, "%s: %zu uses", script, clones.n_uses);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(clones.uses[i].target, CLONE_OF_FILE);
		ck_assert_uint_eq(clones.uses[i].number, 1);
		ck_assert_msg(strstr(clones.uses[i].path, files[i]), "%s", clones.uses[i].path);
	}
}

START_TEST(files_that_are_to_go)
{
	static const struct {
		const char *script, *files[3];
	} needs[] = {
		{"true", {NULL}},
		{"qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 vm.snap1",
		 {"/golden/vm.snap1"}},
		{"qemu-img create -q -f qcow2 -F qcow2 -b $0/golden/base.qcow2 ../vms/vm",
		 {"/vms/vm"}},
		{"mkdir below; qemu-img create -q -u -f qcow2 -F qcow2 -b $0/golden/base.qcow2 "
		 "below/vm 1M; "
		 "ln -s below/vm .",
		 {"/golden/vm"}},
		{"ln -s base.qcow2 name", {"/golden/name"}},
		/* A clone root may be the directory; that is looked through once, in depth. */
		{"mkdir d; qemu-img create -q -u -f qcow2 -F qcow2 -b ../base.qcow2 d/vm 1M; rmdir "
		 "../vms; ln -s golden ../vms",
		 {"/vms/d/vm"}},
	};

	must_need_files(needs[_i].script, needs[_i].files);
}
END_TEST

/* From a worker that may have been taken over. */
START_TEST(nonsense_is_not_believed)
{
	static const char *const members[] = {
		"\"place\": 9, \"target\": 0, \"template\": \"web\"",
		"\"place\": 0, \"target\": 9, \"template\": \"web\"",
		"\"place\": 0, \"target\": 0",
		"\"place\": 1, \"target\": 0, \"template\": \"web\"",
	};
	CLEANUP_FREE char *text = xasprintf("{\"uses\": [{\"path\": \"/x\", \"own_number\": 0, "
					    "\"number\": 1, \"base\": \"" HEX "\", %s}]}",
					    members[_i]);
	CLEANUP_JSON json_t *json = json_loads(text, 0, NULL);

	ck_assert_ptr_nonnull(json);
	ck_assert_int_lt(clones_from_json(json, &clones, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_str_eq(err.msg, "clones: /x is not told well");
	ck_assert_uint_eq(clones.n_uses, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clones");
	TCase *tests = tcase_create("clones");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, backing_names_of_every_spelling);
	tcase_add_test(tests, each_of_several_children_is_used);
	tcase_add_test(tests, base_by_its_directory);
	tcase_add_loop_test(tests, generations_are_found_through_bases, 0, 3);
	tcase_add_test(tests, what_cannot_be_understood_is_no_stranger);
	tcase_add_test(tests, what_may_not_be_read_is_no_stranger);
	tcase_add_test(tests, strangers_are_strangers);
	tcase_add_loop_test(tests, clones_of_every_kind_are_found, 0, 8);
	tcase_add_test(tests, a_root_that_is_not_there_is_no_empty_one);
	tcase_add_test(tests, directories_nest_no_deeper);
	tcase_add_loop_test(tests, files_that_are_to_go, 0, 6);
	tcase_add_loop_test(tests, nonsense_is_not_believed, 0, 4);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
