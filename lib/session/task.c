/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The session's side of a task: see task.h for the protocol.  What comes back is checked, since a
 * worker may have been taken over by what it read. */
#include "session/task.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/process.h"
#include "session/session.h"

enum { MAX_LINE = 256 << 20, MAX_STDERR = 64 << 10, POLL_MS = 200, GRACE_MS = 4500 };

struct conversation {
	const struct monitor *monitor;
	struct buffer pending; /* bytes after the last whole line */
	int stderr_fd;
	struct buffer said; /* the end of what came from there */
	json_t *result;
	bool failed;
	struct error error;
};

static void receive_log(const struct conversation *talk, const json_t *log)
{
	json_int_t level = json_integer_value(json_object_get(log, "level"));
	CLEANUP_FREE char *msg = json_bytes_value(json_object_get(log, "msg"));

	if (msg && level >= LOG_LEVEL_DEBUG && level <= LOG_LEVEL_WARNING)
		monitor_log(talk->monitor, (enum log_level)level, "%s", msg);
}

static void receive_progress(const struct conversation *talk, const json_t *progress)
{
	const char *stage = json_string_value(json_object_get(progress, "stage"));
	CLEANUP_FREE char *object = json_bytes_value(json_object_get(progress, "object"));

	if (stage)
		monitor_progress(talk->monitor, stage, object,
				 json_integer_value(json_object_get(progress, "done")),
				 json_integer_value(json_object_get(progress, "total")));
}

static void receive_error(struct conversation *talk, const json_t *error)
{
	json_int_t kind = json_integer_value(json_object_get(error, "kind"));
	CLEANUP_FREE char *msg = json_bytes_value(json_object_get(error, "msg"));
	bool known = kind >= ERROR_USAGE && kind <= ERROR_GUEST;

	talk->failed = true;
	error_set(&talk->error, known ? (enum error_kind)kind : ERROR_BUG, "%s", msg ? msg : "?");
	talk->error.os_errno = (int)json_integer_value(json_object_get(error, "errno"));
}

static int receive_line(struct conversation *talk, const char *line, size_t len, struct error *err)
{
	CLEANUP_JSON json_t *json = json_parse(line, len, "worker", ERROR_BUG, err);

	if (!json)
		return -1;
	if (json_object_get(json, "log"))
		receive_log(talk, json_object_get(json, "log"));
	else if (json_object_get(json, "progress"))
		receive_progress(talk, json_object_get(json, "progress"));
	else if (json_object_get(json, "error"))
		receive_error(talk, json_object_get(json, "error"));
	else if (json_is_object(json_object_get(json, "result")) && !talk->result)
		talk->result = json_incref(json_object_get(json, "result"));
	return 0;
}

static int receive_lines(struct conversation *talk, struct error *err)
{
	char *line = talk->pending.data, *newline;
	size_t left = talk->pending.len;

	while (left && (newline = memchr(line, '\n', left))) {
		size_t len = newline - line;

		if (receive_line(talk, line, len, err) < 0)
			return -1;
		line += len + 1;
		left -= len + 1;
	}
	if (left > MAX_LINE)
		return error_set(err, ERROR_BUG, "worker: a line is longer than %d bytes",
				 MAX_LINE);
	if (left)
		memmove(talk->pending.data, line, left);
	talk->pending.len = left;
	return 0;
}

/* Keeps the end of it.  Never blocks: what the worker started may hold the other end open. */
static void receive_stderr(struct conversation *talk)
{
	char chunk[4096];
	struct buffer *said = &talk->said;
	ssize_t n;

	while ((n = read(talk->stderr_fd, chunk, sizeof chunk)) > 0) {
		buffer_append(said, chunk, n);
		if (said->len > MAX_STDERR) {
			size_t excess = said->len - MAX_STDERR / 2;

			memmove(said->data, said->data + excess, said->len - excess);
			said->len -= excess;
		}
	}
	if (n == 0)
		close_p(&talk->stderr_fd);
}

/* 1: more to come, 0: the worker closed its end. */
static int receive(struct conversation *talk, int fd, struct error *err)
{
	enum { CHUNK = 1 << 16 };
	ssize_t n = read(fd, buffer_reserve(&talk->pending, CHUNK), CHUNK);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "reading from the worker");
	talk->pending.len += n;
	return n > 0 && receive_lines(talk, err) < 0 ? -1 : n > 0;
}

/* Until the worker closes its end. */
static int converse(struct conversation *talk, int fd, struct error *err)
{
	int more = 1;

	while (more > 0) {
		struct pollfd pipes[] = {{.fd = fd, .events = POLLIN},
					 {.fd = talk->stderr_fd, .events = POLLIN}};

		if (monitor_check(talk->monitor, err) < 0)
			return -1;
		if (poll(pipes, 2, POLL_MS) <= 0)
			continue;
		if (pipes[1].revents)
			receive_stderr(talk);
		if (pipes[0].revents)
			more = receive(talk, fd, err);
	}
	return more;
}

static int memory_file(const json_t *json, struct error *err)
{
	CLEANUP_CLOSE int fd = memfd_create("task", MFD_CLOEXEC);
	CLEANUP_FREE char *text = json_to_bytes(json);

	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "memfd_create");
	if (file_write_all(fd, text, strlen(text), err) < 0)
		return -1;
	lseek(fd, 0, SEEK_SET);
	return steal_fd(&fd);
}

