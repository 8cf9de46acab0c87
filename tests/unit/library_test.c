/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library and its templates: what they are made of, and what is found to be wrong with them. */
#include <check.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "library/policy.h"
#include "library_fixture.h"
#include "suite.h"

START_TEST(init_wants_an_empty_directory)
{
	CLEANUP_FREE char *path = path_join(directory, "other");
	CLEANUP_FREE char *part = path_join(path, "bases");
	CLEANUP_FREE char *file = path_join(path, "notes.txt");

	ck_assert_ptr_null(library_open(path, "h", &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_int_eq(directory_make(part, 0755, &err), 0);
	ck_assert_ptr_null(library_open(path, "h", &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(err.msg, "no library (coldpatch.yaml is missing)"));
	put(file, "x");
	ck_assert_int_lt(library_init(path, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not empty (notes.txt)"));
	unlink(file);
	ck_assert_msg(library_init(path, &err) == 0, "%s", err.msg);
	ck_assert_int_lt(library_init(path, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not empty (coldpatch.yaml)"));
}
END_TEST

START_TEST(policy_is_read_and_checked)
{
	static const char *const bad[][2] = {
		{"chain-depth: 0\n", "chain-depth: 0 is not 1 to 64"},
		{"publish: pool\n", "publish: pool is no absolute path"},
		{"clone-roots: [vms]\n", "clone-roots: vms is no absolute path"},
		{"executors: [docker]\n", "executors: docker is neither sandbox nor appliance"},
		{"chain-dept: 3\n", "line 1"},
		{"executors: []\n", "executors: an empty list allows none; name"},
		{"{\"executors\": []}\n", "executors: an empty list allows none; name"},
	};
	static const char *const empty[] = {"", "\n", "# chain-depth: 3\n\n", "---\n  # nothing"};
	CLEANUP_FREE char *path = in_library("coldpatch.yaml");
	CLEANUP_FREE char *too_long = xcalloc(POLICY_MAX_SIZE + 2, 1);

	ck_assert_uint_eq(library->policy.chain_depth, 4);
	put(path, "publish: /srv/pool\nclone-roots: [/srv/vms]\ntrash-days: 0\n");
	library_free(library);
	library = open_as("host-a");
	ck_assert_uint_eq(library->policy.chain_depth, 4);
	ck_assert_uint_eq(library->policy.trash_days, 0);
	ck_assert_uint_eq(library->policy.run_days, 30);
	ck_assert_str_eq(library->policy.publish, "/srv/pool");
	ck_assert_str_eq(library->policy.clone_roots[0], "/srv/vms");
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FREE char *publish =
			xasprintf("publish: %s%s\n", library->path, i ? "/templates" : "");

		put(path, publish);
		ck_assert_ptr_null(library_open(library->path, "h", &err));
		ck_assert_int_eq(err.kind, ERROR_CONFIG);
		ck_assert_msg(strstr(err.msg, " is in a library") != NULL, "%s", err.msg);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put(path, bad[i][0]);
		ck_assert_ptr_null(library_open(library->path, "h", &err));
		ck_assert_int_eq(err.kind, ERROR_CONFIG);
		ck_assert_msg(strstr(err.msg, bad[i][1]) != NULL, "%s", err.msg);
	}
	for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
		put(path, empty[i]);
		library_free(library);
		library = open_as("host-a");
		ck_assert_uint_eq(library->policy.chain_depth, 4);
		ck_assert_uint_eq(library->policy.run_days, 30);
	}
	memset(too_long, '#', POLICY_MAX_SIZE + 1);
	put(path, too_long);
	ck_assert_ptr_null(library_open(library->path, "h", &err));
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "coldpatch.yaml: longer than 1048576 bytes"));
}
END_TEST

START_TEST(names_and_references)
{
	static const char *const bad[] = {"",
					  ".web",
					  "-web",
					  "web@",
					  "web@x",
					  "web@007",
					  "web@-1",
					  "we/b",
					  "web@1@2",
					  "w\xc3\xa9"
					  "b",
					  "web@99999999999999999999"};
	CLEANUP_FREE char *name = NULL;
	CLEANUP_FREE char *other = NULL;
	int64_t generation;

	ck_assert_int_eq(template_reference_parse("web-1.2_x", &name, &generation, &err), 0);
	ck_assert_str_eq(name, "web-1.2_x");
	ck_assert_int_eq(generation, -1);
	ck_assert_int_eq(template_reference_parse("web@12", &other, &generation, &err), 0);
	ck_assert_str_eq(other, "web");
	ck_assert_int_eq(generation, 12);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CLEANUP_FREE char *none = NULL;

		ck_assert_msg(template_reference_parse(bad[i], &none, &generation, &err) < 0, "%s",
			      bad[i]);
		ck_assert_int_eq(err.kind, ERROR_USAGE);
	}
	template_reference_parse("web@x", &name, &generation, &err);
	ck_assert_str_eq(err.msg, "web@x: behind the @ stands a generation's number");
	template_name_check(".web", &err);
	ck_assert_ptr_nonnull(strstr(err.msg, "template name '.web'"));
}
END_TEST

START_TEST(three_generations)
{
	CLEANUP_FREE char *disk = in_library("templates/web/2/disk0.qcow2");
	CLEANUP_FREE char *log = in_library("templates/web/2/run.log.zst");
	CLEANUP_FREE char *owner = in_library("templates/web/2/.owner");
	struct stat st;
	char **names;
	size_t n;

	ck_assert_ptr_null(load_if_any());
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_ptr_nonnull(strstr(err.msg, "web: no such template"));
	build_three();
	check_sound(3, 2);
	check_clean();
	ck_assert(stat(disk, &st) == 0 && (st.st_mode & 07777) == 0444);
	ck_assert(stat(log, &st) == 0 && (st.st_mode & 07777) == 0440);
	ck_assert(!is_there(owner));
	ck_assert_int_eq(library_list_templates(library, &names, &n, &err), 0);
	ck_assert(n == 1 && strcmp(names[0], "web") == 0);
	names_free(names, n);
}
END_TEST

START_TEST(new_disks_are_like_the_parents)
{
	CLEANUP_FREE char *like = path_join(directory, "parent.qcow2");
	CLEANUP(staging_free)
	struct staging *staging = staging_new(library, "web", "r1", &err);
	CLEANUP_FREE char *disk = NULL;
	struct digest record;
	struct stat st;

	put(like, "parent");
	ck_assert_int_eq(chmod(like, 0640), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(like, 12, 34), 0);
	fill(staging, "disk", &record);
	ck_assert_msg(staging_publish(staging, like, &err) == 0, "%s", err.msg);
	disk = path_join(staging->path, "disk0.qcow2");
	ck_assert_int_eq(stat(disk, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0440);
	if (geteuid() == 0)
		ck_assert(st.st_uid == 12 && st.st_gid == 34);
}
END_TEST

START_TEST(what_no_head_names_is_dropped)
{
	CLEANUP_FREE char *template = in_library("templates/web");
	struct staging *staging = staging_new(library, "web", "r1", &err);
	CLEANUP_FREE char *path = NULL;
	struct digest record;

	staging_free(staging);
	ck_assert(!is_there(template));
	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	staging = staging_new(library, "web", "r2", &err);
	fill(staging, "other", &record);
	ck_assert_int_eq(staging_publish(staging, NULL, &err), 0);
	ck_assert_uint_eq(staging->number, 1);
	path = xstrdup(staging->path);
	ck_assert(is_there(path));
	staging_free(staging);
	ck_assert(!is_there(path));
	check_sound(1, 0);
	check_clean();
}
END_TEST

START_TEST(nothing_but_files_is_published)
{
	CLEANUP(staging_free)
	struct staging *staging = staging_new(library, "web", "r1", &err);
	CLEANUP_FREE char *inside = path_join(staging->path, "directory");
	struct digest record;

	fill(staging, "disk", &record);
	ck_assert_int_eq(mkdir(inside, 0755), 0);
	ck_assert_int_lt(staging_publish(staging, NULL, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_ptr_nonnull(strstr(err.msg, "/directory: is no file"));
}
END_TEST

START_TEST(a_number_is_never_used_again)
{
	CLEANUP_FREE char *last = in_library("templates/web/2");

	build_three();
	ck_assert_int_eq(directory_remove(last, &err), 0);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 3);
}
END_TEST

static void expect_bad_generation(uint64_t number, const char *message)
{
	CLEANUP(template_free)
	struct template *template = load();

	ck_assert_ptr_null(template_find(template, (int64_t)number, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, message) != NULL, "%s", err.msg);
}

START_TEST(damaged_generations)
{
	CLEANUP_FREE char *disk = in_library("templates/web/1/disk0.qcow2");
	CLEANUP_FREE char *record = in_library("templates/web/1/record.sigstore.json");
	CLEANUP_FREE char *second = in_library("templates/web/2");
	CLEANUP_FREE char *stray = in_library("templates/web/notes");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	put(stray, "");
	template = load();
	ck_assert_uint_eq(template->n_problems, 1);
	ck_assert_ptr_nonnull(
		strstr(template->problems[0], "nothing of coldpatch's has this name"));
	template_free(template);
	put(record, "{}");
	expect_bad_generation(1, "is not the record with sha256");
	unlink(record);
	expect_bad_generation(1, "record.sigstore.json: not there");
	unlink(disk);
	expect_bad_generation(1, "disk0.qcow2: is missing");
	ck_assert_int_eq(symlink("/etc/passwd", disk), 0);
	expect_bad_generation(1, "disk0.qcow2: is no regular file");
	ck_assert_int_eq(directory_remove(second, &err), 0);
	expect_bad_generation(2, "2: is missing: head 3 names it");
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert(is_there(disk));
	template = load();
	ck_assert_ptr_null(template_find(template, 9, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "web: has no generation 9");
}
END_TEST

START_TEST(generations_without_a_head)
{
	CLEANUP_FREE char *heads = in_library("templates/web/heads");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	ck_assert_int_eq(directory_remove(heads, &err), 0);
	if (_i)
		ck_assert_int_eq(mkdir(heads, 0755), 0);
	template = load();
	ck_assert(template_lost_heads(template));
	ck_assert_ptr_null(template_find(template, -1, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, "web: has generations, and no head: put its heads back from a "
				  "backup");
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(is_there(heads), _i);
}
END_TEST

START_TEST(pruned_generation_is_no_damage)
{
	CLEANUP_FREE char *disk = in_library("templates/web/1/disk0.qcow2");
	CLEANUP_FREE char *mark = in_library("templates/web/1/pruned.json");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	unlink(disk);
	put(mark, "{}");
	check_sound(3, 2);
	template = load();
	ck_assert_ptr_null(template_find(template, 1, &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "web: generation 1 was pruned; it can be put back as long as the "
				  "trash has it (coldpatch-prune(1))");
}
END_TEST

/* Each place that could be a link is one, in turn; nothing is read or changed behind it. */
START_TEST(planted_links_lead_nowhere)
{
	static const char *const places[] = {"templates/web", "templates/web/heads",
					     "templates/web/heads/000003", "templates/web/2"};
	CLEANUP_FREE char *place = in_library("%s", places[_i]);
	CLEANUP_FREE char *aside = path_join(directory, "aside");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	ck_assert_int_eq(rename(place, aside), 0);
	ck_assert_int_eq(symlink(aside, place), 0);
	template = load_if_any();
	if (template) {
		ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
		ck_assert_ptr_null(template_find(template, -1, &err));
	} else {
		ck_assert_int_lt(template_recover(library, "web", keys, &err), 0);
		ck_assert(_i == 0 || strncmp(err.msg, "recovery of template web: ", 26) == 0);
	}
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, "is a link, or lies behind one") != NULL, "%s", err.msg);
	ck_assert(is_there(place) && is_there(aside));
}
END_TEST

START_TEST(info_and_pins)
{
	CLEANUP_FREE char *path = in_library("templates/web/template.json");
	CLEANUP_FREE char *bad = in_library("templates/web/pins/2-x.json");
	CLEANUP_FREE char *pin = NULL;
	char owner[] = "team", domain[] = "customer\xff";
	struct template_info info = {.owner = owner, .trust_domain = domain};
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	template = load();
	ck_assert_str_eq(template->info.trust_domain, "own");
	ck_assert_int_eq(template_info_write(library, "web", &info, &err), 0);
	ck_assert_int_eq(template_pin_add(library, "web", 1, "/vms/a.qcow2", &pin, &err), 0);
	ck_assert_int_eq(template_pin_add(library, "web", 1, "/vms/b.qcow2", NULL, &err), 0);
	template_free(template);
	template = load();
	ck_assert_str_eq(template->info.owner, "team");
	ck_assert_str_eq(template->info.trust_domain, "customer\xff");
	ck_assert_uint_eq(template->n_pins, 2);
	ck_assert_uint_eq(template->pins[0].generation, 1);
	ck_assert(is_there(pin));
	ck_assert_uint_eq(template->n_problems, 0);
	put(path, "{\"owner\": 3}");
	put(bad, "");
	template_free(template);
	template = load();
	ck_assert_str_eq(template->info.trust_domain, "unknown");
	ck_assert_uint_eq(template->n_pins, 3);
	ck_assert_uint_eq(template->n_problems, 2);
	ck_assert_ptr_nonnull(strstr(template->problems[0], "template.json: member owner"));
}
END_TEST

/* Nothing said is "own"; no word whether anything was said is not. */
START_TEST(lost_description_is_of_an_unknown_domain)
{
	CLEANUP_FREE char *path = in_library("templates/web/template.json");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	if (_i)
		put(path, "[]");
	else
		ck_assert_int_eq(unlink(path), 0);
	template = load();
	ck_assert_str_eq(template->info.trust_domain, "unknown");
	ck_assert_uint_eq(template->n_problems, 1);
	ck_assert_ptr_nonnull(strstr(template->problems[0], "whose code is in it is not known: "));
	ck_assert_ptr_nonnull(strstr(template->problems[0], _i ? "template.json: is no JSON object"
							       : "template.json: not there"));
}
END_TEST

/* A full disk says so, and leaves no half of anything. */
START_TEST(full_disk_is_no_space)
{
	CLEANUP_FREE char *path = in_library("templates/web/template.json");
	char owner[] = "team";
	struct template_info info = {.owner = owner};
	struct rlimit none = {0, RLIM_INFINITY}, before;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_lt(template_info_write(library, "web", &info, &err), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_int_eq(err.kind, ERROR_SPACE);
	ck_assert_ptr_nonnull(strstr(err.msg, "templates/web/.tmp-new"));
	ck_assert(!is_there(path));
	check_clean();
}
END_TEST

static bool forbid_openat2(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool done = filter &&
		    seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0) == 0 &&
		    seccomp_load(filter) == 0;

	seccomp_release(filter);
	return done;
}

/* As on an older kernel, or in a container whose filter is older. */
START_TEST(needs_openat2)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (!forbid_openat2())
			_exit(2);
		_exit(!library_open(library->path, "h", &err) && err.kind == ERROR_HOST &&
				      strcmp(err.msg, "openat2 is missing: a library needs Linux "
						      "5.6 or newer") == 0
			      ? 0
			      : 1);
	}
	ck_assert_int_eq(wait_for(pid), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library");
	TCase *tcase = tcase_create("library");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, init_wants_an_empty_directory);
	tcase_add_test(tcase, policy_is_read_and_checked);
	tcase_add_test(tcase, names_and_references);
	tcase_add_test(tcase, three_generations);
	tcase_add_test(tcase, new_disks_are_like_the_parents);
	tcase_add_test(tcase, what_no_head_names_is_dropped);
	tcase_add_test(tcase, nothing_but_files_is_published);
	tcase_add_test(tcase, a_number_is_never_used_again);
	tcase_add_test(tcase, damaged_generations);
	tcase_add_loop_test(tcase, generations_without_a_head, 0, 2);
	tcase_add_test(tcase, pruned_generation_is_no_damage);
	tcase_add_loop_test(tcase, planted_links_lead_nowhere, 0, 4);
	tcase_add_test(tcase, info_and_pins);
	tcase_add_loop_test(tcase, lost_description_is_of_an_unknown_domain, 0, 2);
	tcase_add_test(tcase, full_disk_is_no_space);
	tcase_add_test(tcase, needs_openat2);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
