/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who works on a template: processes that die or linger, and what recovery clears or keeps. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "library_fixture.h"
#include "suite.h"

static void make_old(const char *path, time_t seconds)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - seconds},
				    {.tv_sec = time(NULL) - seconds}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* The library stays as it is, whatever heads say, when its tail is cut off. */
START_TEST(cut_tail_deletes_nothing)
{
	CLEANUP_FREE char *third = in_library("templates/web/heads/000003");
	CLEANUP_FREE char *made = in_library("templates/web/2");
	CLEANUP_FREE char *generation = in_library("templates/web/2/disk0.qcow2");
	CLEANUP(template_free)
	struct template *template = NULL;

	build_three();
	unlink(third);
	make_old(made, OWNER_GONE_S + 60);
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert(is_there(generation));
	template = load();
	ck_assert_uint_eq(template->n_generations, 3);
	ck_assert(!template->generations[2].named);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 3);
}
END_TEST

/* A process that is killed with a generation in the making, at one of its stages. */
static void die_at(const char *host, int stage)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct library *own = open_as(host);
		struct template *template = load_if_any();
		struct staging *staging = staging_new(own, "web", "dead", &err);
		struct owner_file *lease = template_lease(own, "web", "dead", &err);
		struct digest record;
		struct head head;

		fill(staging, "dead", &record);
		if (stage >= 1)
			staging_publish(staging, NULL, &err);
		head = next_head(template, template ? HEAD_COMMIT : HEAD_IMPORT, staging->number,
				 &record);
		if (stage >= 2)
			stage_head(own, &head);
		(void)lease;
		raise(SIGKILL);
	}
	ck_assert_int_eq(wait_for(pid), 128 + SIGKILL);
}

START_TEST(what_the_dead_leave_is_cleared)
{
	CLEANUP_FREE char *first = in_library("templates/web/1");
	CLEANUP_FREE char *left = in_library("templates/web/lease");
	CLEANUP(owner_file_free)
	struct owner_file *lease = NULL;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	die_at("host-a", _i);
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	check_clean();
	ck_assert(!is_there(first));
	check_sound(1, 0);
	ck_assert(!is_there(left));
	lease = template_lease(library, "web", "r2", &err);
	ck_assert_msg(lease != NULL, "%s", err.msg);
	ck_assert_uint_eq(commit(HEAD_COMMIT), 1);
}
END_TEST

