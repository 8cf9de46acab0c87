/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/digests.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum { JOIN_SLICE_S = 1 };

struct background_digests {
	pthread_t thread;
	bool running;
	atomic_bool stop;
	const char *const *paths;
	size_t n;
	struct digest *digests;
	int result;
	struct error error;
};

static bool is_stopped(void *opaque)
{
	struct background_digests *job = opaque;

	return atomic_load(&job->stop);
}

static void *take_digests(void *opaque)
{
	struct background_digests *job = opaque;
	const struct monitor monitor = {.cancelled = is_stopped, .opaque = job};

	for (size_t i = 0; i < job->n && job->result == 0; i++)
		job->result = digest_of_file_monitored(job->paths[i], &monitor, &job->digests[i],
						       &job->error);
	return NULL;
}

struct background_digests *background_digests_start(const char *const *paths, size_t n)
{
	struct background_digests *job = xcalloc(1, sizeof *job);

	job->paths = paths;
	job->n = n;
	job->digests = xcalloc(n, sizeof *job->digests);
	job->running = pthread_create(&job->thread, NULL, take_digests, job) == 0;
	if (!job->running)
		take_digests(job);
	return job;
}

static int join(struct background_digests *job, const struct monitor *monitor, struct error *err)
{
	while (job->running) {
		struct timespec until;

		if (monitor_check(monitor, err) < 0)
			return -1;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += JOIN_SLICE_S;
		job->running = pthread_timedjoin_np(job->thread, NULL, &until) == ETIMEDOUT;
	}
	return 0;
}

int background_digests_wait(struct background_digests *digests, const struct monitor *monitor,
			    const struct digest **ret, struct error *err)
{
	if (join(digests, monitor, err) < 0)
		return -1;
	if (digests->result < 0) {
		*err = digests->error;
		return -1;
	}
	*ret = digests->digests;
	return 0;
}

void background_digests_free(struct background_digests *digests)
{
	if (!digests)
		return;
	atomic_store(&digests->stop, true);
	if (digests->running)
		pthread_join(digests->thread, NULL);
	free(digests->digests);
	free(digests);
}

static char *marker_path(const struct coldpatch_session *session, const json_t *files)
{
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	json_digest(files, &digest);
	digest_to_hex(&digest, hex);
	return xasprintf("%s/checked/%s", session->config.state, hex);
}

bool checked_before(const struct coldpatch_session *session, const json_t *files)
{
	CLEANUP_FREE char *path = marker_path(session, files);

	return access(path, F_OK) == 0;
}

void remember_checked(const struct coldpatch_session *session, const json_t *files)
{
	CLEANUP_FREE char *path = marker_path(session, files);
	CLEANUP_FREE char *directory = path_join(session->config.state, "checked");
	struct error ignored;

	if (directory_make(directory, 0700, &ignored) == 0)
		file_replace(path, "", 0, 0600, &ignored);
}
