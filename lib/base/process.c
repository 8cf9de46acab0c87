/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

static const char *const default_env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
	NULL};

enum { EXIT_SETUP_FAILED = 126, EXIT_EXEC_FAILED = 127, POLL_SLICE_MS = 100 };

static bool is_passed(const struct process_spec *spec, int fd)
{
	for (size_t i = 0; i < spec->n_pass_fds; i++)
		if (spec->pass_fds[i] == fd)
			return true;
	return false;
}

static void close_others(const struct process_spec *spec)
{
	int highest = 2;

	for (size_t i = 0; i < spec->n_pass_fds; i++)
		if (spec->pass_fds[i] > highest)
			highest = spec->pass_fds[i];
	for (int fd = 3; fd <= highest; fd++)
		if (!is_passed(spec, fd))
			close(fd);
	close_range(highest + 1, ~0U, 0);
}

static void open_missing(int fd, int source)
{
	int from = source >= 0 ? source : open("/dev/null", O_RDWR);

	if (from < 0 || dup2(from, fd) < 0)
		_exit(EXIT_SETUP_FAILED);
}

/* What the parent does about a signal is not the child's to do: one that comes before exec ends it,
 * as one that comes after it would. */
static void reset_signals(void)
{
	const struct sigaction by_default = {.sa_handler = SIG_DFL};
	struct sigaction now;
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(number, &by_default, NULL);
	sigaction(SIGPIPE, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, between fork and exec, with all signals blocked.  stdio[] may hold low numbers, so
 * they are moved out of the way first. */
static void child_exec(const struct process_spec *spec, const int stdio[3], pid_t parent)
{
	int moved[3];

	reset_signals();
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, spec->death_signal ? spec->death_signal : SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_SETUP_FAILED);
	for (int i = 0; i < 3; i++)
		moved[i] = stdio[i] >= 0 ? fcntl(stdio[i], F_DUPFD, 64) : -1;
	for (int i = 0; i < 3; i++)
		open_missing(i, moved[i]);
	for (size_t i = 0; i < spec->n_pass_fds; i++)
		fcntl(spec->pass_fds[i], F_SETFD, 0);
	close_others(spec);
	if (spec->child_setup && spec->child_setup(spec->child_opaque) != 0)
		_exit(EXIT_SETUP_FAILED);
	execvpe(spec->argv[0], (char *const *)(uintptr_t)spec->argv,
		(char *const *)(uintptr_t)(spec->env ? spec->env : default_env));
	_exit(EXIT_EXEC_FAILED);
}

static pid_t spawn(const struct process_spec *spec, const int stdio[3], struct error *err)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;
	int problem;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_exec(spec, stdio, parent);
	problem = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return error_os(err, ERROR_HOST, problem, "fork");
	setpgid(pid, pid);
	return pid;
}

pid_t process_start(const struct process_spec *spec, int stdout_fd, int stderr_fd,
		    struct error *err)
{
	int stdio[3] = {-1, stdout_fd, stderr_fd};

	return spawn(spec, stdio, err);
}

void process_stop(pid_t pid, unsigned grace_ms)
{
	int64_t end = clock_ms() + grace_ms;

	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	while (clock_ms() < end) {
		struct timespec pause = {.tv_nsec = 5000000};

		if (waitpid(pid, NULL, WNOHANG) != 0) {
			kill(-pid, SIGKILL);
			return;
		}
		nanosleep(&pause, NULL);
	}
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* One pipe of a running child: what is over the limit is read and dropped, so that it never blocks.
 */
static void drain(struct pollfd *pipe, struct buffer *to, size_t limit)
{
	char chunk[1 << 14];
	ssize_t n;

	if (!(pipe->revents & (POLLIN | POLLHUP | POLLERR)))
		return;
	n = read(pipe->fd, chunk, sizeof chunk);
	if (n > 0 && to->len < limit)
		buffer_append(to, chunk, (size_t)n < limit - to->len ? (size_t)n : limit - to->len);
	else if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		pipe->fd = -1;
}

static int watch(const struct process_spec *spec, int64_t start, struct error *err)
{
	if (spec->deadline_ms && clock_ms() - start >= spec->deadline_ms)
		return error_set(err, ERROR_BUSY, "%s: not done after %u s", spec->argv[0],
				 spec->deadline_ms / 1000);
	return monitor_check(spec->monitor, err);
}

/* Reads both pipes until the child itself has ended; a grandchild that keeps a pipe open does not
 * hold us. */
static int collect(const struct process_spec *spec, pid_t pid, const int pipes[2],
		   struct process_result *result, int *ret_status, struct error *err)
{
	struct pollfd fds[2] = {{.fd = pipes[0], .events = POLLIN},
				{.fd = pipes[1], .events = POLLIN}};
	int64_t start = clock_ms();
	bool ended = false;

	for (;;) {
		int ready = poll(fds, 2,
				 ended				  ? 0
				 : fds[0].fd < 0 && fds[1].fd < 0 ? 2
								  : POLL_SLICE_MS);

		if (ready > 0) {
			drain(&fds[0], &result->out, spec->output_limit);
			drain(&fds[1], &result->err, spec->output_limit);
		}
		if (ended && ready <= 0)
			return 0;
		if (!ended && waitpid(pid, ret_status, WNOHANG) == pid)
			ended = true;
		if (!ended && watch(spec, start, err) < 0)
			return -1;
	}
}

static int open_pipes(int out[2], int errors[2], struct error *err)
{
	if (pipe2(out, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	if (pipe2(errors, O_CLOEXEC) == 0)
		return 0;
	error_os(err, ERROR_HOST, errno, "pipe");
	close(out[0]);
	close(out[1]);
	return -1;
}

int process_run(const struct process_spec *spec, struct process_result *ret, struct error *err)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	CLEANUP_CLOSE int input = -1;
	int out[2], errors[2], status = 0, outcome;
	pid_t pid;

	if (spec->input && (input = file_of_memory(spec->input, spec->input_len, err)) < 0)
		return -1;
	if (open_pipes(out, errors, err) < 0)
		return -1;
	pid = spawn(spec, (int[]){input, out[1], errors[1]}, err);
	close(out[1]);
	close(errors[1]);
	outcome = pid < 0 ? -1
			  : collect(spec, pid, (int[]){out[0], errors[0]}, &result, &status, err);
	close(out[0]);
	close(errors[0]);
	if (outcome < 0) {
		process_stop(pid, 500);
		return -1;
	}
	result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (result.exit_code == EXIT_EXEC_FAILED || result.exit_code == EXIT_SETUP_FAILED)
		return error_set(err, ERROR_HOST, "cannot run %s: is it installed?", spec->argv[0]);
	*ret = result;
	result = (struct process_result){0};
	return 0;
}

static const char *last_line(struct buffer *text)
{
	char *newline;

	if (text->len == 0)
		return "no message";
	while (text->len && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	newline = strrchr(text->data, '\n');
	return newline ? newline + 1 : text->data;
}

int process_run_ok(const struct process_spec *spec, enum error_kind kind,
		   struct process_result *ret, struct error *err)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	if (process_run(spec, &result, err) < 0)
		return -1;
	if (result.signal)
		return error_set(err, kind, "%s: killed by signal %d", spec->argv[0],
				 result.signal);
	if (result.exit_code)
		return error_set(err, kind, "%s: exit status %d: %s", spec->argv[0],
				 result.exit_code, last_line(&result.err));
	*ret = result;
	result = (struct process_result){0};
	return 0;
}

void process_result_free(struct process_result *result)
{
	buffer_free(&result->out);
	buffer_free(&result->err);
}
