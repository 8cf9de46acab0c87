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

enum { MAX_LINE = 256 << 20, POLL_MS = 200, GRACE_MS = 4500 };

struct conversation {
	const struct monitor *monitor;
	struct buffer pending; /* bytes after the last whole line */
	json_t *result;
	bool failed;
	struct error error;
};

static void receive_log(const struct conversation *talk, const json_t *log)
{
	json_int_t level = json_integer_value(json_object_get(log, "level"));
	const char *msg = json_string_value(json_object_get(log, "msg"));

	if (msg && level >= LOG_LEVEL_DEBUG && level <= LOG_LEVEL_WARNING)
		monitor_log(talk->monitor, (enum log_level)level, "%s", msg);
}

static void receive_progress(const struct conversation *talk, const json_t *progress)
{
	const char *stage = json_string_value(json_object_get(progress, "stage"));

	if (stage)
		monitor_progress(talk->monitor, stage,
				 json_string_value(json_object_get(progress, "object")),
				 json_integer_value(json_object_get(progress, "done")),
				 json_integer_value(json_object_get(progress, "total")));
}

static void receive_error(struct conversation *talk, const json_t *error)
{
	json_int_t kind = json_integer_value(json_object_get(error, "kind"));
	const char *msg = json_string_value(json_object_get(error, "msg"));
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

/* Until the worker closes its end. */
static int converse(struct conversation *talk, int fd, struct error *err)
{
	enum { CHUNK = 1 << 16 };
	struct pollfd pipe = {.fd = fd, .events = POLLIN};
	ssize_t n;

	for (;;) {
		if (monitor_check(talk->monitor, err) < 0)
			return -1;
		if (poll(&pipe, 1, POLL_MS) <= 0)
			continue;
		n = read(fd, buffer_reserve(&talk->pending, CHUNK), CHUNK);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "reading from the worker");
		if (n == 0)
			return 0;
		talk->pending.len += n;
		if (receive_lines(talk, err) < 0)
			return -1;
	}
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
	int input, output;
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

	return process_start(&spec, -1, STDERR_FILENO, err);
}

static int outcome(struct conversation *talk, const char *name, int status, json_t **ret,
		   struct error *err)
{
	if (talk->failed) {
		*err = talk->error;
		return -1;
	}
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_BUG, "the %s worker was killed by signal %d", name,
				 WTERMSIG(status));
	if (!talk->result)
		return error_set(err, WEXITSTATUS(status) == 127 ? ERROR_HOST : ERROR_BUG,
				 "the %s worker ended with status %d and without a result", name,
				 WEXITSTATUS(status));
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

int task_run(struct coldpatch_session *session, const char *name, const json_t *input, json_t **ret,
	     struct error *err)
{
	CLEANUP_FREE char *program = session_program(session, "coldpatch-worker");
	struct conversation talk = {.monitor = &session->monitor};
	CLEANUP_CLOSE int in = memory_file(input, err);
	CLEANUP_CLOSE int out = -1, from = -1;
	int ends[2], result = -1;
	pid_t pid;

	if (in < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	from = ends[0];
	in = high_fd(&in);
	out = high_fd(&ends[1]);
	pid = start(program, name, &(struct task_fds){in, out}, err);
	close(steal_fd(&out));
	if (pid >= 0)
		result = talk_to(&talk, pid, from, name, ret, err);
	buffer_free(&talk.pending);
	json_decref(talk.result);
	return result;
}
