/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/background.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "session/task.h"

enum { POLL_NS = 20000000 };

struct background_task {
	const struct monitor *caller;
	struct coldpatch_session session; /* the caller's, with a monitor of our own */
	const char *name;
	json_t *input, *result;
	pthread_t thread;
	bool running;
	atomic_bool stop, done;
	int outcome;
	struct error error;
};

static bool is_stopped(void *opaque)
{
	struct background_task *task = opaque;

	return atomic_load(&task->stop);
}

static void *run(void *opaque)
{
	struct background_task *task = opaque;

	task->outcome =
		task_run(&task->session, task->name, task->input, &task->result, &task->error);
	atomic_store(&task->done, true);
	return NULL;
}

struct background_task *background_task_start(struct coldpatch_session *session, const char *name,
					      json_t *input)
{
	struct background_task *task = xcalloc(1, sizeof *task);

	task->caller = &session->monitor;
	task->session = *session;
	task->session.monitor = (struct monitor){.cancelled = is_stopped, .opaque = task};
	task->name = name;
	task->input = input;
	task->running = pthread_create(&task->thread, NULL, run, task) == 0;
	if (!task->running)
		run(task);
	return task;
}

static void join(struct background_task *task)
{
	if (task->running)
		pthread_join(task->thread, NULL);
	task->running = false;
}

int background_task_wait(struct background_task *task, const json_t **ret, struct error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_NS};

	while (!atomic_load(&task->done)) {
		if (monitor_check(task->caller, err) < 0)
			return -1;
		nanosleep(&pause, NULL);
	}
	join(task);
	if (task->outcome < 0) {
		*err = task->error;
		return -1;
	}
	*ret = task->result;
	return 0;
}

void background_task_free(struct background_task *task)
{
	if (!task)
		return;
	atomic_store(&task->stop, true);
	join(task);
	json_decref(task->result);
	json_decref(task->input);
	free(task);
}
