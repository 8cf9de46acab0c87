/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which workspaces the next run sweeps away: never one of a run that lives, however many begin at
 * the same time. */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "session/workspace.h"
#include "suite.h"

#define JANITOR "/bin/true" /* it need not wait */
#define NAME	"coldpatch-20200101T000000Z-00000"

enum { RUNS = 6, TIMES = 150, HOUR_S = 3600 };

static char scratch[64];
static struct error err;

static void set_up(void)
{
	strcpy(scratch, "/tmp/coldpatch-workspaces.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scratch));
	err = (struct error){0};
}

static void tear_down(void)
{
	directory_remove(scratch, &err);
}

/* scratch/NAME, with a LOCK or without; returns the lock. */
static int leave(const char *name, bool with_lock, time_t age_s)
{
	CLEANUP_FREE char *path = path_join(scratch, name);
	CLEANUP_FREE char *lock = path_join(path, "LOCK");
	const struct timespec times[] = {{.tv_sec = time(NULL) - age_s},
					 {.tv_sec = time(NULL) - age_s}};
	int fd = -1;

	ck_assert_int_eq(mkdir(path, 0700), 0);
	if (with_lock)
		ck_assert_int_ge(fd = open(lock, O_RDONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	return fd;
}

static bool is_there(const char *name)
{
	CLEANUP_FREE char *path = path_join(scratch, name);

	return access(path, F_OK) == 0;
}

START_TEST(what_is_locked_or_being_made_stays)
{
	CLEANUP_CLOSE int held = leave(NAME "1", true, HOUR_S);
	CLEANUP_CLOSE int slow = leave(NAME "2.new", true, HOUR_S);
	CLEANUP_CLOSE int making = leave(NAME "3.new", true, 0);

	leave(NAME "4.new", false, 0);
	leave(NAME "5.old", false, HOUR_S);
	ck_assert_int_eq(flock(held, LOCK_EX), 0);
	ck_assert_int_eq(flock(slow, LOCK_EX), 0);
	workspaces_sweep(scratch);
	ck_assert(is_there(NAME "1"));
	ck_assert(is_there(NAME "2.new"));
	ck_assert(is_there(NAME "3.new"));
	ck_assert(is_there(NAME "4.new"));
	ck_assert(is_there(NAME "5.old"));
}
END_TEST

START_TEST(what_nobody_holds_goes)
{
	CLEANUP_CLOSE int lock = leave(NAME "1", true, 0);
	CLEANUP_CLOSE int made = leave(NAME "2.new", true, HOUR_S);

	leave(NAME "3.new", false, HOUR_S);
	leave(NAME "4", false, HOUR_S);
	workspaces_sweep(scratch);
	ck_assert(!is_there(NAME "1"));
	ck_assert(!is_there(NAME "2.new"));
	ck_assert(!is_there(NAME "3.new"));
	ck_assert(!is_there(NAME "4"));
}
END_TEST

static int begin_and_end(int run)
{
	for (int i = 0; i < TIMES; i++) {
		CLEANUP_FREE char *id = xasprintf("20261122T140501Z-%03x%03x", run, i);
		CLEANUP(workspace_free)
		struct workspace *workspace =
			workspace_new(scratch, WORKSPACE_PREFIX, id, JANITOR, &err);
		CLEANUP_FREE char *lock = workspace ? path_join(workspace->path, "LOCK") : NULL;

		if (!workspace || access(lock, F_OK) < 0)
			return 1;
	}
	return 0;
}

START_TEST(runs_that_begin_together_leave_each_other_alone)
{
	int status;

	for (int run = 0; run < RUNS; run++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			_exit(begin_and_end(run));
	}
	for (pid_t pid, left = RUNS; left; left -= pid > 0) {
		workspaces_sweep(scratch);
		ck_assert_int_ge(pid = waitpid(-1, &status, WNOHANG), 0);
		ck_assert(pid == 0 || status == 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("workspace");
	TCase *test = tcase_create("workspace");

	tcase_add_checked_fixture(test, set_up, tear_down);
	tcase_set_timeout(test, 60);
	tcase_add_test(test, what_is_locked_or_being_made_stays);
	tcase_add_test(test, what_nobody_holds_goes);
	tcase_add_test(test, runs_that_begin_together_leave_each_other_alone);
	suite_add_tcase(suite, test);
	return suite_run(suite);
}
