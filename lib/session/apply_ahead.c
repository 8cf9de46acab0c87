/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parents are digested while the update runs, the overlays while they are checked: that stage
 * begins when the last byte of them is written.  Nobody relies on it: whose file changed afterwards
 * all the same has it read again (the signer), or is told that it does (the session).
 */
#include "session/apply_ahead.h"

#include <string.h>

#include "session/task.h"

static const char *const *constant(char **paths)
{
	return (const char *const *)paths;
}

/* What the overlays are going to lie on, as far as it is known now. */
static void announce_parents(struct signing *signing, const struct destination *destination)
{
	const struct coldpatch_image *image = &destination->resolved.image;
	const struct squash *squash = &destination->squash;

	if (!squash->due)
		signing_announce(signing, image->disks, image->n_disks);
	for (size_t i = 0; i < squash->n_bases; i++) {
		const char *path = squash->bases[i]->path;

		signing_announce(signing, &path, 1);
	}
}

void apply_ahead_begin(struct apply_ahead *ahead, const struct destination *destination)
{
	CLEANUP_FREE char *signer = session_program(destination->session, "coldpatch-sign");
	const struct coldpatch_image *image = &destination->resolved.image;

	ahead->signing = signing_start(signer);
	if (ahead->signing)
		announce_parents(ahead->signing, destination);
	ahead->parents = background_digests_start(image->disks, image->n_disks);
}

struct committing {
	struct apply_ahead *ahead;
	const struct destination *destination;
};

static const struct monitor *caller(const struct committing *committing)
{
	return &committing->destination->session->monitor;
}

static void begin_overlays(const struct committing *committing)
{
	struct apply_ahead *ahead = committing->ahead;
	size_t n = committing->destination->resolved.image.n_disks;

	if (ahead->overlays)
		return;
	if (ahead->signing)
		signing_announce(ahead->signing, constant(ahead->overlay_paths), n);
	ahead->overlays = background_digests_start(constant(ahead->overlay_paths), n);
}

static void pass_progress(void *opaque, const struct progress *progress)
{
	const struct committing *committing = opaque;

	if (strcmp(progress->stage, "check") == 0)
		begin_overlays(committing);
	monitor_progress(caller(committing), progress->stage, progress->object, progress->done,
			 progress->total);
}

static void pass_log(void *opaque, enum log_level level, const char *msg)
{
	monitor_log(caller(opaque), level, "%s", msg);
}

static bool pass_cancelled(void *opaque)
{
	struct error ignored;

	return monitor_check(caller(opaque), &ignored) < 0;
}

int apply_ahead_commit(struct apply_ahead *ahead, const struct destination *destination,
		       const json_t *input, json_t **ret, struct error *err)
{
	struct committing committing = {ahead, destination};
	struct coldpatch_session watched = *destination->session;
	size_t n = destination->resolved.image.n_disks;

	ahead->overlay_paths = xcalloc(n, sizeof *ahead->overlay_paths);
	for (size_t i = 0; i < n; i++)
		ahead->overlay_paths[i] = destination_overlay(destination, i);
	watched.monitor = (struct monitor){.log = pass_log,
					   .progress = pass_progress,
					   .cancelled = pass_cancelled,
					   .opaque = &committing};
	if (task_run(&watched, "commit", input, ret, err) < 0)
		return -1;
	begin_overlays(&committing);
	return 0;
}

void apply_ahead_free(struct apply_ahead *ahead, const struct destination *destination)
{
	background_digests_free(ahead->overlays);
	background_digests_free(ahead->parents);
	signing_free(ahead->signing);
	if (ahead->overlay_paths)
		names_free(ahead->overlay_paths, destination->resolved.image.n_disks);
	*ahead = (struct apply_ahead){0};
}
