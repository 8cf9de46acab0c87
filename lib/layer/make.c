/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A layer is built in a temporary directory of the store and gets its name by rename.  Two that
 * make the same layer at once are both right: whoever comes second finds it there.
 *
 * Content goes through here twice, once for each file's own digest, which stands before it in the
 * tar, and once into the tar.  Compression has threads of its own, so digesting and reading overlap
 * with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/temporary.h"
#include "base/zstd_stream.h"
#include "layer/diff.h"
#include "layer/labels.h"
#include "layer/limits.h"
#include "layer/store.h"
#include "layer/tar.h"

struct output {
	struct zstd_writer *zstd;
	struct digest_context *digest;
};

static int output_write(void *opaque, const void *data, size_t len, struct error *err)
{
	struct output *output = opaque;

	if (zstd_writer_write(output->zstd, data, len, err) < 0)
		return -1;
	digest_update(output->digest, data, len);
	return 0;
}

static int write_content_change(const struct tar_sink *sink, struct change *change,
				struct error *err)
{
	struct segments segments = {0};
	int status = content_segments(&change->content, &segments, err);

	if (status == 0)
		status = content_digest(&change->content, &segments, &change->entry.content, err);
	if (status == 0)
		status = tar_write_entry(sink, &change->entry, &change->content, &segments, err);
	segments_free(&segments);
	return status;
}

static int write_change(const struct tar_sink *sink, struct change *change, struct layer *layer,
			struct error *err)
{
	int status;

	layer->n_entries++;
	layer->n_removed += change->entry.action == LAYER_REMOVE;
	if (change->has_content) {
		layer->content_bytes += change->entry.stat.size;
		status = write_content_change(sink, change, err);
	} else {
		status = tar_write_entry(sink, &change->entry, NULL, NULL, err);
	}
	return status < 0 ? error_prefix(err, "%s", change->entry.path) : 0;
}

static int write_changes(const struct diff *diff, struct output *output, struct layer *layer,
			 const struct monitor *monitor, struct error *err)
{
	struct tar_sink sink = {output_write, output};

	for (size_t i = 0; i < diff->n_changes; i++) {
		struct change *change = &diff->changes[i];

		monitor_progress(monitor, "layer", change->entry.path, i, diff->n_changes);
		if (monitor_check(monitor, err) < 0 || write_change(&sink, change, layer, err) < 0)
			return -1;
	}
	return tar_write_end(&sink, err);
}

static int sync_and_close(int *fd, struct error *err)
{
	if (fchmod(*fd, LAYER_FILE_MODE) < 0 || fsync(*fd) < 0 || close(steal_fd(fd)) < 0)
		return error_os(err, ERROR_IO, errno, LAYER_TAR);
	return 0;
}

static int write_tar(const struct diff *diff, struct layer *layer, const struct monitor *monitor,
		     struct error *err)
{
	CLEANUP_FREE char *path = path_join(layer->directory, LAYER_TAR);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CLEANUP(zstd_writer_free)
	struct zstd_writer *zstd = NULL;
	CLEANUP(digest_free)
	struct digest_context *digest = digest_new();
	struct output output;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	zstd = zstd_writer_new(fd, err);
	output = (struct output){zstd, digest};
	if (!zstd || write_changes(diff, &output, layer, monitor, err) < 0 ||
	    zstd_writer_finish(zstd, &layer->stored_bytes, err) < 0)
		return -1;
	digest_finish(steal(digest), &layer->tar_digest);
	return sync_and_close(&fd, err);
}

/* Nothing is merged yet: every change replaces. */
static int write_merge(struct layer *layer, struct error *err)
{
	static const char nothing[] = "{\"merge\":[],\"version\":1}";
	CLEANUP_FREE char *path = path_join(layer->directory, LAYER_MERGE);

	digest_of(nothing, strlen(nothing), &layer->merge_digest);
	return file_replace(path, nothing, strlen(nothing), LAYER_FILE_MODE, err);
}

static int write_sums(const struct layer *layer, struct error *err)
{
	CLEANUP_FREE char *path = path_join(layer->directory, LAYER_SUMS);
	CLEANUP_JSON json_t *json = layer_sums_to_json(layer);

	return json_write_file(path, json, LAYER_FILE_MODE, err);
}

/* Moves the finished directory to its name. */
static int publish(struct layer *layer, const char *store, struct error *err)
{
	CLEANUP_FREE char *final = layer_directory(store, &layer->digest);

	if (chmod(layer->directory, LAYER_DIRECTORY_MODE) < 0)
		return error_os(err, ERROR_IO, errno, "%s", layer->directory);
	if (rename(layer->directory, final) == 0) {
		free(layer->directory);
		layer->directory = steal(final);
		return file_sync_directory_of(layer->directory, err);
	}
	if (errno != EEXIST && errno != ENOTEMPTY)
		return error_os(err, ERROR_IO, errno, "%s", final);
	if (directory_remove(layer->directory, err) < 0)
		return -1;
	free(layer->directory);
	layer->directory = steal(final);
	/* No record may name it yet, and prune takes what is old then; it is as good as new. */
	utimensat(AT_FDCWD, layer->directory, NULL, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int build(const struct diff *diff, struct layer *layer, const char *store,
		 const struct monitor *monitor, struct error *err)
{
	if (write_tar(diff, layer, monitor, err) < 0 || write_merge(layer, err) < 0)
		return -1;
	layer_name(layer);
	if (write_sums(layer, err) < 0)
		return -1;
	return publish(layer, store, err);
}

static char *make_workplace(const char *store, struct error *err)
{
	CLEANUP_FREE char *layers = path_join(store, "layers");

	if (directory_make(layers, LAYER_DIRECTORY_MODE, err) < 0)
		return NULL;
	return temporary_directory_make(layers, "layer", err);
}

struct layer *layer_make(const char *store, struct tree *before, const struct capture *after,
			 const struct monitor *monitor, struct error *err)
{
	CLEANUP(diff_free)
	struct diff *diff = diff_make(before, after, monitor, err);
	CLEANUP(layer_free)
	struct layer *layer = xcalloc(1, sizeof *layer);
	struct error ignored = {0};

	if (!diff || !(layer->directory = make_workplace(store, err)))
		return NULL;
	if (labels_put(diff, before, layer->directory, &layer->unlabelled, err) < 0 ||
	    limits_put(diff, before, err) < 0 || build(diff, layer, store, monitor, err) < 0) {
		directory_remove(layer->directory, &ignored);
		if (err->kind != ERROR_IMAGE) /* which is about the guest */
			error_prefix(err, "layer in the store %s", store);
		return NULL;
	}
	return steal(layer);
}