START_TEST(killed_import_leaves_no_template)
{
	CLEANUP_FREE char *template = in_library("templates/web");
	char **names;
	size_t n;

	die_at("host-a", _i);
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert(!is_there(template));
	ck_assert_int_eq(library_list_templates(library, &names, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	names_free(names, n);
	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
}
END_TEST

/* Under a name that nobody uses again: any change of the library clears it. */
START_TEST(killed_import_is_cleared_with_the_library)
{
	CLEANUP_FREE char *template = in_library("templates/web");

	die_at("host-a", _i);
	ck_assert(is_there(template));
	ck_assert_msg(library_recover(library, &err) == 0, "%s", err.msg);
	ck_assert(!is_there(template));
}
END_TEST

START_TEST(import_that_goes_on_is_not_cleared_with_the_library)
{
	CLEANUP(staging_free)
	struct staging *staging = staging_new(library, "web", "r1", &err);
	CLEANUP(owner_file_free)
	struct owner_file *lease = template_lease(library, "web", "r1", &err);
	CLEANUP_FREE char *disk = NULL;
	struct digest record;

	fill(staging, "mine", &record);
	ck_assert_int_eq(library_recover(library, &err), 0);
	ck_assert_int_eq(staging_publish(staging, NULL, &err), 0);
	ck_assert_int_eq(library_recover(library, &err), 0);
	disk = path_join(staging->path, "disk0.qcow2");
	ck_assert(lease && is_there(disk));
}
END_TEST

/* All owner files of a template, and what has none, were last touched that long ago. */
static void age(time_t seconds)
{
	static const char *const relatives[] = {"templates/web", "templates/web/heads"};

	for (size_t i = 0; i < 2; i++) {
		char **names;
		size_t n;

		ck_assert_int_eq(library_list_directory(library, relatives[i], &names, &n, &err),
				 0);
		for (size_t j = 0; j < n; j++) {
			CLEANUP_FREE char *path = in_library("%s/%s", relatives[i], names[j]);
			CLEANUP_FREE char *owner = path_join(path, ".owner");

			if (is_there(owner))
				make_old(owner, seconds);
			make_old(path, seconds);
		}
		names_free(names, n);
	}
}

/* Nothing ends it but somebody who looks: however old it is, and whatever touches the directory. */
START_TEST(strange_lease_is_named)
{
	static const char *const makers[] = {"ln -s /etc/passwd", "mkdir", "mkfifo"};
	CLEANUP_FREE char *place = in_library("templates/web/lease");
	CLEANUP_FREE char *command = xasprintf("%s %s", makers[_i], place);
	CLEANUP_CLOSE int template = -1;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	ck_assert_int_eq(system(command), 0);
	make_old(place, OWNER_GONE_S + 60);
	ck_assert_msg(template_recover(library, "web", keys, &err) == 0, "%s", err.msg);
	ck_assert_ptr_null(template_lease(library, "web", "r1", &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, "template web: lease: is no regular file, so coldpatch "
				  "did not make it; see what it is, and remove it");
	ck_assert(is_there(place));
	template = library_openat(library, "templates/web", O_RDONLY | O_DIRECTORY, 0, &err);
	ck_assert(owner_is_gone(library, template, "lease"));
}
END_TEST

/* One that tells nothing counts by its own age: the directory's is that of the last attempt. */
START_TEST(empty_lease_has_ten_minutes)
{
	CLEANUP_FREE char *place = in_library("templates/web/lease");
	CLEANUP(owner_file_free)
	struct owner_file *lease = NULL;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	put(place, "");
	make_old(place, OWNER_GONE_S - 60);
	ck_assert_ptr_null(template_lease(library, "web", "r1", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	make_old(place, OWNER_GONE_S + 60);
	lease = template_lease(library, "web", "r1", &err);
	ck_assert_msg(lease != NULL, "%s", err.msg);
}
END_TEST

START_TEST(other_hosts_have_ten_minutes)
{
	CLEANUP_FREE char *first = in_library("templates/web/1");

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	die_at("host-b", 0);
	die_at("host-b", 2);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	age(OWNER_GONE_S - 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(is_there(first));
	ck_assert_ptr_null(template_lease(library, "web", "r2", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "template web: lease: host host-b has it, process"));
	age(OWNER_GONE_S + 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(!is_there(first));
	check_clean();
	check_sound(1, 0);
	owner_file_free(template_lease(library, "web", "r2", &err));
}
END_TEST

START_TEST(the_living_keep_what_is_theirs)
{
	CLEANUP(owner_file_free)
	struct owner_file *lease = NULL;
	CLEANUP(staging_free)
	struct staging *staging = NULL;
	CLEANUP_FREE char *disk = NULL;
	struct digest record;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	lease = template_lease(library, "web", "r1", &err);
	ck_assert_ptr_nonnull(lease);
	ck_assert_ptr_null(template_lease(library, "web", "r2", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "host host-a has it"));
	staging = staging_new(library, "web", "r1", &err);
	fill(staging, "mine", &record);
	age(OWNER_GONE_S + 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert_int_eq(staging_publish(staging, NULL, &err), 0);
	age(OWNER_GONE_S + 60);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	disk = path_join(staging->path, "disk0.qcow2");
	ck_assert(is_there(disk));
	owner_file_free(steal(lease));
	lease = template_lease(library, "web", "r2", &err);
	ck_assert_ptr_nonnull(lease);
}
END_TEST

/* Until ten minutes have passed it may be half written. */
START_TEST(lease_that_cannot_be_read)
{
	CLEANUP_FREE char *file = in_library("templates/web/lease");

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	put(file, "{\"host\": ");
	ck_assert_ptr_null(template_lease(library, "web", "r1", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_str_eq(err.msg, "template web: lease: somebody has it, and does not say who; try "
				  "again in ten minutes");
	make_old(file, -OWNER_GONE_S - 60);
	ck_assert_ptr_null(template_lease(library, "web", "r1", &err));
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	ck_assert_str_eq(err.msg,
			 "template web: lease: was touched in the future, so whether somebody has "
			 "it is not known: set the clocks of all hosts, and remove it where nobody "
			 "does");
	make_old(file, OWNER_GONE_S + 60);
	owner_file_free(template_lease(library, "web", "r1", &err));
	ck_assert(!is_there(file));
}
END_TEST

/* Only what claims a generation counts, not who signed it. */
START_TEST(what_a_forged_head_names_is_kept)
{
	CLEANUP(key_free)
	struct key *other = NULL;
	CLEANUP_FREE char *elsewhere = path_join(directory, "thief");
	CLEANUP_FREE char *secret = path_join(elsewhere, "b.key");
	CLEANUP_FREE char *first = in_library("templates/web/1");
	CLEANUP_FREE char *second = in_library("templates/web/2");
	CLEANUP_FREE char *garbage = in_library("templates/web/heads/000002");
	CLEANUP(template_free)
	struct template *template = NULL;
	struct head head;

	ck_assert_uint_eq(commit(HEAD_IMPORT), 0);
	die_at("host-a", 1);
	template = load();
	ck_assert_int_eq(key_generate(elsewhere, "b", NULL, &err), 0);
	other = key_open_private(secret, &err);
	put(garbage, "nothing");
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(is_there(first));
	unlink(garbage);
	die_at("host-a", 1);
	head = next_head(template, HEAD_COMMIT, 2, &template->heads[0].head->record);
	replace_head(2, &head, other);
	ck_assert_int_eq(template_recover(library, "web", keys, &err), 0);
	ck_assert(is_there(first) && is_there(second));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library owners");
	TCase *tcase = tcase_create("owners");

	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, cut_tail_deletes_nothing);
	tcase_add_loop_test(tcase, what_the_dead_leave_is_cleared, 0, 3);
	tcase_add_loop_test(tcase, killed_import_leaves_no_template, 0, 3);
	tcase_add_loop_test(tcase, killed_import_is_cleared_with_the_library, 0, 3);
	tcase_add_test(tcase, import_that_goes_on_is_not_cleared_with_the_library);
	tcase_add_test(tcase, other_hosts_have_ten_minutes);
	tcase_add_loop_test(tcase, strange_lease_is_named, 0, 3);
	tcase_add_test(tcase, empty_lease_has_ten_minutes);
	tcase_add_test(tcase, the_living_keep_what_is_theirs);
	tcase_add_test(tcase, lease_that_cannot_be_read);
	tcase_add_test(tcase, what_a_forged_head_names_is_kept);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
