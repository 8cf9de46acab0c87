/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "appliance/appliance.h"
#include "base/file.h"
#include "base/memory.h"

static char directory[] = "/tmp/ap.XXXXXX";

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

static bool mentions(const char *pid, const char *what)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%s/cmdline", pid);
	CLEANUP_BUFFER struct buffer text = {0};
	struct error ignored = {0};

	return file_read(path, 1 << 20, &text, &ignored) == 0 && text.len &&
	       memmem(text.data, text.len, directory, strlen(directory)) &&
	       memmem(text.data, text.len, what, strlen(what));
}

/* Processes whose arguments name our directory and this. */
static size_t count_processes(const char *what)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(dir)))
		n += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		     mentions(entry->d_name, what);
	closedir(dir);
	return n;
}

/* What libguestfs makes in the host's /tmp. */
static size_t count_leftovers(void)
{
	glob_t found;
	size_t n = glob("/tmp/libguestfs*", 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	globfree(&found);
	return n;
}

static const char *const no_program[] = {"/no-such-program", NULL};
static const char *const directories[] = {"/dev", "/proc", "/sys"};

static struct appliance_job job(const struct monitor *monitor)
{
	return (struct appliance_job){.directories = directories,
				      .n_directories = 3,
				      .argv = no_program,
				      .work_dir = directory,
				      .memory_mib = 768,
				      .deadline_s = 60,
				      .log_fd = -1,
				      .monitor = monitor};
}

static bool seen_running;

/* Says stop once QEMU is there. */
static bool stop_when_running(void *opaque)
{
	(void)opaque;
	seen_running |= count_processes("virtio-serial") > 0;
	return seen_running;
}

START_TEST(interrupted_appliance_is_gone)
{
	const struct monitor monitor = {.cancelled = stop_when_running};
	struct appliance_job interrupted = job(&monitor);
	struct appliance_disk disk = {.raw_path = "/dev/null"};
	struct error err = {0};
	size_t leftovers = count_leftovers();

	if (appliance_available(&err) < 0)
		return;
	interrupted.disks = &disk;
	interrupted.n_disks = 1;
	ck_assert_int_eq(appliance_run(&interrupted, &err), -1);
	ck_assert_msg(err.kind == ERROR_BUSY, "%s", err.msg);
	ck_assert(seen_running);
	ck_assert_uint_eq(count_processes(""), 0);
	ck_assert_uint_eq(count_leftovers(), leftovers);
}
END_TEST

START_TEST(failing_program_is_named)
{
	struct appliance_job failing = job(NULL);
	struct appliance_disk disk = {.raw_path = "/dev/null"};
	struct error err = {0};

	if (appliance_available(&err) < 0)
		return;
	failing.disks = &disk;
	failing.n_disks = 1;
	ck_assert_int_eq(appliance_run(&failing, &err), -1);
	ck_assert_msg(err.kind == ERROR_GUEST, "%s", err.msg);
	ck_assert_msg(strstr(err.msg, "appliance: /no-such-program: ") != NULL, "%s", err.msg);
	ck_assert_uint_eq(count_processes(""), 0);
}
END_TEST

START_TEST(missing_disk_is_named)
{
	struct appliance_job without = job(NULL);
	struct appliance_disk disk = {.raw_path = "/nonexistent/disk"};
	struct error err = {0};

	if (appliance_available(&err) < 0)
		return;
	without.disks = &disk;
	without.n_disks = 1;
	ck_assert_int_eq(appliance_run(&without, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_msg(strstr(err.msg, "appliance: /nonexistent/disk: ") != NULL, "%s", err.msg);
}
END_TEST

START_TEST(long_work_directory_is_refused)
{
	struct appliance_job too_long = job(NULL);
	struct error err = {0};

	too_long.work_dir =
		"/tmp/a-directory-whose-name-is-far-too-long-for-the-socket-of-an-appliance";
	ck_assert_int_eq(appliance_run(&too_long, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, "choose a shorter scratch directory"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("appliance");
	TCase *tcase = tcase_create("appliance");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 900);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, interrupted_appliance_is_gone);
	tcase_add_test(tcase, failing_program_is_named);
	tcase_add_test(tcase, missing_disk_is_named);
	tcase_add_test(tcase, long_work_directory_is_refused);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
