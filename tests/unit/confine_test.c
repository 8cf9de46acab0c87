/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a confined process can no longer do, tried by one that is confined as each task is. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/landlock.h"
#include "session/confine_mounts.h"
#include "session/confinements.h"
#include "suite.h"

static char top[] = "/tmp/confine-test.XXXXXX";
static const char *const directories[] = {"images", "keys", "work", "output", "store", "mirror"};
static const char *const files[] = {"images/own.qcow2", "images/neighbour.qcow2", "keys/host.key",
				    "mirror/Release", "output/neighbour.qcow2"};

static void setup(void)
{
	struct error err = {0};

	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chdir(top), 0);
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		ck_assert_int_eq(mkdir(directories[i], 0700), 0);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		ck_assert_int_eq(file_replace(files[i], "secret", 6, 0600, &err), 0);
}

static void teardown(void)
{
	struct error err = {0};

	directory_remove(top, &err);
}

static json_t *input(void)
{
	return json_pack(
		"{s: {s: [s], s: [], s: s}, s: s, s: s, s: [{s: s, s: []}], s: s, s: [{s: s}], "
		"s: s, s: [s]}",
		"image", "disks", "images/own.qcow2", "backing", "work_dir", "work", "state_dir",
		"work", "store", "store", "mirrors", "path", "mirror", "keyrings",
		"high_water_file", "work/marks", "overlays", "path", "output/new/disk0.qcow2",
		"directory", "work/fetched", "local", "mirror");
}

static bool can(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	char byte;
	bool ok = fd >= 0 && ((flags & O_ACCMODE) == O_WRONLY || read(fd, &byte, 1) == 1);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Runs `judge` in a child that is confined; its status is the number of the first check that
 * failed. */
static void confined(const struct confinement *confinement, int (*judge)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		CLEANUP_JSON json_t *json = input();
		struct error err = {0};

		if (confine_worker(confinement, json, json_pack("[s]", "keys/host.key"), &err) <
		    0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(99);
		}
		_exit(judge());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

static int judge_inspect(void)
{
	if (!can("images/own.qcow2", O_RDONLY))
		return 1;
	if (can("images/own.qcow2", O_WRONLY))
		return 2;
	if (can("images/neighbour.qcow2", O_RDONLY))
		return 3;
	if (can("keys/host.key", O_RDONLY) || can("keys", O_RDONLY | O_DIRECTORY))
		return 4;
	if (!can("work/new", O_WRONLY | O_CREAT))
		return 5;
	if (can("images/new", O_WRONLY | O_CREAT) || can("/etc/shadow", O_RDONLY))
		return 6;
	return rename("work/new", "work/newer") == 0 ? 0 : 7;
}

static int judge_calls(void)
{
	struct rlimit core;

	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT)
		return 1;
	if (mount("none", "work", "tmpfs", 0, NULL) == 0 || errno != EPERM)
		return 2;
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return 3;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 || errno != EPERM)
		return 4;
	if (syscall(SYS_bpf, 0, NULL, 0) == 0 || errno != EPERM)
		return 5;
	if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL) >= 0 ||
	    errno != EPERM)
		return 6;
	if (getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0)
		return 7;
	return fork() >= 0 ? 0 : 8;
}

static int judge_snapshot(void)
{
	if (!can("mirror/Release", O_RDONLY) || can("mirror/new", O_WRONLY | O_CREAT))
		return 1;
	if (mkdir("store/stage", 0700) < 0 || !can("store/stage/file", O_WRONLY | O_CREAT))
		return 2;
	if (mkdir("store/place", 0700) < 0 || rename("store/stage/file", "store/place/file") < 0)
		return 3;
	if (can("images/own.qcow2", O_RDONLY) || can("keys/host.key", O_RDONLY))
		return 4;
	return can("work/marks", O_WRONLY | O_CREAT) ? 0 : 5;
}

