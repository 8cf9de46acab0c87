/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One JSON object per line, as lib/run/report.h describes them.  Strings of the guest that are not
 * UTF-8 lose the bytes that are not ASCII. */
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/wait.h>

#include "runner.h"

enum { TEXT_LIMIT = 2000 };

static json_t *text(const char *bytes)
{
	char copy[TEXT_LIMIT + 1];
	size_t len = strnlen(bytes, TEXT_LIMIT);

	memcpy(copy, bytes, len);
	copy[len] = '\0';
	for (char *p = copy; *p; p++)
		if (*p & 0x80 || (*p < ' ' && *p != '\t'))
			*p = '?';
	return json_string(copy);
}

static int send_line(int fd, json_t *object)
{
	CLEANUP_FREE char *line = json_dumps(object, JSON_COMPACT);
	CLEANUP_FREE char *whole = xasprintf("%s\n", line);
	const char *at = whole;
	size_t len = strlen(whole);

	json_decref(object);
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

void report_status(int fd, const struct job_command *command, const char *line)
{
	send_line(fd,
		  json_pack("{s:s,s:o,s:I,s:o}", "event", "status", "stage", text(command->stage),
			    "total", (json_int_t)command->n_packages, "line", text(line)));
}

/* Its first words, for people: up to the first package. */
static json_t *command_text(char *const *argv)
{
	CLEANUP_BUFFER struct buffer words = {0};

	for (size_t i = 0; argv[i] && words.len < 160; i++)
		buffer_printf(&words, "%s%s", i ? " " : "", argv[i]);
	if (words.len > 160)
		buffer_printf(&words, " ...");
	return text(words.data);
}

void report_step(int fd, const struct job_command *command, int wait_status, uint64_t ms)
{
	int code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
	int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;

	send_line(fd, json_pack("{s:s,s:o,s:o,s:i,s:i,s:I}", "event", "step", "stage",
				text(command->stage), "command", command_text(command->argv),
				"exit", code, "signal", signal, "ms", (json_int_t)ms));
}

void report_pair(int fd, const char *event, const char *name, const char *value)
{
	send_line(fd, json_pack("{s:s,s:o}", "event", event, name, text(value)));
}

int report_end(int fd, const char *outcome, const char *message)
{
	return send_line(fd, json_pack("{s:s,s:s,s:o}", "event", "end", "outcome", outcome,
				       "message", text(message)));
}