struct task_fds {
	int input, output, errors;
};

/* In the child: puts the descriptors where the protocol says.  Both are above those numbers here.
 */
static int place_fds(void *opaque)
{
	const struct task_fds *fds = opaque;

	if (dup2(fds->input, TASK_INPUT_FD) < 0 || dup2(fds->output, TASK_OUTPUT_FD) < 0)
		return -1;
	close(fds->input);
	close(fds->output);
	return 0;
}

static int high_fd(int *fd)
{
	int high = fcntl(*fd, F_DUPFD_CLOEXEC, 10);

	close(steal_fd(fd));
	return high;
}

static pid_t start(const char *program, const char *name, struct task_fds *fds, struct error *err)
{
	const char *const argv[] = {program, name, NULL};
	const int pass[] = {fds->input, fds->output};
	struct process_spec spec = {.argv = argv,
				    .pass_fds = pass,
				    .n_pass_fds = 2,
				    .death_signal = SIGTERM,
				    .child_setup = place_fds,
				    .child_opaque = fds};

	return process_start(&spec, -1, fds->errors, err);
}

/* ": LINE", the last that it said, or nothing. */
static char *last_words(struct conversation *talk)
{
	struct buffer *said = &talk->said;
	const char *newline;
	size_t start;

	if (talk->stderr_fd >= 0)
		receive_stderr(talk);
	while (said->len && said->data[said->len - 1] == '\n')
		said->len--;
	if (!said->len)
		return xstrdup("");
	newline = memrchr(said->data, '\n', said->len);
	start = newline ? (size_t)(newline + 1 - said->data) : 0;
	return xasprintf(": %.*s", (int)(said->len - start), said->data + start);
}

static int outcome(struct conversation *talk, const char *name, int status, json_t **ret,
		   struct error *err)
{
	CLEANUP_FREE char *words = NULL;

	if (talk->failed) {
		*err = talk->error;
		return -1;
	}
	words = last_words(talk);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return error_set(err, ERROR_BUSY,
				 "the %s worker was killed from outside (out of memory?); make "
				 "room in memory and try again",
				 name);
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_BUG, "the %s worker was killed by signal %d (%s)%s",
				 name, WTERMSIG(status), strsignal(WTERMSIG(status)), words);
	if (!talk->result && WEXITSTATUS(status) == 127)
		return error_set(err, ERROR_HOST,
				 "coldpatch-worker cannot be run: is coldpatch installed whole, or "
				 "COLDPATCH_LIBEXEC wrong?");
	if (!talk->result)
		return error_set(err, ERROR_BUG,
				 "the %s worker ended with status %d and without a result%s", name,
				 WEXITSTATUS(status), words);
	*ret = steal(talk->result);
	return 0;
}

/* The worker gets SIGTERM and the time to drop its scratch; what it says meanwhile is not read. */
static void stop(pid_t pid)
{
	process_stop(pid, GRACE_MS);
}

static int talk_to(struct conversation *talk, pid_t pid, int fd, const char *name, json_t **ret,
		   struct error *err)
{
	int status = 0;

	if (converse(talk, fd, err) < 0) {
		stop(pid);
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_os(err, ERROR_BUG, errno, "waiting for the %s worker", name);
	return outcome(talk, name, status, ret, err);
}

static int open_pipe(int *ret_read, int *ret_write, struct error *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	*ret_read = ends[0];
	*ret_write = high_fd(&ends[1]);
	return 0;
}

/* The task's input, and what the worker must not reach. */
static json_t *complete_input(const struct coldpatch_session *session, const json_t *input)
{
	json_t *complete = json_copy((json_t *)(uintptr_t)input), *keys = json_array();

	json_put(complete, TASK_KEYS, keys);
	if (session->config.key)
		json_array_append_new(keys, json_string(session->config.key));
	if (session->signing_key)
		json_array_append_new(keys, json_string(session->signing_key));
	return complete;
}

static int run_worker(struct conversation *talk, const char *program, const char *name, int in,
		      json_t **ret, struct error *err)
{
	CLEANUP_CLOSE int out = -1, from = -1, errors = -1;
	pid_t pid;

	if (open_pipe(&from, &out, err) < 0 || open_pipe(&talk->stderr_fd, &errors, err) < 0)
		return -1;
	fcntl(talk->stderr_fd, F_SETFL, O_NONBLOCK);
	pid = start(program, name, &(struct task_fds){in, out, errors}, err);
	close(steal_fd(&out));
	close(steal_fd(&errors));
	return pid < 0 ? -1 : talk_to(talk, pid, from, name, ret, err);
}

int task_run(struct coldpatch_session *session, const char *name, const json_t *input, json_t **ret,
	     struct error *err)
{
	CLEANUP_FREE char *program = session_program(session, "coldpatch-worker");
	CLEANUP_JSON json_t *complete = complete_input(session, input);
	struct conversation talk = {.monitor = &session->monitor, .stderr_fd = -1};
	CLEANUP_CLOSE int in = memory_file(complete, err);
	int result;

	if (in < 0)
		return -1;
	in = high_fd(&in);
	result = run_worker(&talk, program, name, in, ret, err);
	close_p(&talk.stderr_fd);
	buffer_free(&talk.pending);
	buffer_free(&talk.said);
	json_decref(talk.result);
	return result;
}
