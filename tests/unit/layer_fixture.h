/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of layers: one in a store, of entries or bytes that a test chose. */
#ifndef TESTS_UNIT_LAYER_FIXTURE_H
#define TESTS_UNIT_LAYER_FIXTURE_H

#include <check.h>
#include <string.h>

#include "base/file.h"
#include "base/process.h"
#include "layer/store.h"
#include "layer/tar.h"

struct chosen {
	struct buffer tar;
	struct layer sums; /* the counts; what is 0 is added up */
};

static inline int chosen_write(void *opaque, const void *data, size_t len, struct error *err)
{
	(void)err;
	buffer_append(opaque, data, len);
	return 0;
}

/* Anything but a regular file with content. */
static inline void chosen_put(struct chosen *chosen, const struct layer_entry *entry)
{
	struct tar_sink sink = {chosen_write, &chosen->tar};
	struct error err = {0};

	ck_assert_int_eq(tar_write_entry(&sink, entry, NULL, NULL, &err), 0);
	chosen->sums.n_entries++;
	chosen->sums.n_removed += entry->action == LAYER_REMOVE;
}

static inline void chosen_end(struct chosen *chosen)
{
	struct tar_sink sink = {chosen_write, &chosen->tar};
	struct error err = {0};

	ck_assert_int_eq(tar_write_end(&sink, &err), 0);
}

static inline void chosen_file(const char *directory, const char *name, const void *data,
			       size_t len)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	struct error err = {0};

	ck_assert_msg(file_replace(path, data, len, 0644, &err) == 0, "%s", err.msg);
}

static inline void chosen_compress(const char *directory)
{
	CLEANUP_FREE char *path = path_join(directory, "layer.tar");
	const char *const argv[] = {"zstd", "-q", "--rm", path, NULL};
	struct process_spec spec = {.argv = argv, .output_limit = 4096};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_IO, &result, &err) == 0, "%s", err.msg);
}

/* Stores it under the name that its own digests give it: chosen->sums is that layer. */
static inline void chosen_store(struct chosen *chosen, const char *store)
{
	struct layer *sums = &chosen->sums;
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP_FREE char *text = NULL, *directory = NULL;
	struct error err = {0};

	digest_of(chosen->tar.data, chosen->tar.len, &sums->tar_digest);
	digest_of("{}\n", 3, &sums->merge_digest);
	layer_name(sums);
	json = layer_sums_to_json(sums);
	text = json_to_bytes(json);
	directory = layer_directory(store, &sums->digest);
	ck_assert_msg(directory_make(directory, 0755, &err) == 0, "%s", err.msg);
	chosen_file(directory, LAYER_MERGE, "{}\n", 3);
	chosen_file(directory, LAYER_SUMS, text, strlen(text));
	chosen_file(directory, "layer.tar", chosen->tar.data, chosen->tar.len);
	chosen_compress(directory);
	buffer_free(&chosen->tar);
	sums->directory = steal(directory);
}

#endif
