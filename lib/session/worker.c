/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker's side of a task: see task.h for the protocol. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/lifetime.h"
#include "session/confinements.h"
#include "session/pace.h"
#include "session/task.h"

static const struct {
	const struct task *task;
	const struct confinement *confinement;
} tasks[] = {
	{&task_inspect, &confinement_inspect},
	{&task_copy, &confinement_copy},
	{&task_resolve, &confinement_resolve},
	{&task_layer, &confinement_layer},
	{&task_payload, &confinement_payload},
	{&task_commit, &confinement_commit},
	{&task_snapshot, &confinement_snapshot},
	{&task_try_snapshot, &confinement_try_snapshot},
	{&task_verify_snapshot, &confinement_verify_snapshot},
	{&task_verify_record, &confinement_verify_record},
	{&task_want, &confinement_want},
	{&task_mirror_list, &confinement_mirror_list},
	{&task_acquire, &confinement_acquire},
	{&task_indexes, &confinement_indexes},
	{&task_choose, &confinement_choose},
	{&task_import, &confinement_import},
	{&task_import_scan, &confinement_import_scan},
	{&task_clone, &confinement_clone},
	{&task_export, &confinement_export},
	{&task_clones, &confinement_clones},
	{&task_publish, &confinement_publish},
	{&task_digest, &confinement_digest},
	{&task_verify_files, &confinement_verify_files},
};

enum { MAX_INPUT = 256 << 20 };

static volatile sig_atomic_t stop_requested;

static size_t index_of(const char *name)
{
	size_t i = 0;

	while (i < sizeof tasks / sizeof *tasks && strcmp(tasks[i].task->name, name))
		i++;
	return i;
}

const struct task *task_find(const char *name)
{
	size_t i = index_of(name);

	return i < sizeof tasks / sizeof *tasks ? tasks[i].task : NULL;
}

const struct confinement *task_confinement(const char *name)
{
	size_t i = index_of(name);

	return i < sizeof tasks / sizeof *tasks ? tasks[i].confinement : NULL;
}

/* A session that is gone must not keep a task from cleaning up, so a failed write is no failure. */
static void send_line(const char *name, json_t *value)
{
	CLEANUP_JSON json_t *line = json_object();
	CLEANUP_FREE char *bytes = NULL, *text = NULL;
	struct error ignored;

	json_put(line, name, value);
	bytes = json_to_bytes(line);
	text = xasprintf("%s\n", bytes);
	file_write_all(TASK_OUTPUT_FD, text, strlen(text), &ignored);
}

static void send_log(void *opaque, enum log_level level, const char *msg)
{
	json_t *log = json_object();

	(void)opaque;
	json_put_u64(log, "level", level);
	json_put_bytes(log, "msg", msg);
	send_line("log", log);
}

static void send_progress(void *opaque, const struct progress *progress)
{
	static struct pace pace;
	json_t *value;

	(void)opaque;
	if (!pace_allows(&pace, progress, clock_ms()))
		return;
	value = json_object();
	json_put_string(value, "stage", progress->stage);
	json_put_bytes(value, "object", progress->object);
	json_put_u64(value, "done", progress->done);
	json_put_u64(value, "total", progress->total);
	send_line("progress", value);
}

static void send_error(const struct error *err)
{
	json_t *value = json_object();

	json_put_u64(value, "kind", err->kind);
	json_put_u64(value, "errno", err->os_errno);
	json_put_bytes(value, "msg", err->msg);
	send_line("error", value);
}

static bool is_stopped(void *opaque)
{
	(void)opaque;
	return stop_requested;
}

static void on_stop(int number)
{
	(void)number;
	stop_requested = 1;
}

static void set_up_process(void)
{
	struct sigaction stop = {.sa_handler = on_stop};

	lifetime_prepare(); /* while /proc can be read */
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int run_task(const struct task *task, json_t **ret, struct error *err)
{
	const struct monitor monitor = {
		.log = send_log, .progress = send_progress, .cancelled = is_stopped};
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_JSON json_t *input = NULL;

	if (file_read_fd(TASK_INPUT_FD, "task", MAX_INPUT, &text, err) < 0)
		return -1;
	input = json_parse(text.data, text.len, "task", ERROR_BUG, err);
	if (!input)
		return -1;
	if (confine_worker(task_confinement(task->name), input, json_object_get(input, TASK_KEYS),
			   err) < 0)
		return -1;
	return task->run(input, &monitor, ret, err);
}

int task_serve(const char *name)
{
	const struct task *task = task_find(name);
	struct error err = {0};
	json_t *result = NULL;

	if (!task)
		return ERROR_USAGE;
	set_up_process();
	if (run_task(task, &result, &err) < 0) {
		send_error(&err);
		return err.kind;
	}
	send_line("result", result);
	return 0;
}
