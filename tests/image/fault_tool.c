/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault_tool: runs a command and makes it fail, or be killed, at the N-th call by which it or any
 * process below it changes one file system.
 *
 *     fault_tool DIRECTORY [--at N (--kill | --error ERRNO)] [--log FILE] -- COMMAND...
 *
 * Counted are the calls in `calls` below whose file, or whose path's directory, lies on the file
 * system of DIRECTORY, in the order in which they are about to be made; --log writes a line for
 * each.  At the N-th,
 * --kill ends every process at once, before the call is made; --error makes that one call fail.  A
 * seccomp filter stops the processes at these calls only, so everything else runs at full speed.
 *
 * Exit status: the command's; 120 when it was killed by --kill; 121 when there was no N-th call;
 * 122 when fault itself failed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "a call is made to fail through the registers of x86-64"
#endif

enum { EXIT_KILLED = 120, EXIT_NEVER = 121, EXIT_FAULT = 122, MAX_PROCESSES = 4096 };

/* Where a call names what it changes: a descriptor, or a path relative to one (-1: to the working
 * directory). */
enum place { BY_FD, BY_PATH };
static const struct call {
	long number;
	const char *name;
	enum place place;
	int fd, path; /* indexes of arguments; fd -1: the working directory */
} calls[] = {
	{SYS_write, "write", BY_FD, 0, 0},
	{SYS_pwrite64, "pwrite", BY_FD, 0, 0},
	{SYS_writev, "writev", BY_FD, 0, 0},
	{SYS_pwritev, "pwritev", BY_FD, 0, 0},
	{SYS_pwritev2, "pwritev2", BY_FD, 0, 0},
	{SYS_copy_file_range, "copy_file_range", BY_FD, 2, 0},
	{SYS_sendfile, "sendfile", BY_FD, 0, 0},
	{SYS_fallocate, "fallocate", BY_FD, 0, 0},
	{SYS_ftruncate, "ftruncate", BY_FD, 0, 0},
	{SYS_fsync, "fsync", BY_FD, 0, 0},
	{SYS_fdatasync, "fdatasync", BY_FD, 0, 0},
	{SYS_syncfs, "syncfs", BY_FD, 0, 0},
	{SYS_fchmod, "fchmod", BY_FD, 0, 0},
	{SYS_fchown, "fchown", BY_FD, 0, 0},
	{SYS_rename, "rename", BY_PATH, -1, 1},
	{SYS_renameat, "renameat", BY_PATH, 2, 3},
	{SYS_renameat2, "renameat2", BY_PATH, 2, 3},
	{SYS_link, "link", BY_PATH, -1, 1},
	{SYS_linkat, "linkat", BY_PATH, 2, 3},
	{SYS_symlink, "symlink", BY_PATH, -1, 1},
	{SYS_symlinkat, "symlinkat", BY_PATH, 1, 2},
	{SYS_unlink, "unlink", BY_PATH, -1, 0},
	{SYS_unlinkat, "unlinkat", BY_PATH, 0, 1},
	{SYS_rmdir, "rmdir", BY_PATH, -1, 0},
	{SYS_mkdir, "mkdir", BY_PATH, -1, 0},
	{SYS_mkdirat, "mkdirat", BY_PATH, 0, 1},
};
enum { N_CALLS = sizeof calls / sizeof calls[0] };

static struct {
	dev_t device;
	unsigned long at, seen;
	int error; /* 0: kill */
	FILE *log;
	pid_t processes[MAX_PROCESSES]; /* threads, too */
	size_t n_processes;
} state;