/* By mounts: others can be read, but for the key, and nothing but its own can be written. */
static int judge_commit(void)
{
	if (!can("output/new/disk0.qcow2", O_WRONLY | O_CREAT))
		return 1;
	if (can("output/neighbour.qcow2", O_WRONLY) || can("store/new", O_WRONLY | O_CREAT) ||
	    can("/var/tmp/new", O_WRONLY | O_CREAT))
		return 2;
	if (can("keys/host.key", O_RDONLY))
		return 3;
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 || umount("keys") == 0)
		return 4;
	return can("images/own.qcow2", O_RDONLY) ? 0 : 5;
}

static int judge_layer(void)
{
	if (can("keys/host.key", O_RDONLY))
		return 1;
	if (syscall(SYS_bpf, 0, NULL, 0) == 0 || errno != EPERM)
		return 2;
	return unshare(CLONE_NEWNS) == 0 ? 0 : 3;
}

/* Has a network, and for that sees nothing but what it fills and what it copies from. */
static int judge_acquire(void)
{
	if (socket(AF_INET, SOCK_STREAM, 0) < 0 || socket(AF_INET6, SOCK_DGRAM, 0) < 0)
		return 1;
	if (socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EAFNOSUPPORT ||
	    socket(AF_VSOCK, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT)
		return 2;
	if (can("images/own.qcow2", O_RDONLY) || can("keys/host.key", O_RDONLY) ||
	    can("work/new", O_WRONLY | O_CREAT))
		return 3;
	if (!can("mirror/Release", O_RDONLY) || can("mirror/new", O_WRONLY | O_CREAT))
		return 4;
	if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
		return 5;
	return can("work/fetched/new", O_WRONLY | O_CREAT) ? 0 : 6;
}

START_TEST(acquire_has_a_network_and_nothing_else)
{
	if (landlock_version() >= 2)
		confined(&confinement_acquire, judge_acquire);
}
END_TEST

START_TEST(inspect_sees_its_image_alone)
{
	if (landlock_version() >= 2)
		confined(&confinement_inspect, judge_inspect);
}
END_TEST

START_TEST(calls_that_nobody_needs_are_denied)
{
	confined(&confinement_inspect, judge_calls);
	confined(&confinement_resolve, judge_calls);
	confined(&confinement_snapshot, judge_calls);
}
END_TEST

START_TEST(snapshot_fills_the_store)
{
	if (landlock_version() >= 2)
		confined(&confinement_snapshot, judge_snapshot);
}
END_TEST

START_TEST(commit_writes_its_output_alone)
{
	if (confine_mounts_possible())
		confined(&confinement_commit, judge_commit);
}
END_TEST

START_TEST(layer_does_not_see_the_key)
{
	if (confine_mounts_possible())
		confined(&confinement_layer, judge_layer);
}
END_TEST

/* A key in a directory that the task needs is hidden by itself. */
START_TEST(key_among_images_is_hidden_too)
{
	struct error err = {0};
	int status;
	pid_t pid;

	if (!confine_mounts_possible())
		return;
	ck_assert_int_eq(file_replace("images/host.key", "secret", 6, 0600, &err), 0);
	pid = fork();
	if (pid == 0) {
		json_t *json = input();

		if (confine_worker(&confinement_commit, json,
				   json_pack("[ss]", "keys/host.key", "images/host.key"), &err) < 0)
			_exit(99);
		_exit(can("images/host.key", O_RDONLY) || can("keys/host.key", O_RDONLY)
			      ? 1
			      : !can("images/own.qcow2", O_RDONLY));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("confine");
	TCase *tcase = tcase_create("tasks");

	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, inspect_sees_its_image_alone);
	tcase_add_test(tcase, acquire_has_a_network_and_nothing_else);
	tcase_add_test(tcase, calls_that_nobody_needs_are_denied);
	tcase_add_test(tcase, snapshot_fills_the_store);
	tcase_add_test(tcase, commit_writes_its_output_alone);
	tcase_add_test(tcase, layer_does_not_see_the_key);
	tcase_add_test(tcase, key_among_images_is_hidden_too);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
