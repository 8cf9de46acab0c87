/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The watchdog outside.  The child tells over a pipe which phase it begins and how it ended (same
 * program, same layout); a child that dies without a word was killed or crashed.
 *
 * The child of root who may mount, and another's where the kernel has user namespaces, is PID 1 of
 * a PID namespace and sees the work directory as its /tmp: names of sockets are short however deep
 * the scratch directory is, and nothing can be left in the host's /tmp.  Where that is not to be
 * had, it is the leader of a process group, and the work directory's name has to be short.
 */
#include "appliance/appliance.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/fixed_build.h"
#include "appliance/guestfs.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

enum {
	POLL_MS = 200,
	PLAIN_WORK_DIR_LIMIT = 60, /* what a unix socket's path leaves */
	FULL_BYTES = 1 << 20,
};

static const struct appliance_deadlines defaults = {
	.launch = 600, .mount = 120, .program = 3600, .shutdown = 300};

/* On a host that is busy, a second of it takes many. */
static const struct appliance_deadlines emulated = {
	.launch = 2400, .mount = 600, .program = 3600, .shutdown = 600};

struct message {
	enum guestfs_phase phase;
	char what[64];
	struct error error; /* with PHASE_END */
	char kernel[sizeof((struct appliance_outcome *)NULL)->kernel];
	bool disk_full; /* when a phase began */
};

/* The child's side. */
struct speaker {
	int fd;
	const char *work_dir;
	struct message message;
};

/* Asked while QEMU's files are there: some of them are gone with it. */
static bool is_full(const char *directory)
{
	struct error ignored = {0};
	uint64_t left;

	return directory_free_bytes(directory, &left, &ignored) == 0 && left < FULL_BYTES;
}

static void speak(struct speaker *speaker, enum guestfs_phase phase, const char *what)
{
	struct error ignored = {0};

	speaker->message.phase = phase;
	snprintf(speaker->message.what, sizeof speaker->message.what, "%s", what);
	file_write_all(speaker->fd, &speaker->message, sizeof speaker->message, &ignored);
}

static void on_phase(void *opaque, enum guestfs_phase phase, const char *what)
{
	struct speaker *speaker = opaque;

	speaker->message.disk_full |= is_full(speaker->work_dir);
	speak(speaker, phase, what);
}

/* In user_namespaces(7) terms: our own id and nothing else. */
static int map_self(unsigned uid, unsigned gid, struct error *err)
{
	CLEANUP_FREE char *uids = xasprintf("%u %u 1", uid, uid);
	CLEANUP_FREE char *gids = xasprintf("%u %u 1", gid, gid);
	const struct {
		const char *path, *text;
	} files[] = {{"/proc/self/setgroups", "deny"},
		     {"/proc/self/uid_map", uids},
		     {"/proc/self/gid_map", gids}};

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		CLEANUP_CLOSE int fd = open(files[i].path, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || file_write_all(fd, files[i].text, strlen(files[i].text), err) < 0)
			return error_os(err, ERROR_HOST, errno, "appliance: %s", files[i].path);
	}
	return 0;
}

static int clone_tree(const char *path, struct error *err)
{
	int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd < 0 ? error_os(err, ERROR_HOST, errno, "appliance: %s", path) : fd;
}

