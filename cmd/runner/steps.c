/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of the job, one after the other, until one fails or the deadline passes.
 *
 * Nothing of a command can hold us: its standard input is /dev/null and it has no terminal, so a
 * prompt ends; its output is read and bounded; when it has ended, whatever it left running is
 * killed.  We are PID 1, so all of it is ours to kill and to reap.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/clock.h"
#include "runner.h"

enum { CHUNK = 1 << 16, EXIT_SETUP_FAILED = 126, EXIT_EXEC_FAILED = 127 };

/* What no maintainer script needs; a namespace would refuse most of it anyway. */
static const int dropped_capabilities[] = {
	CAP_SYS_ADMIN,	CAP_SYS_MODULE,	   CAP_SYS_RAWIO,	   CAP_SYS_PTRACE,
	CAP_SYS_BOOT,	CAP_SYS_TIME,	   CAP_SYS_PACCT,	   CAP_SYS_TTY_CONFIG,
	CAP_NET_ADMIN,	CAP_SYSLOG,	   CAP_MAC_ADMIN,	   CAP_MAC_OVERRIDE,
	CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND, CAP_LINUX_IMMUTABLE,	   CAP_AUDIT_READ,
	CAP_PERFMON,	CAP_BPF,	   CAP_CHECKPOINT_RESTORE,
};

struct step {
	const struct job_command *command;
	struct runner *runner;
	int64_t end_ms;
	pid_t pid;
	int output, status_pipe, signals;
	int listener;		    /* of the command's system calls; -1: there is none */
	struct status status, said; /* on its descriptor, on its output */
};

static void limits_set(void)
{
	const struct rlimit core = {0, 0}, processes = {2048, 2048}, files = {1024, 65536};

	setrlimit(RLIMIT_CORE, &core);
	setrlimit(RLIMIT_NPROC, &processes);
	setrlimit(RLIMIT_NOFILE, &files);
}

static int privileges_drop(const struct job_command *command, int *ret_listener)
{
	for (size_t i = 0; i < sizeof dropped_capabilities / sizeof *dropped_capabilities; i++)
		if (prctl(PR_CAPBSET_DROP, dropped_capabilities[i], 0, 0, 0) < 0 && errno != EINVAL)
			return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return filter_load(command->sets_mount_points, ret_listener);
}

static void child_exec(const struct job *job, const struct job_command *command, int output,
		       int status_pipe, int to_runner)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int listener = -1;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	output = fcntl(output, F_DUPFD_CLOEXEC, 10);
	status_pipe = fcntl(status_pipe, F_DUPFD_CLOEXEC, 10);
	to_runner = fcntl(to_runner, F_DUPFD_CLOEXEC, 10);
	if (null < 0 || to_runner < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 ||
	    dup2(output, 2) < 0 || dup2(status_pipe, JOB_STATUS_FD) < 0 || chdir("/") < 0)
		_exit(EXIT_SETUP_FAILED);
	close_range(JOB_STATUS_FD + 1, (unsigned)to_runner - 1, 0);
	close_range((unsigned)to_runner + 1, ~0U, 0);
	limits_set();
	if (privileges_drop(command, &listener) < 0)
		_exit(EXIT_SETUP_FAILED);
	if (listener >= 0)
		mount_points_send(to_runner, listener);
	close(listener);
	close(to_runner);
	clearenv();
	for (char **variable = job->environment; *variable; variable++)
		putenv(*variable);
	execvp(command->argv[0], command->argv);
	_exit(EXIT_EXEC_FAILED);
}

static int step_start(const struct job *job, struct step *step, struct error *err)
{
	int output[2], status_pipe[2], from_child[2];

	if (pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(status_pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, from_child) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	/* The writers are the guest's programs: theirs block, ours do not. */
	fcntl(output[1], F_SETFL, 0);
	fcntl(status_pipe[1], F_SETFL, 0);
	step->pid = fork();
	if (step->pid == 0)
		child_exec(job, step->command, output[1], status_pipe[1], from_child[1]);
	close(output[1]);
	close(status_pipe[1]);
	close(from_child[1]);
	step->output = output[0];
	step->status_pipe = status_pipe[0];
	step->listener = step->pid < 0 ? -1 : mount_points_receive(from_child[0]);
	close(from_child[0]);
	return step->pid < 0 ? error_os(err, ERROR_HOST, errno, "fork") : 0;
}

static bool drain_once(struct step *step)
{
	char chunk[CHUNK];
	ssize_t out = read(step->output, chunk, sizeof chunk);
	ssize_t status;

	if (out > 0)
		log_bytes(step->runner->log, chunk, (size_t)out);
	if (out > 0 && step->command->status_in_output)
		status_bytes(&step->said, chunk, (size_t)out);
	status = read(step->status_pipe, chunk, sizeof chunk);
	if (status > 0)
		status_bytes(&step->status, chunk, (size_t)status);
	return out > 0 || status > 0;
}

/* 1 when the command itself has ended. */
static int reap(struct step *step, int *ret_status)
{
	int status, ended = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != step->pid)
			continue;
		*ret_status = status;
		ended = 1;
	}
	return ended;
}

