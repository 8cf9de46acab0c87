/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child is cloned with all namespaces new.  Until its ids are mapped it is still the host's
 * root by number, without any capability on the host: in that moment it opens the view and the
 * packages, which lie below a directory that only that number may enter, as mounts of its own mount
 * namespace.  Then it becomes root of its user namespace, which is nobody outside, and executes the
 * runner from a sealed copy in memory.
 */
#include "run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "run/view.h"

enum {
	CLONE_FLAGS = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		      CLONE_NEWUTS | CLONE_NEWCGROUP
};

/* Descriptors of the runner. */
enum { FD_ROOT = 3, FD_PACKAGES, FD_LOG, FD_REPORT, FD_CAPTURE, FD_JOB, FD_PROGRAM, FD_END };
enum { FD_ASIDE = 64, EXIT_NOT_STARTED = 125, PIPE_SIZE = 1 << 20, ENDING_MS = 1000 };

struct channel {
	int read, write;
};

struct channels {
	struct channel log, report, capture, go;
	int job, program;
};

static void channel_close(struct channel *channel)
{
	close_p(&channel->read);
	close_p(&channel->write);
}

static void channels_close(struct channels *channels)
{
	channel_close(&channels->log);
	channel_close(&channels->report);
	channel_close(&channels->capture);
	channel_close(&channels->go);
	close_p(&channels->job);
	close_p(&channels->program);
}

static int channel_open(struct channel *ret, struct error *err)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	fcntl(fds[0], F_SETPIPE_SZ, PIPE_SIZE);
	*ret = (struct channel){fds[0], fds[1]};
	return 0;
}

