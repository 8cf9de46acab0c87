/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said on a host that lacks what a run takes.  Root can take it away for one process. */
#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "appliance/fixed_build.h"
#include "appliance/libguestfs.h"
#include "base/file.h"
#include "boot/boottest.h"
#include "run/appliance.h"
#include "run/run.h"
#include "run/sandbox.h"
#include "suite.h"

#define QEMU "/usr/bin/qemu-system-x86_64 is missing: install qemu-system-x86"
#define ADVICE                                                                                     \
	"run where KVM works, or list the domain under sandbox-ok in the host's configuration"

static bool own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("", "/", "", MS_REC | MS_PRIVATE, "") == 0;
}

static bool take_away(const char *directory)
{
	return own_mounts() && mount("none", directory, "tmpfs", 0, "") == 0;
}

static void says(const struct error *err, enum error_kind kind, const char *words)
{
	ck_assert_int_eq(err->kind, kind);
	ck_assert_str_eq(err->msg, words);
}

START_TEST(without_qemu)
{
	enum boot_accelerator accelerator;
	struct error err = {0};

	if (!take_away("/usr/bin"))
		return; /* not root */
	ck_assert_int_eq(appliance_executor.available(&err), -1);
	says(&err, ERROR_HOST, "no libguestfs appliance on this host: " QEMU);
	ck_assert_ptr_null(executor_choose("appliance", true, &err));
	says(&err, ERROR_HOST, "no libguestfs appliance on this host: " QEMU);
	ck_assert_ptr_null(executor_choose("auto", false, &err));
	says(&err, ERROR_HOST,
	     "no executor is allowed here: the appliance needs KVM (" QEMU
	     "), and the sandbox is not allowed for this trust domain; " ADVICE);
	ck_assert_int_eq(boot_test_choose(false, &accelerator, &err), -1);
	says(&err, ERROR_HOST,
	     "no boot test is allowed here: it needs KVM (" QEMU
	     "), and emulation is not allowed for this trust domain; " ADVICE);
	ck_assert_int_eq(boot_test_choose(true, &accelerator, &err), 0);
	ck_assert_int_eq(accelerator, BOOT_ACCELERATOR_TCG);
}
END_TEST

START_TEST(without_the_description_of_an_appliance)
{
	struct error err = {0};

	if (!fixed_appliance_description() || !take_away("/usr/lib/x86_64-linux-gnu/guestfs"))
		return;
	ck_assert_int_eq(appliance_executor.available(&err), -1);
	says(&err, ERROR_HOST,
	     "no libguestfs appliance on this host: guestfs/supermin.d is missing: install "
	     "libguestfs0");
}
END_TEST

START_TEST(without_libguestfs)
{
	static const char library[] = "/usr/lib/x86_64-linux-gnu/libguestfs.so.0";
	struct error err = {0};

	if (access(library, F_OK) < 0 || !own_mounts() ||
	    mount("/dev/null", library, "", MS_BIND, "") < 0)
		return;
	ck_assert_ptr_null(libguestfs_load(&err));
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, "libguestfs.so.0"));
	ck_assert_ptr_nonnull(strstr(err.msg, ": install libguestfs0"));
}
END_TEST

START_TEST(without_root)
{
	struct error err = {0};

	if (seteuid(65534) < 0 && geteuid() == 0)
		return;
	ck_assert_int_eq(sandbox_executor.available(&err), -1);
	says(&err, ERROR_HOST,
	     "the sandbox needs root, to map the guest's ids; run as root or use --executor "
	     "appliance");
}
END_TEST

static bool write_text(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* As where user.max_user_namespaces is 0. */
START_TEST(without_user_namespaces)
{
	struct error err = {0};

	if (geteuid() != 0 || unshare(CLONE_NEWUSER) < 0 ||
	    !write_text("/proc/self/uid_map", "0 0 1") ||
	    !write_text("/proc/sys/user/max_user_namespaces", "0"))
		return;
	ck_assert_int_eq(sandbox_executor.available(&err), -1);
	says(&err, ERROR_HOST,
	     "the sandbox needs user namespaces, and this host refuses them (see "
	     "user.max_user_namespaces and the security module's settings): the limit of "
	     "namespaces is reached");
}
END_TEST

START_TEST(more_disks_than_an_appliance_takes)
{
	const struct run_request request = {.n_images = 1000};
	struct run_result result;
	struct error err = {0};

	ck_assert_int_eq(appliance_executor.run(&request, &result, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, "the appliance takes at most "));
	ck_assert_ptr_nonnull(strstr(err.msg, " disks"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("run host");
	TCase *tests = tcase_create("host");

	tcase_add_test(tests, without_qemu);
	tcase_add_test(tests, without_the_description_of_an_appliance);
	tcase_add_test(tests, without_libguestfs);
	tcase_add_test(tests, without_root);
	tcase_add_test(tests, without_user_namespaces);
	tcase_add_test(tests, more_disks_than_an_appliance_takes);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