static int step_wait(struct step *step, int *ret_status, struct error *err)
{
	struct pollfd fds[] = {{step->output, POLLIN, 0},
			       {step->status_pipe, POLLIN, 0},
			       {step->signals, POLLIN, 0},
			       {step->listener, POLLIN, 0}};
	struct signalfd_siginfo info;

	for (;;) {
		int64_t left = step->end_ms - clock_ms();

		if (left <= 0)
			return error_set(err, ERROR_BUSY, "%s was still running",
					 step->command->argv[0]);
		poll(fds, 4, left > 1000 ? 1000 : (int)left);
		if (fds[3].revents & POLLIN) {
			mount_points_answer(step->listener);
			if (!((fds[0].revents | fds[1].revents | fds[2].revents) & POLLIN))
				continue;
		}
		while (read(step->signals, &info, sizeof info) > 0)
			;
		drain_once(step);
		/* A closed pipe is always readable; leave it out. */
		for (size_t i = 0; i < 2; i++)
			if (fds[i].revents & POLLHUP && !(fds[i].revents & POLLIN))
				fds[i].fd = -1;
		if (reap(step, ret_status))
			return 0;
	}
}

/* Everything but us ends here. */
static void kill_the_rest(void)
{
	if (getpid() != 1)
		return;
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static void log_heading(struct runner *runner, const struct job_command *command)
{
	CLEANUP_BUFFER struct buffer line = {0};

	buffer_printf(&line, "== %s:", command->stage);
	for (char **word = command->argv; *word; word++)
		buffer_printf(&line, " %s", *word);
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] == '\n')
			line.data[i] = ' ';
	buffer_putc(&line, '\n');
	log_bytes(runner->log, line.data, line.len);
}

static int step_outcome(const struct job_command *command, int status, struct error *err)
{
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_GUEST, "%s: %s: killed by signal %d", command->stage,
				 command->argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status) == EXIT_EXEC_FAILED)
		return error_set(err, ERROR_GUEST, "%s: %s: cannot be executed in the guest",
				 command->stage, command->argv[0]);
	if (WEXITSTATUS(status))
		return error_set(err, ERROR_GUEST, "%s: %s: exit status %d", command->stage,
				 command->argv[0], WEXITSTATUS(status));
	return 0;
}

static int step_run(const struct job *job, struct step *step, struct error *err)
{
	int64_t start = clock_ms();
	int status = 0, outcome;

	log_heading(step->runner, step->command);
	if (step_start(job, step, err) < 0)
		return -1;
	outcome = step_wait(step, &status, err);
	kill_the_rest();
	while (drain_once(step))
		;
	close(step->output);
	close(step->status_pipe);
	if (step->listener >= 0)
		close(step->listener);
	buffer_free(&step->status.line);
	buffer_free(&step->said.line);
	if (outcome < 0)
		return -1;
	report_step(step->runner->report, step->command, status, (uint64_t)(clock_ms() - start));
	return step_outcome(step->command, status, err);
}

static int command_run(const struct job *job, struct step *step, struct error *err)
{
	int outcome;

	if (step->command->stubs && (stubs_mount(err) < 0 || machine_id_lend(job, err) < 0))
		return -1;
	outcome = step_run(job, step, err);
	if (step->command->stubs && (machine_id_take_back(outcome < 0 ? NULL : err) < 0 ||
				     stubs_unmount(outcome < 0 ? NULL : err) < 0))
		return -1;
	return outcome;
}

int steps_run(const struct job *job, struct runner *runner, struct error *err)
{
	int64_t end_ms = clock_ms() + (int64_t)job->deadline_s * 1000;
	CLEANUP_CLOSE int signals = -1;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return error_os(err, ERROR_HOST, errno, "signalfd");
	for (size_t i = 0; i < job->n_commands; i++) {
		const struct job_command *command = &job->commands[i];
		struct step step = {.command = command,
				    .runner = runner,
				    .end_ms = end_ms,
				    .signals = signals,
				    .status = {.report = runner->report, .command = command},
				    .said = {.report = runner->report, .command = command}};

		if (command_run(job, &step, err) < 0)
			return -1;
	}
	return 0;
}
