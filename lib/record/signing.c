/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A relay: it is the signer's standard input that stays open. */
#include "record/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

enum { SLICE_MS = 50, GRACE_MS = 500, CHUNK = 1 << 16, SETUP_FAILED = 126, EXEC_FAILED = 127 };

struct signing {
	pid_t pid; /* 0: it was waited for */
	int input, out, errors;
};

static void shut(int *fd)
{
	if (*fd >= 0)
		close(steal_fd(fd));
}

static int take_input(void *opaque)
{
	const int *input = opaque;

	return dup2(*input, STDIN_FILENO) < 0 || close(*input) < 0 ? -1 : 0;
}

static int pipe_to(int *ret_read, int *ret_write)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int start(struct signing *signing, const char *program)
{
	const char *const argv[] = {program, NULL};
	CLEANUP_CLOSE int out = -1, errors = -1, input = -1;
	struct process_spec spec = {.argv = argv,
				    .pass_fds = &input,
				    .n_pass_fds = 1,
				    .child_setup = take_input,
				    .child_opaque = &input};
	struct error ignored;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	signing->input = ends[0];
	input = ends[1];
	if (pipe_to(&signing->out, &out) < 0 || pipe_to(&signing->errors, &errors) < 0)
		return -1;
	signing->pid = process_start(&spec, out, errors, &ignored);
	return signing->pid > 0 ? 0 : -1;
}

struct signing *signing_start(const char *program)
{
	struct signing *signing = xcalloc(1, sizeof *signing);

	signing->input = signing->out = signing->errors = -1;
	if (start(signing, program) == 0)
		return signing;
	signing_free(signing);
	return NULL;
}

/* A line that does not get through costs time only. */
void signing_announce(struct signing *signing, const char *const *paths, size_t n)
{
	CLEANUP_JSON json_t *json = json_object();
	json_t *list = json_array();
	CLEANUP_FREE char *text = NULL, *line = NULL;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_bytes(paths[i]));
	json_put(json, "ahead", list);
	text = json_to_bytes(json);
	line = xasprintf("%s\n", text);
	send(signing->input, line, strlen(line), MSG_NOSIGNAL);
}

/* Also for a child of ours that was forked just now and has not let go of it yet. */
static void end_input(struct signing *signing)
{
	shutdown(signing->input, SHUT_WR);
	shut(&signing->input);
}

/* Nothing goes into a signer that has ended; what it said tells why. */
static void feed(struct signing *signing, const struct process_spec *spec, size_t *at)
{
	const char *from = (const char *)spec->input + *at;
	ssize_t n = send(signing->input, from, spec->input_len - *at, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		*at += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		*at = spec->input_len;
	if (*at == spec->input_len)
		end_input(signing);
}

static void drain(int *fd, struct buffer *to, size_t limit)
{
	char chunk[CHUNK];
	ssize_t n = read(*fd, chunk, sizeof chunk);

	if (n > 0 && to->len < limit)
		buffer_append(to, chunk, (size_t)n < limit - to->len ? (size_t)n : limit - to->len);
	else if (n == 0 || (n < 0 && errno != EINTR))
		shut(fd);
}

static int converse(struct signing *signing, const struct process_spec *spec,
		    struct process_result *result, struct error *err)
{
	int64_t end = clock_ms() + spec->deadline_ms;
	size_t at = 0;

	while (signing->out >= 0 || signing->errors >= 0) {
		struct pollfd fds[] = {{.fd = signing->input, .events = POLLOUT},
				       {.fd = signing->out, .events = POLLIN},
				       {.fd = signing->errors, .events = POLLIN}};

		if (monitor_check(spec->monitor, err) < 0)
			return -1;
		if (clock_ms() >= end)
			return error_set(err, ERROR_BUSY, "%s: not done after %u s", spec->argv[0],
					 spec->deadline_ms / 1000);
		if (poll(fds, 3, SLICE_MS) <= 0)
			continue;
		if (fds[0].revents)
			feed(signing, spec, &at);
		if (fds[1].revents)
			drain(&signing->out, &result->out, spec->output_limit);
		if (fds[2].revents)
			drain(&signing->errors, &result->err, spec->output_limit);
	}
	return 0;
}

int signing_request(struct signing *signing, const struct process_spec *spec,
		    struct process_result *ret, struct error *err)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	int status = 0;

	if (converse(signing, spec, &result, err) < 0)
		return -1;
	while (waitpid(signing->pid, &status, 0) < 0 && errno == EINTR)
		;
	signing->pid = 0;
	result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (result.exit_code == EXEC_FAILED || result.exit_code == SETUP_FAILED)
		return error_set(err, ERROR_HOST, "cannot run %s: is it installed?", spec->argv[0]);
	*ret = result;
	result = (struct process_result){0};
	return 0;
}

void signing_free(struct signing *signing)
{
	if (!signing)
		return;
	shut(&signing->input);
	shut(&signing->out);
	shut(&signing->errors);
	process_stop(signing->pid, GRACE_MS);
	free(signing);
}
