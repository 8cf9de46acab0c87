/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watchdog outside.  The child tells how it ended with one struct error over a pipe (same
 * program, same layout); a child that dies without a word was killed or crashed.
 */
#include "appliance/appliance.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/guestfs.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

enum {
	LAUNCH_DEADLINE_S = 600, /* emulated, with an appliance that has to be built first */
	POLL_MS = 200,
	WORK_DIR_LIMIT = 60, /* what a unix socket's path leaves */
};

/* For root, libguestfs makes its socket below /tmp whatever it is told, and a child that is killed
 * leaves it there: so it gets a /tmp of its own, in work_dir.  A work_dir below /tmp has to stay
 * visible under its name. */
static int private_tmp(const char *work_dir, struct error *err)
{
	CLEANUP_FREE char *tmp = path_join(work_dir, "tmp");
	CLEANUP_CLOSE int tree = open_tree(AT_FDCWD, work_dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_os(err, ERROR_HOST, errno, "appliance: a mount namespace");
	if (directory_make(tmp, 0700, err) < 0)
		return -1;
	if (mount(tmp, "/tmp", NULL, MS_BIND, NULL) < 0)
		return error_os(err, ERROR_HOST, errno, "appliance: %s over /tmp", tmp);
	if (strncmp(work_dir, "/tmp/", 5) != 0)
		return 0;
	if (directory_make(work_dir, 0700, err) < 0)
		return -1;
	if (move_mount(tree, "", AT_FDCWD, work_dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_os(err, ERROR_HOST, errno, "appliance: %s", work_dir);
	return 0;
}

static void __attribute__((noreturn)) child(const struct appliance_job *job, pid_t parent, int fd)
{
	struct error outcome = {0}, ignored = {0};

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	if (geteuid() != 0 || private_tmp(job->work_dir, &outcome) == 0)
		guestfs_job_run(job, &outcome);
	file_write_all(fd, &outcome, sizeof outcome, &ignored);
	_exit(0);
}

/* 1: the child has ended or said something, 0: not yet, -1: stop it. */
static int wait_for(const struct appliance_job *job, int fd, int64_t end, struct error *err)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	if (poll(&one, 1, POLL_MS) > 0)
		return 1;
	if (clock_ms() > end)
		return error_set(err, ERROR_BUSY, "appliance: not done after %u s",
				 job->deadline_s + LAUNCH_DEADLINE_S);
	return monitor_check(job->monitor, err);
}

static int read_outcome(int fd, struct error *ret, struct error *err)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < sizeof *ret) {
		n = read(fd, (char *)ret + len, sizeof *ret - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (len == sizeof *ret)
		return 0;
	return error_set(err, ERROR_HOST, "appliance: its process died: out of memory?");
}

static int watch(const struct appliance_job *job, int fd, struct error *err)
{
	int64_t start = clock_ms();
	int64_t end = start + 1000 * ((int64_t)job->deadline_s + LAUNCH_DEADLINE_S);
	struct error outcome = {0};
	int ready;

	do {
		ready = wait_for(job, fd, end, err);
		monitor_progress(job->monitor, "appliance", NULL, 0, 0);
	} while (ready == 0);
	if (ready < 0 || read_outcome(fd, &outcome, err) < 0)
		return -1;
	if (outcome.kind == ERROR_NONE)
		return 0;
	*err = outcome;
	return -1;
}

static void reap(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int appliance_run(const struct appliance_job *job, struct error *err)
{
	pid_t parent = getpid(), pid;
	int pipe_fds[2], result;

	if (strlen(job->work_dir) > WORK_DIR_LIMIT)
		return error_set(err, ERROR_HOST,
				 "%s: longer than %d bytes, too long for the appliance's sockets: "
				 "choose a shorter scratch directory",
				 job->work_dir, WORK_DIR_LIMIT);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	pid = fork();
	if (pid == 0)
		child(job, parent, pipe_fds[1]);
	close(pipe_fds[1]);
	if (pid < 0) {
		close(pipe_fds[0]);
		return error_os(err, ERROR_HOST, errno, "fork");
	}
	setpgid(pid, pid);
	result = watch(job, pipe_fds[0], err);
	reap(pid);
	close(pipe_fds[0]);
	return result;
}

/* What libguestfs starts; named as Debian calls the package. */
static const struct requirement {
	const char *paths[3]; /* one of them */
	const char *package;
} requirements[] = {
	{{"/usr/bin/qemu-system-x86_64"}, "qemu-system-x86"},
	{{"/usr/bin/qemu-img"}, "qemu-utils"},
	{{"/usr/bin/supermin", "/usr/lib/x86_64-linux-gnu/guestfs/README.fixed"}, "supermin"},
	{{"/usr/lib/x86_64-linux-gnu/guestfs/supermin.d", "/usr/lib/guestfs/supermin.d",
	  "/usr/lib/x86_64-linux-gnu/guestfs/README.fixed"},
	 "libguestfs0"},
};

static bool is_there(const struct requirement *requirement)
{
	for (size_t i = 0; i < 3 && requirement->paths[i]; i++)
		if (access(requirement->paths[i], R_OK) == 0)
			return true;
	return false;
}

int appliance_available(struct error *err)
{
	for (size_t i = 0; i < sizeof requirements / sizeof *requirements; i++)
		if (!is_there(&requirements[i]))
			return error_set(
				err, ERROR_HOST,
				"no libguestfs appliance on this host: %s is missing: install %s",
				requirements[i].paths[0], requirements[i].package);
	return 0;
}