static int place_tree(int tree, const char *at, struct error *err)
{
	if (move_mount(tree, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_os(err, ERROR_HOST, errno, "appliance: mounting over %s", at);
	return 0;
}

/* The work directory becomes /tmp, the fixed appliance a read-only directory in it.  Both trees are
 * opened first: their names may be below /tmp. */
static int arrange(const struct appliance_job *job, struct guestfs_job *run, struct error *err)
{
	CLEANUP_CLOSE int work = -1, fixed = -1;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_os(err, ERROR_HOST, errno, "appliance: a mount namespace");
	if ((work = clone_tree(job->work_dir, err)) < 0 ||
	    (fixed = clone_tree(job->fixed->directory, err)) < 0 ||
	    place_tree(work, "/tmp", err) < 0 || directory_make("/tmp/appliance", 0700, err) < 0 ||
	    place_tree(fixed, "/tmp/appliance", err) < 0)
		return -1;
	if (mount(NULL, "/tmp/appliance", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return error_os(err, ERROR_HOST, errno, "appliance: read-only");
	run->work_dir = "/tmp";
	run->appliance = "/tmp/appliance";
	return 0;
}

struct child {
	const struct appliance_job *job;
	unsigned uid, gid; /* before a user namespace made them nobody's */
	bool own_users;	   /* it is in a user namespace, since only that lets it mount */
	bool isolated;
	const int *pipe_fds;
};

static int child_run(const struct child *child, struct speaker *speaker, struct error *err)
{
	const struct appliance_job *job = child->job;
	struct guestfs_job run = {.job = job,
				  .work_dir = job->work_dir,
				  .appliance = job->fixed->directory,
				  .phase = on_phase,
				  .opaque = speaker,
				  .kernel = speaker->message.kernel};
	CLEANUP_FREE char *temporary = NULL;

	if (child->isolated && child->own_users && map_self(child->uid, child->gid, err) < 0)
		return -1;
	if (child->isolated && arrange(job, &run, err) < 0)
		return -1;
	/* QEMU puts what the appliance writes to its root there; the name "/tmp" it does not take
	 */
	temporary = path_join(run.work_dir, ".");
	setenv("TMPDIR", temporary, 1);
	speaker->work_dir = run.work_dir;
	return guestfs_job_run(&run, err);
}

static void __attribute__((noreturn)) child_main(const struct child *child)
{
	struct speaker speaker = {.fd = child->pipe_fds[1]};
	struct pollfd parent = {.fd = speaker.fd};
	struct error err = {0};

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(child->pipe_fds[0]);
	if (poll(&parent, 1, 0) > 0) /* nobody reads any more: it died before the prctl */
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	child_run(child, &speaker, &err);
	speaker.message.error = err;
	speak(&speaker, PHASE_END, "");
	_exit(0);
}

static bool may_mount(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective >> CAP_SYS_ADMIN & 1;
}

static pid_t start_child(const struct appliance_job *job, const int *pipe_fds, struct error *err)
{
	struct child child = {.job = job,
			      .uid = geteuid(),
			      .gid = getegid(),
			      .own_users = !may_mount(),
			      .pipe_fds = pipe_fds};
	int user = child.own_users ? CLONE_NEWUSER : 0;
	pid_t pid = (pid_t)syscall(SYS_clone, user | CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, NULL,
				   NULL, NULL, NULL);

	child.isolated = pid >= 0;
	if (pid < 0 && strlen(job->work_dir) > PLAIN_WORK_DIR_LIMIT)
		return error_set(err, ERROR_HOST,
				 "%s: longer than %d bytes, too long for the appliance's sockets: "
				 "choose a shorter scratch directory, or run as root",
				 job->work_dir, PLAIN_WORK_DIR_LIMIT);
	if (pid < 0)
		pid = fork();
	if (pid == 0)
		child_main(&child);
	if (pid < 0)
		return error_os(err, ERROR_HOST, errno, "appliance: fork");
	setpgid(pid, pid);
	return pid;
}

/* The watchdog's side. */
struct watch {
	const struct appliance_job *job;
	int fd;
	struct message message; /* the last one */
	unsigned limit_s;
	int64_t end;
};

static unsigned limit_of(const struct appliance_deadlines *limits, enum guestfs_phase phase)
{
	const unsigned by_phase[] = {[PHASE_LAUNCH] = limits->launch,
				     [PHASE_MOUNT] = limits->mount,
				     [PHASE_PROGRAM] = limits->program,
				     [PHASE_SHUTDOWN] = limits->shutdown};

	return phase < PHASE_END ? by_phase[phase] : 0;
}

static void enter_phase(struct watch *watch)
{
	static const char *const stages[] = {[PHASE_LAUNCH] = "launch",
					     [PHASE_MOUNT] = "launch",
					     [PHASE_PROGRAM] = "guest",
					     [PHASE_SHUTDOWN] = "shutdown"};
	enum guestfs_phase phase = watch->message.phase;

	watch->limit_s = limit_of(&watch->job->deadlines, phase);
	if (watch->limit_s == 0)
		watch->limit_s = limit_of(watch->job->kvm ? &defaults : &emulated, phase);
	watch->end = clock_ms() + 1000 * (int64_t)watch->limit_s;
	if (phase < PHASE_END)
		monitor_progress(watch->job->monitor, stages[phase], NULL, 0, 0);
}

/* Messages are shorter than what a pipe takes in one piece. */
static int read_message(struct watch *watch, struct error *err)
{
	ssize_t n;

	do {
		n = read(watch->fd, &watch->message, sizeof watch->message);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof watch->message)
		return error_set(err, ERROR_BUSY,
				 "appliance: its process died: killed from outside, or out of "
				 "memory?");
	watch->message.what[sizeof watch->message.what - 1] = '\0';
	enter_phase(watch);
	return 0;
}

static int wait_on(struct watch *watch, struct error *err)
{
	struct pollfd one = {.fd = watch->fd, .events = POLLIN};

	if (poll(&one, 1, POLL_MS) > 0)
		return read_message(watch, err);
	if (clock_ms() > watch->end)
		return error_set(err, ERROR_BUSY, "appliance: %s: not done after %u s",
				 watch->message.what, watch->limit_s);
	return monitor_check(watch->job->monitor, err);
}

static int watch_child(struct watch *watch, struct error *err)
{
	snprintf(watch->message.what, sizeof watch->message.what, "start");
	enter_phase(watch);
	while (watch->message.phase != PHASE_END)
		if (wait_on(watch, err) < 0)
			return -1;
	if (watch->message.error.kind == ERROR_NONE)
		return 0;
	*err = watch->message.error;
	return -1;
}

/* With PID 1 of a namespace, everybody in it is dead when this returns. */
static void reap(pid_t pid)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int run_watched(const struct appliance_job *job, int pipe_fds[2],
		       struct appliance_outcome *ret, struct error *err)
{
	struct watch watch = {.job = job, .fd = pipe_fds[0]};
	pid_t pid = start_child(job, pipe_fds, err);
	int result;

	close_p(&pipe_fds[1]);
	pipe_fds[1] = -1;
	if (pid < 0)
		return -1;
	result = watch_child(&watch, err);
	ret->disk_full = watch.message.disk_full || is_full(job->work_dir);
	snprintf(ret->kernel, sizeof ret->kernel, "%.65s", watch.message.kernel);
	reap(pid);
	return result;
}

int appliance_run(const struct appliance_job *job, struct appliance_outcome *ret, struct error *err)
{
	struct error interrupted = {0};
	int pipe_fds[2], result;

	*ret = (struct appliance_outcome){0};
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	result = run_watched(job, pipe_fds, ret, err);
	close_p(&pipe_fds[0]);
	close_p(&pipe_fds[1]);
	if (result < 0 && ret->disk_full && monitor_check(job->monitor, &interrupted) == 0) {
		err->kind = ERROR_SPACE;
		return error_prefix(err, "no space left in %s while the appliance ran",
				    job->work_dir);
	}
	return result;
}
