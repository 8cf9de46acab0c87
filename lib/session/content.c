/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread has a server of its own for each disk: a connection belongs to one thread. */
#include "session/content.h"

#include <pthread.h>
#include <stdatomic.h>

struct content_digests {
	const struct subject *subject;
	const struct monitor *outer;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	struct digest *digests;
	int outcome;
	struct error error;
};

static bool is_stopped(void *opaque)
{
	struct content_digests *job = opaque;

	return atomic_load(&job->stop) ||
	       (job->outer->cancelled && job->outer->cancelled(job->outer->opaque));
}

static int digest_disk(struct content_digests *job, size_t i)
{
	const struct monitor monitor = {.cancelled = is_stopped, .opaque = job};
	CLEANUP(block_free)
	struct block *block =
		image_attach(job->subject->images[i], false, job->subject->socket_dir, &job->error);

	if (!block)
		return -1;
	return image_content_digest(block, &monitor, &job->digests[i], &job->error);
}

static void *run(void *opaque)
{
	struct content_digests *job = opaque;

	for (size_t i = 0; i < job->subject->n_disks && job->outcome == 0; i++)
		job->outcome = digest_disk(job, i);
	return NULL;
}

struct content_digests *content_digests_start(const struct subject *subject,
					      const struct monitor *monitor)
{
	struct content_digests *job = xcalloc(1, sizeof *job);

	job->subject = subject;
	job->outer = monitor;
	job->digests = xcalloc(subject->n_disks, sizeof *job->digests);
	job->running = pthread_create(&job->thread, NULL, run, job) == 0;
	if (!job->running)
		run(job);
	return job;
}

static void join(struct content_digests *job)
{
	if (job->running)
		pthread_join(job->thread, NULL);
	job->running = false;
}

int content_digests_wait(struct content_digests *digests, const struct digest **ret,
			 struct error *err)
{
	join(digests);
	if (digests->outcome < 0) {
		*err = digests->error;
		return -1;
	}
	*ret = digests->digests;
	return 0;
}

void content_digests_free(struct content_digests *digests)
{
	if (!digests)
		return;
	atomic_store(&digests->stop, true);
	join(digests);
	free(digests->digests);
	free(digests);
}
