/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread has a server of its own for each disk: a connection belongs to one thread. */
#include "session/checkers.h"

#include <pthread.h>
#include <stdatomic.h>

struct checkers {
	const struct subject *subject;
	const char *work_dir;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	int outcome;
	struct error error;
};

static int check_disks(const struct checkers *job, struct error *err)
{
	for (size_t i = 0; i < job->subject->n_disks; i++) {
		if (atomic_load(&job->stop))
			return error_set(err, ERROR_BUSY, "interrupted");
		if (image_check(job->subject->images[i], err) < 0)
			return -1;
	}
	return 0;
}

static int check_filesystems(const struct subject *subject, const char *work_dir, struct error *err)
{
	struct subject own = *subject;
	int outcome = 0;

	own.blocks = xcalloc(own.n_disks, sizeof *own.blocks);
	for (size_t i = 0; i < own.n_disks && outcome == 0; i++) {
		own.blocks[i] = image_attach(own.images[i], false, own.socket_dir, err);
		outcome = own.blocks[i] ? 0 : -1;
		if (own.blocks[i] && subject->n_keys)
			own.blocks[i] = clear_new_like(own.blocks[i], subject->blocks[i]);
	}
	if (outcome == 0)
		outcome = subject_check_filesystems(&own, SUBJECT_CHECK_ALL, work_dir, err);
	for (size_t i = 0; i < own.n_disks; i++)
		block_free(own.blocks[i]);
	free(own.blocks);
	return outcome;
}

static void *run(void *opaque)
{
	struct checkers *job = opaque;

	job->outcome = check_disks(job, &job->error);
	if (job->outcome == 0 && !atomic_load(&job->stop))
		job->outcome = check_filesystems(job->subject, job->work_dir, &job->error);
	return NULL;
}

struct checkers *checkers_start(const struct subject *subject, const char *work_dir)
{
	struct checkers *job = xcalloc(1, sizeof *job);

	job->subject = subject;
	job->work_dir = work_dir;
	job->running = pthread_create(&job->thread, NULL, run, job) == 0;
	if (!job->running)
		run(job);
	return job;
}

static void join(struct checkers *job)
{
	if (job->running)
		pthread_join(job->thread, NULL);
	job->running = false;
}

int checkers_wait(struct checkers *checkers, struct error *err)
{
	join(checkers);
	if (checkers->outcome < 0)
		*err = checkers->error;
	return checkers->outcome;
}

void checkers_free(struct checkers *checkers)
{
	if (!checkers)
		return;
	atomic_store(&checkers->stop, true);
	join(checkers);
	free(checkers);
}
