/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/destination_template.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/zstd_stream.h"
#include "session/library_head.h"
#include "session/library_undone.h"

#define RECORD_NAME "record.sigstore.json"
#define LOG_NAME    "run.log.zst"

enum { PIECE = 1 << 16 };

int template_recover_image(struct coldpatch_session *session, const struct coldpatch_image *image,
			   struct error *err)
{
	CLEANUP_FREE char *name = NULL;
	int64_t number;

	if (!session->config.library || !image->template_name)
		return 0;
	if (template_reference_parse(image->template_name, &name, &number, err) < 0)
		return -1;
	return template_prepare_change(session, name, err);
}

static char *day_of(int64_t seconds)
{
	time_t at = (time_t)seconds;
	char text[32] = "";
	struct tm utc;

	if (gmtime_r(&at, &utc))
		strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc);
	return xstrdup(text);
}

static int refuse_held(const struct head *hold, const char *what, struct error *err)
{
	CLEANUP_FREE char *day = day_of(hold->until);

	return error_set(err, ERROR_DENIED, "%s %s%s%s%s: %s; unhold releases it", what,
			 hold->until ? "until " : "until it is released", hold->until ? day : "",
			 hold->actor ? ", by " : "", hold->actor ? hold->actor : "",
			 hold->reason ? hold->reason : "no reason was given");
}

static int check_current(const struct destination *destination, struct error *err)
{
	const struct template_head *last = template_last_head(destination->resolved.template);
	unsigned long long number = destination->resolved.generation->number;

	if (last->head && last->head->generation == number)
		return 0;
	return error_set(err, ERROR_DENIED,
			 "generation %llu is not the current one; roll back to it first", number);
}

static int check_call(const struct coldpatch_apply_options *options, struct error *err)
{
	if (options->n_outputs || options->record || options->parent_record)
		return error_set(err, ERROR_USAGE,
				 "a template takes neither outputs nor records: the library has "
				 "them");
	return 0;
}

int generation_open(struct destination *destination, struct error *err)
{
	const struct resolved_image *resolved = &destination->resolved;
	const struct head *hold = template_hold(resolved->template, time(NULL));
	struct coldpatch_apply_options *options = &destination->options;

	if (check_call(options, err) < 0 || check_current(destination, err) < 0)
		return -1;
	if (hold)
		return refuse_held(hold, "is held", err);
	destination->outputs = xcalloc(resolved->image.n_disks, sizeof *destination->outputs);
	for (size_t i = 0; i < resolved->image.n_disks; i++)
		destination->outputs[i] = xasprintf("disk%zu.qcow2", i);
	destination->record = xstrdup(RECORD_NAME);
	options->outputs = (const char *const *)destination->outputs;
	options->n_outputs = resolved->image.n_disks;
	options->record = destination->record;
	options->parent_record = resolved->generation->record;
	squash_find(destination->session->library, resolved->lineage,
		    (int64_t)resolved->generation->number, &destination->squash,
		    &destination->warning);
	return 0;
}

int generation_check_plan(const struct destination *destination, const struct plan *plan,
			  struct error *err)
{
	const struct resolved_image *resolved = &destination->resolved;
	CLEANUP_FREE char *others = NULL, *what = NULL;
	struct undone undone;

	if (!undone_find(resolved->template, resolved->lineage, plan, time(NULL), &undone))
		return 0;
	if (!undone.package)
		return refuse_held(undone.rollback, "this plan was rolled back, and is refused",
				   err);
	others = undone.n > 1 ? xasprintf(", with %zu more of this plan,", undone.n - 1)
			      : xstrdup("");
	what = xasprintf("%s %s%s was rolled back, and is refused", undone.package->name,
			 undone.package->to, others);
	return refuse_held(undone.rollback, what, err);
}

static int pack(int from, struct zstd_writer *writer, const char *path, struct error *err)
{
	char piece[PIECE];
	uint64_t bytes;
	ssize_t n;

	while ((n = read(from, piece, sizeof piece)) > 0)
		if (zstd_writer_write(writer, piece, (size_t)n, err) < 0)
			return -1;
	if (n < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return zstd_writer_finish(writer, &bytes, err);
}

static int pack_log(const struct destination *destination, const char *log_path, struct error *err)
{
	CLEANUP_FREE char *path = destination_staged(destination, LOG_NAME);
	CLEANUP_CLOSE int from = open(log_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_CLOSE int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	CLEANUP(zstd_writer_free)
	struct zstd_writer *writer = NULL;

	if (from < 0)
		return error_os(err, ERROR_IO, errno, "%s", log_path);
	if (to < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	writer = zstd_writer_new(to, err);
	return writer ? pack(from, writer, log_path, err) : -1;
}

static void name_results(struct destination *destination)
{
	for (size_t i = 0; i < destination->options.n_outputs; i++) {
		free(destination->outputs[i]);
		destination->outputs[i] = destination_overlay(destination, i);
	}
	free(destination->record);
	destination->record = destination_staged(destination, RECORD_NAME);
	destination->options.outputs = (const char *const *)destination->outputs;
	destination->options.record = destination->record;
}

static int publish_head(const struct destination *destination, const char *run, struct error *err)
{
	CLEANUP_FREE char *record = destination_staged(destination, RECORD_NAME);
	struct head_draft draft = {
		.name = destination->resolved.name,
		.template = destination->resolved.template,
		.kind = HEAD_COMMIT,
		.generation = destination->staging->number,
		.record = record,
		.run = run,
		.actor = destination->options.actor,
		.reason = destination->options.reason,
	};

	draft.key = session_signing_key(destination->session, destination->options.key, err);
	if (!draft.key || digest_of_file(record, &draft.record_digest, err) < 0)
		return -1;
	return head_publish(destination->session, &draft, err);
}

int generation_publish(struct destination *destination, const char *run, const char *log_path,
		       struct error *err)
{
	if (pack_log(destination, log_path, err) < 0 ||
	    staging_publish(destination->staging, destination->resolved.image.disks[0], err) < 0 ||
	    publish_head(destination, run, err) < 0)
		return -1;
	name_results(destination);
	return 0;
}