/* So that neither the program's mode nor the directories above it matter. */
static int program_file(const char *path, struct error *err)
{
	CLEANUP_CLOSE int from = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int fd = memfd_create("runner", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n = 1;

	if (from < 0)
		return error_os(err, ERROR_HOST, errno, "open the runner %s", path);
	while (fd >= 0 && n > 0)
		n = sendfile(fd, from, NULL, 1 << 24);
	if (fd < 0 || n < 0 || fchmod(fd, 0555) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return error_os(err, ERROR_HOST, errno, "copy the runner %s", path);
	return steal_fd(&fd);
}

static void set_places(struct job *job)
{
	job_place_fd(&job->root, FD_ROOT);
	job_place_fd(&job->packages, FD_PACKAGES);
	job_place_fd(&job->log, FD_LOG);
	job_place_fd(&job->report, FD_REPORT);
	job_place_fd(&job->capture, FD_CAPTURE);
}

static int channels_open(const struct spawn_spec *spec, struct channels *ret, struct error *err)
{
	CLEANUP_FREE char *json = NULL;

	set_places(spec->job);
	json = job_to_json(spec->job);
	if (channel_open(&ret->log, err) < 0 || channel_open(&ret->report, err) < 0 ||
	    channel_open(&ret->capture, err) < 0 || channel_open(&ret->go, err) < 0)
		return -1;
	ret->job = file_of_memory(json, strlen(json), err);
	if (ret->job < 0)
		return -1;
	ret->program = program_file(spec->runner, err);
	return ret->program < 0 ? -1 : 0;
}

/* From here to child_exec: in the child, nothing but system calls. */
static int become_root(void)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		return -1;
	/* Changing ids has cleared it. */
	return prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int arrange_descriptors(int root, int packages, const struct channels *channels)
{
	const int sources[] = {root,
			       packages,
			       channels->log.write,
			       channels->report.write,
			       channels->capture.write,
			       channels->job,
			       channels->program};
	int aside[FD_END - FD_ROOT];

	for (int i = 0; i < FD_END - FD_ROOT; i++)
		if ((aside[i] = fcntl(sources[i], F_DUPFD, FD_ASIDE)) < 0)
			return -1;
	for (int i = 0; i < FD_END - FD_ROOT; i++)
		if (dup2(aside[i], FD_ROOT + i) < 0)
			return -1;
	if (dup2(FD_LOG, 1) < 0 || dup2(FD_LOG, 2) < 0)
		return -1;
	fcntl(FD_PROGRAM, F_SETFD, FD_CLOEXEC);
	return close_range(FD_END, ~0U, 0);
}

static void child_exec(const struct spawn_spec *spec, const struct channels *channels)
{
	static char name[] = "coldpatch-runner", job[] = "fd:8";
	char *argv[] = {name, job, NULL}, *env[] = {NULL};
	int root, packages, null;
	sigset_t none;
	char byte;

	_Static_assert(FD_JOB == 8, "job names the descriptor");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(channels->go.write);
	if (read(channels->go.read, &byte, 1) != 1)
		_exit(EXIT_NOT_STARTED);
	root = open(spec->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	packages = open(spec->packages, O_PATH | O_DIRECTORY | O_CLOEXEC);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (root < 0 || packages < 0 || null < 0 || dup2(null, 0) < 0 || setsid() < 0 ||
	    become_root() < 0 || arrange_descriptors(root, packages, channels) < 0)
		_exit(EXIT_NOT_STARTED);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fexecve(FD_PROGRAM, argv, env);
	_exit(EXIT_NOT_STARTED);
}

static int write_map(pid_t pid, const char *name, uint32_t base, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	CLEANUP_FREE char *map = xasprintf("0 %u %u\n", base, VIEW_IDS);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, map, strlen(map)) < 0)
		return error_os(err, ERROR_HOST, errno, "write %s", path);
	return 0;
}

/* When the host runs out of memory, guest code is what it can do without. */
static void volunteer(pid_t pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%d/oom_score_adj", (int)pid);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "1000", 4);
}

static int let_go(const struct spawn_spec *spec, const struct channels *channels, pid_t pid,
		  struct error *err)
{
	cgroup_enter(spec->cgroup, pid);
	volunteer(pid);
	if (write_map(pid, "gid_map", spec->base, err) < 0 ||
	    write_map(pid, "uid_map", spec->base, err) < 0)
		return -1;
	if (write(channels->go.write, "g", 1) != 1)
		return error_os(err, ERROR_HOST, errno, "start the runner");
	return 0;
}

int spawn_runner(const struct spawn_spec *spec, struct spawned *ret, struct error *err)
{
	__attribute__((cleanup(channels_close))) struct channels channels = {
		{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1, -1};
	CLEANUP_SPAWNED struct spawned spawned = {
		.pid = -1, .pidfd = -1, .log = -1, .report = -1, .capture = -1};

	if (channels_open(spec, &channels, err) < 0)
		return -1;
	spawned.pid = (pid_t)syscall(SYS_clone, CLONE_FLAGS | SIGCHLD, NULL, NULL, NULL, NULL);
	if (spawned.pid < 0)
		return error_namespaces(err, errno, "make namespaces for the sandbox");
	if (spawned.pid == 0)
		child_exec(spec, &channels);
	spawned.pidfd = (int)syscall(SYS_pidfd_open, spawned.pid, 0);
	if (let_go(spec, &channels, spawned.pid, err) < 0)
		return -1;
	spawned.log = steal_fd(&channels.log.read);
	spawned.report = steal_fd(&channels.report.read);
	spawned.capture = steal_fd(&channels.capture.read);
	*ret = spawned;
	spawned = (struct spawned){-1, -1, -1, -1, -1};
	return 0;
}

int spawned_signal(const struct spawned *spawned)
{
	struct pollfd ended = {.fd = spawned->pidfd, .events = POLLIN};
	siginfo_t info = {0};

	if (poll(&ended, 1, ENDING_MS) <= 0 ||
	    waitid(P_PID, (id_t)spawned->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;
	return info.si_code == CLD_EXITED ? 0 : info.si_status;
}

void spawned_end(struct spawned *spawned)
{
	if (spawned->pid > 0) {
		kill(spawned->pid, SIGKILL);
		while (waitpid(spawned->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close_p(&spawned->pidfd);
	close_p(&spawned->log);
	close_p(&spawned->report);
	close_p(&spawned->capture);
	*spawned = (struct spawned){-1, -1, -1, -1, -1};
}

int spawn_possible(struct error *err)
{
	int status = 0;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FLAGS | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return error_namespaces(
			err, errno,
			"the sandbox needs user namespaces, and this host refuses them (see "
			"user.max_user_namespaces and the security module's settings)");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}