static void die(const char *what)
{
	fprintf(stderr, "fault: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAULT);
}

static void add_process(pid_t pid)
{
	for (size_t i = 0; i < state.n_processes; i++)
		if (state.processes[i] == pid)
			return;
	if (state.n_processes == MAX_PROCESSES) {
		errno = E2BIG;
		die("processes");
	}
	state.processes[state.n_processes++] = pid;
}

static void remove_process(pid_t pid)
{
	for (size_t i = 0; i < state.n_processes; i++)
		if (state.processes[i] == pid)
			state.processes[i] = state.processes[--state.n_processes];
}

static bool read_text(pid_t pid, unsigned long address, char text[PATH_MAX])
{
	struct iovec to = {text, PATH_MAX - 1}, from = {(void *)address, PATH_MAX - 1};
	ssize_t n;

	for (;;) {
		n = process_vm_readv(pid, &to, 1, &from, 1, 0);
		if (n > 0 || from.iov_len <= 1)
			break;
		/* The text may end just before a page that is not there. */
		from.iov_len = to.iov_len = from.iov_len > 4096 - address % 4096
						    ? 4096 - address % 4096
						    : from.iov_len / 2;
	}
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

/* What the call changes, as a path that we can look at from here. */
static bool describe(pid_t pid, const struct call *call, const unsigned long *arguments,
		     char object[2 * PATH_MAX])
{
	char path[PATH_MAX];

	if (call->place == BY_FD) {
		snprintf(object, 2 * PATH_MAX, "/proc/%d/fd/%d", pid, (int)arguments[call->fd]);
		return true;
	}
	if (!read_text(pid, arguments[call->path], path))
		return false;
	if (path[0] == '/')
		snprintf(object, 2 * PATH_MAX, "/proc/%d/root%s", pid, path);
	else if (call->fd < 0 || (int)arguments[call->fd] == AT_FDCWD)
		snprintf(object, 2 * PATH_MAX, "/proc/%d/cwd/%s", pid, path);
	else
		snprintf(object, 2 * PATH_MAX, "/proc/%d/fd/%d/%s", pid, (int)arguments[call->fd],
			 path);
	return true;
}

static bool on_device(const struct call *call, const char *object)
{
	char directory[2 * PATH_MAX];
	struct stat st;
	char *slash;

	snprintf(directory, sizeof directory, "%s", object);
	slash = strrchr(directory, '/');
	if (call->place == BY_PATH)
		slash[1] = '\0';
	if (stat(directory, &st) < 0 || st.st_dev != state.device)
		return false;
	/* Terminals, pipes and sockets have devices of their own. */
	return call->place == BY_PATH || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

static void log_call(const struct call *call, const char *object)
{
	char target[PATH_MAX];
	ssize_t n = call->place == BY_FD ? readlink(object, target, sizeof target - 1) : -1;

	if (!state.log)
		return;
	fprintf(state.log, "%lu %s %.*s\n", state.seen, call->name, n > 0 ? (int)n : PATH_MAX,
		n > 0 ? target : strchr(object + strlen("/proc/"), '/') + 1);
	fflush(state.log);
}

static void fail_call(pid_t pid)
{
	struct user_regs_struct registers;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0)
		die("PTRACE_GETREGS");
	registers.orig_rax = (unsigned long long)-1;
	registers.rax = (unsigned long long)-state.error;
	if (ptrace(PTRACE_SETREGS, pid, NULL, &registers) < 0)
		die("PTRACE_SETREGS");
}

/* One that was just born is not known yet, and stands still until it is. */
static void kill_all(void)
{
	int status;
	pid_t pid;

	for (size_t i = 0; i < state.n_processes; i++)
		kill(state.processes[i], SIGKILL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (pid > 0 && WIFSTOPPED(status))
			kill(pid, SIGKILL);
	exit(EXIT_KILLED);
}

static void at_call(pid_t pid)
{
	struct user_regs_struct registers;
	const struct call *call = calls;
	char object[2 * PATH_MAX];

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0)
		return;
	while (call < calls + N_CALLS && call->number != (long)registers.orig_rax)
		call++;
	{
		const unsigned long arguments[] = {registers.rdi, registers.rsi, registers.rdx,
						   registers.r10};

		if (call == calls + N_CALLS || !describe(pid, call, arguments, object) ||
		    !on_device(call, object))
			return;
	}
	state.seen++;
	log_call(call, object);
	if (state.seen != state.at)
		return;
	if (state.error)
		fail_call(pid);
	else
		kill_all();
}

/* Stops at the calls of the table; all else is allowed. */
static void install_filter(void)
{
	struct sock_filter filter[2 * N_CALLS + 2];
	struct sock_fprog program = {.filter = filter};
	size_t n = 0;

	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_CALLS; i++) {
		filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (unsigned)calls[i].number, 0, 1);
		filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	}
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		die("seccomp");
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		raise(SIGSTOP);
		install_filter();
		execvp(command[0], command);
		die(command[0]);
	}
	if (waitpid(pid, NULL, WUNTRACED) < 0 ||
	    ptrace(PTRACE_SEIZE, pid, NULL,
		   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
		die("PTRACE_SEIZE");
	kill(pid, SIGCONT);
	return pid;
}

static void resume(pid_t pid, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	add_process(pid);
	if (event == PTRACE_EVENT_SECCOMP)
		at_call(pid);
	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) {
		ptrace(PTRACE_LISTEN, pid, NULL, NULL); /* a group stop */
		return;
	}
	ptrace(PTRACE_CONT, pid, NULL, (void *)(long)(event ? 0 : signal));
}

static int trace(pid_t command)
{
	int status, outcome = EXIT_FAULT;
	pid_t pid;

	add_process(command);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid < 0)
			continue;
		if (WIFSTOPPED(status)) {
			resume(pid, status);
			continue;
		}
		remove_process(pid);
		if (pid == command)
			outcome = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return outcome;
}

static int errno_of(const char *name)
{
	static const struct {
		const char *name;
		int value;
	} known[] = {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (!strcmp(known[i].name, name))
			return known[i].value;
	errno = EINVAL;
	die(name);
	return 0;
}

static char **read_options(int argc, char **argv)
{
	struct stat st;
	int i = 2;

	if (argc < 2 || stat(argv[1], &st) < 0)
		die(argc < 2 ? "usage" : argv[1]);
	state.device = st.st_dev;
	for (; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "--kill"))
			continue;
		if (i + 1 == argc)
			die(argv[i]);
		if (!strcmp(argv[i], "--at"))
			state.at = strtoul(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--error"))
			state.error = errno_of(argv[++i]);
		else if (!strcmp(argv[i], "--log"))
			state.log = fopen(argv[++i], "we");
	}
	if (i + 1 >= argc)
		die("no command");
	return argv + i + 1;
}

int main(int argc, char **argv)
{
	char **command = read_options(argc, argv);
	int status = trace(start(command));

	return state.at > state.seen ? EXIT_NEVER : status;
}
