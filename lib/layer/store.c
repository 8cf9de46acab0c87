/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening trusts nothing but the name: layer.json gives the two digests, which must hash to the
 * name; merge.json must hash to its digest; the tar is digested while it is read, and its counts
 * must be those of layer.json by its end.
 */
#include "layer/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "layer/ahead.h"
#include "layer/tar.h"

enum { SUMS_MAX = 1 << 16, MERGE_MAX = 64 << 20 };

void layer_free(struct layer *layer)
{
	if (!layer)
		return;
	free(layer->directory);
	free(layer->unlabelled);
	free(layer);
}

void layer_name(struct layer *layer)
{
	char tar[DIGEST_HEX_SIZE], merge[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *text = NULL;

	digest_to_hex(&layer->tar_digest, tar);
	digest_to_hex(&layer->merge_digest, merge);
	text = xasprintf("coldpatch-layer-1\n%s\n%s\n", tar, merge);
	digest_of(text, strlen(text), &layer->digest);
}

char *layer_directory(const char *store, const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	return xasprintf("%s/layers/%s", store, hex);
}

json_t *layer_sums_to_json(const struct layer *layer)
{
	json_t *json = json_object();

	json_put_u64(json, "version", 1);
	json_put_digest(json, "tar", &layer->tar_digest);
	json_put_digest(json, "merge", &layer->merge_digest);
	json_put_u64(json, "entries", layer->n_entries);
	json_put_u64(json, "removed", layer->n_removed);
	json_put_u64(json, "content_bytes", layer->content_bytes);
	return json;
}

json_t *layer_to_json(const struct layer *layer)
{
	json_t *json = layer_sums_to_json(layer);

	json_put_digest(json, "digest", &layer->digest);
	json_put_u64(json, "stored_bytes", layer->stored_bytes);
	return json;
}

int layer_sums_from_json(const json_t *json, struct layer *layer, struct error *err)
{
	struct json_reader reader = {
		.object = json, .what = LAYER_SUMS, .kind = ERROR_TRUST, .err = err};
	uint64_t version = 0;

	json_get_u64(&reader, "version", &version);
	json_get_digest(&reader, "tar", &layer->tar_digest);
	json_get_digest(&reader, "merge", &layer->merge_digest);
	json_get_u64(&reader, "entries", &layer->n_entries);
	json_get_u64(&reader, "removed", &layer->n_removed);
	json_get_u64(&reader, "content_bytes", &layer->content_bytes);
	if (json_reader_result(&reader) < 0)
		return -1;
	if (version != 1)
		return error_set(err, ERROR_TRUST, LAYER_SUMS ": version %llu is not known",
				 (unsigned long long)version);
	return 0;
}

static int read_sums(struct layer *layer, struct error *err)
{
	CLEANUP_FREE char *path = path_join(layer->directory, LAYER_SUMS);
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_JSON json_t *json = NULL;

	if (file_read(path, SUMS_MAX, &text, err) < 0)
		return -1;
	json = json_parse(text.data ? text.data : "", text.len, LAYER_SUMS, ERROR_TRUST, err);
	return json ? layer_sums_from_json(json, layer, err) : -1;
}

static int check_merge(const struct layer *layer, struct error *err)
{
	CLEANUP_FREE char *path = path_join(layer->directory, LAYER_MERGE);
	CLEANUP_BUFFER struct buffer text = {0};
	struct digest digest;

	if (file_read(path, MERGE_MAX, &text, err) < 0)
		return -1;
	digest_of(text.data ? text.data : "", text.len, &digest);
	if (!digest_equal(&digest, &layer->merge_digest))
		return error_set(err, ERROR_TRUST,
				 LAYER_MERGE " is not what the layer's name says");
	return 0;
}

static int check_stored(struct layer *layer, const struct digest *digest, struct error *err)
{
	CLEANUP_FREE char *tar = path_join(layer->directory, LAYER_TAR);
	struct stat st;

	if (read_sums(layer, err) < 0)
		return -1;
	layer_name(layer);
	if (!digest_equal(&layer->digest, digest))
		return error_set(err, ERROR_TRUST, LAYER_SUMS " is not what the layer's name says");
	if (check_merge(layer, err) < 0)
		return -1;
	if (stat(tar, &st) < 0)
		return error_os(err, ERROR_MISSING, errno, "%s", tar);
	layer->stored_bytes = st.st_size;
	return 0;
}

struct layer *layer_open(const char *store, const struct digest *digest, struct error *err)
{
	CLEANUP(layer_free)
	struct layer *layer = xcalloc(1, sizeof *layer);

	layer->directory = layer_directory(store, digest);
	if (check_stored(layer, digest, err) < 0)
		return error_prefix(err, "layer %s", layer->directory), NULL;
	return steal(layer);
}

static int stream_read(void *opaque, void *data, size_t len, struct error *err)
{
	return ahead_read(opaque, data, len, err);
}

static int stream_check_end(struct ahead *stream, const struct layer *layer, struct error *err)
{
	struct digest digest;

	if (ahead_finish(stream, &digest, err) < 0)
		return -1;
	if (!digest_equal(&digest, &layer->tar_digest))
		return error_set(err, ERROR_TRUST, LAYER_TAR " is not what the layer's name says");
	return 0;
}

/* Counts what passes, so that a stream with more than was promised ends early. */
struct counter {
	const struct layer *layer;
	const struct layer_visitor *visitor;
	uint64_t entries, removed, content_bytes;
	bool refused; /* the visitor's own failure, not the layer's */
};

static int count_entry(void *opaque, const struct layer_entry *entry, struct error *err)
{
	struct counter *counter = opaque;

	counter->entries++;
	counter->removed += entry->action == LAYER_REMOVE;
	/* No overflow: each is below 2^63, as is what layer.json says, which they are kept to. */
	if (entry->action == LAYER_REPLACE && S_ISREG(entry->stat.mode))
		counter->content_bytes += entry->stat.size;
	if (counter->entries > counter->layer->n_entries ||
	    counter->removed > counter->layer->n_removed ||
	    counter->content_bytes > counter->layer->content_bytes)
		return error_set(err, ERROR_TRUST, "it holds more than " LAYER_SUMS " says");
	if (counter->visitor->entry &&
	    counter->visitor->entry(counter->visitor->opaque, entry, err) < 0)
		counter->refused = true;
	return counter->refused ? -1 : 0;
}

static int count_content(void *opaque, const void *data, size_t len, uint64_t offset,
			 struct error *err)
{
	struct counter *counter = opaque;
	const struct layer_visitor *visitor = counter->visitor;

	if (visitor->content && visitor->content(visitor->opaque, data, len, offset, err) < 0)
		counter->refused = true;
	return counter->refused ? -1 : 0;
}

static int check_counts(const struct counter *counter, struct error *err)
{
	const struct layer *layer = counter->layer;

	if (counter->entries == layer->n_entries && counter->removed == layer->n_removed &&
	    counter->content_bytes == layer->content_bytes)
		return 0;
	return error_set(err, ERROR_TRUST, "it holds less than " LAYER_SUMS " says");
}

static int read_stream(struct ahead *stream, struct counter *counter, struct error *err)
{
	struct layer_visitor counting = {count_entry, count_content, counter};
	struct tar_source source = {stream_read, stream};

	if (tar_read(&source, &counting, err) < 0 ||
	    stream_check_end(stream, counter->layer, err) < 0)
		return -1;
	return check_counts(counter, err);
}

int layer_read(const struct layer *layer, const struct layer_visitor *visitor, struct error *err)
{
	CLEANUP_FREE char *path = path_join(layer->directory, LAYER_TAR);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct counter counter = {.layer = layer, .visitor = visitor};
	CLEANUP(ahead_free)
	struct ahead *stream = NULL;

	if (fd < 0)
		return error_os(err, ERROR_MISSING, errno, "%s", path);
	stream = ahead_start(fd, err);
	if (!stream)
		return -1;
	if (read_stream(stream, &counter, err) == 0)
		return 0;
	return counter.refused ? -1 : error_prefix(err, "layer %s", layer->directory);
}
