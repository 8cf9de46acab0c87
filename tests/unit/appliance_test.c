/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "appliance/appliance.h"
#include "base/file.h"
#include "base/memory.h"
#include "suite.h"

static char directory[] = "/tmp/ap.XXXXXX";
static struct fixed_appliance *fixed;

/* One for all tests: what is built depends on the host only. */
static void open_fixed(void)
{
	const char *build = getenv("BUILD");
	CLEANUP_FREE char *cache = path_join(build ? build : directory, "guests/appliances");
	struct error err = {0};

	fixed = fixed_appliance_open(cache, NULL, &err);
	ck_assert_msg(fixed != NULL, "%s", err.msg);
}

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
	struct error err = {0};

	fixed_appliance_free(fixed);
	fixed = NULL;
	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

static int parent_of(int pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/stat", pid);
	CLEANUP_BUFFER struct buffer text = {0};
	struct error ignored = {0};
	const char *end;

	if (file_read(path, 4096, &text, &ignored) < 0 || !text.len)
		return 0;
	end = strrchr(text.data, ')');
	return end ? atoi(end + 4) : 0;
}

static bool is_ours(int pid)
{
	while ((pid = parent_of(pid)) > 1)
		if (pid == getpid())
			return true;
	return false;
}

static bool mentions(const char *pid, const char *what)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%s/cmdline", pid);
	CLEANUP_BUFFER struct buffer text = {0};
	struct error ignored = {0};

	return file_read(path, 1 << 20, &text, &ignored) == 0 && text.len &&
	       memmem(text.data, text.len, what, strlen(what));
}

/* Processes below this one whose arguments name this. */
static size_t count_processes(const char *what)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(dir)))
		n += entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		     is_ours(atoi(entry->d_name)) && mentions(entry->d_name, what);
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
	return (struct appliance_job){.fixed = fixed,
				      .directories = directories,
				      .n_directories = 3,
				      .argv = no_program,
				      .work_dir = directory,
				      .memory_mib = 768,
				      .log_fd = -1,
				      .monitor = monitor};
}

static void make_empty_disk(void)
{
	CLEANUP_FREE char *path = path_join(directory, "empty");
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
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
	struct appliance_job interrupted;
	struct appliance_disk disk = {.raw = "empty"};
	struct appliance_outcome outcome;
	struct error err = {0};
	size_t leftovers = count_leftovers();

	if (appliance_available(&err) < 0)
		return;
	open_fixed();
	make_empty_disk();
	interrupted = job(&monitor);
	interrupted.disks = &disk;
	interrupted.n_disks = 1;
	ck_assert_int_eq(appliance_run(&interrupted, &outcome, &err), -1);
	ck_assert_msg(err.kind == ERROR_BUSY, "%s", err.msg);
	ck_assert(seen_running);
	ck_assert_uint_eq(count_processes(""), 0);
	ck_assert_uint_eq(count_leftovers(), leftovers);
}
END_TEST

START_TEST(missing_disk_is_named)
{
	struct appliance_job without;
	struct appliance_disk disk = {.raw = "no-disk"};
	struct appliance_outcome outcome;
	struct error err = {0};

	if (appliance_available(&err) < 0)
		return;
	open_fixed();
	without = job(NULL);
	without.disks = &disk;
	without.n_disks = 1;
	ck_assert_int_eq(appliance_run(&without, &outcome, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_msg(strstr(err.msg, "appliance: no-disk: ") != NULL, "%s", err.msg);
}
END_TEST

/* A user to whom the kernel gives no namespaces, and who may not make others either. */
static bool forbid_namespaces(void)
{
	static const char path[] = "/proc/sys/user/max_user_namespaces";
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}, {0}};
	CLEANUP_CLOSE int fd = -1;

	if (unshare(CLONE_NEWUSER) < 0)
		return false;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1 && syscall(SYS_capset, &header, none) == 0;
}

START_TEST(long_work_directory_is_refused)
{
	const struct fixed_appliance none = {0};
	struct appliance_job too_long = job(NULL);
	struct appliance_outcome outcome;
	struct error err = {0};

	if (!forbid_namespaces())
		return;
	too_long.fixed = &none;
	too_long.work_dir =
		"/tmp/a-directory-whose-name-is-far-too-long-for-the-socket-of-an-appliance";
	ck_assert_int_eq(appliance_run(&too_long, &outcome, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_msg(strstr(err.msg, "choose a shorter scratch directory") != NULL, "%s", err.msg);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("appliance");
	TCase *tcase = tcase_create("appliance");

	tcase_set_timeout(tcase, 900);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, interrupted_appliance_is_gone);
	tcase_add_test(tcase, missing_disk_is_named);
	tcase_add_test(tcase, long_work_directory_is_refused);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
