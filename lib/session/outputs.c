/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/outputs.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/temporary.h"
#include "library/inside.h"

enum { MAX_RECORD = 64 << 20 };

char *outputs_directory(const char *path)
{
	CLEANUP_FREE char *copy = xstrdup(path);

	return xstrdup(dirname(copy));
}

static int exists(const char *path, struct error *err)
{
	return error_set(err, ERROR_USAGE, "%s: exists already; it is never overwritten", path);
}

static int must_not_exist(const char *path, struct error *err)
{
	struct stat st;

	return lstat(path, &st) == 0 ? exists(path, err) : 0;
}

static int must_be_writable(const char *path, struct error *err)
{
	CLEANUP_FREE char *directory = outputs_directory(path);
	CLEANUP_FREE char *inside = path_join(directory, ".");
	size_t len = strlen(path);

	if (len == 0 || path[len - 1] == '/')
		return error_set(err, ERROR_USAGE, "\"%s\" is not the name of a file to make",
				 path);
	if (access(inside, W_OK) == 0)
		return must_not_exist(path, err);
	return error_os(err, errno == ENOENT || errno == ENOTDIR ? ERROR_MISSING : ERROR_IO, errno,
			"directory %s, for %s", directory, path);
}

/* By their spelling: two spellings of one path are caught when the second is made. */
static int must_differ(const struct coldpatch_apply_options *options, struct error *err)
{
	for (size_t i = 0; i < options->n_outputs; i++) {
		const char *path = options->outputs[i];

		if (!strcmp(path, options->record))
			return error_set(err, ERROR_USAGE, "%s: named as output and as record",
					 path);
		for (size_t j = 0; j < i; j++)
			if (!strcmp(path, options->outputs[j]))
				return error_set(err, ERROR_USAGE, "%s: named twice as output",
						 path);
	}
	return 0;
}

static int device_of(const char *path, dev_t *ret, struct error *err)
{
	CLEANUP_FREE char *directory = outputs_directory(path);
	struct stat st;

	if (stat(directory, &st) < 0)
		return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s",
				directory);
	*ret = st.st_dev;
	return 0;
}

/* A library's files are the library's: what others put there is strange to it, and goes with what
 * it lies beside. */
int outputs_check_outside(const char *path, struct error *err)
{
	return path_is_in_library(path)
		       ? error_set(err, ERROR_USAGE, "%s: lies in a library; name a place outside",
				   path)
		       : 0;
}

int outputs_check_together(const char *const *paths, size_t n, struct error *err)
{
	dev_t first, other;

	for (size_t i = 0; i < n; i++) {
		if (outputs_check_outside(paths[i], err) < 0)
			return -1;
		if (device_of(paths[0], &first, err) < 0 || device_of(paths[i], &other, err) < 0)
			return -1;
		if (first != other)
			return error_set(err, ERROR_USAGE, "%s and %s must be on one file system",
					 paths[0], paths[i]);
	}
	return 0;
}

/* What a killed run left beside the record's place. */
static void sweep_beside(const char *path)
{
	CLEANUP_FREE char *directory = outputs_directory(path);

	temporary_sweep(directory);
}

int outputs_check(const struct coldpatch_apply_options *options, struct error *err)
{
	for (size_t i = 0; i < options->n_outputs; i++)
		if (must_be_writable(options->outputs[i], err) < 0)
			return -1;
	if (must_differ(options, err) < 0 ||
	    outputs_check_together(options->outputs, options->n_outputs, err) < 0)
		return -1;
	if (must_be_writable(options->record, err) < 0 ||
	    outputs_check_outside(options->record, err) < 0)
		return -1;
	sweep_beside(options->record);
	return 0;
}

static int publish_file(const char *staged, const char *path, struct error *err)
{
	if (link(staged, path) == 0)
		return 0;
	return errno == EEXIST ? exists(path, err) : error_os(err, ERROR_IO, errno, "%s", path);
}

/* The record may lie on another file system than the overlays, so it is staged once more, beside
 * its place. */
static int publish_record(const char *staged, const char *path, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *directory = outputs_directory(path);
	CLEANUP_FREE char *beside = temporary_path(directory, "record");
	int result;

	if (file_read(staged, MAX_RECORD, &text, err) < 0 ||
	    file_replace(beside, text.data, text.len, 0644, err) < 0)
		return -1;
	result = publish_file(beside, path, err);
	unlink(beside);
	return result < 0 ? -1 : file_sync_directory_of(path, err);
}

int outputs_publish(const struct coldpatch_apply_options *options, const char *const *staged,
		    const char *staged_record, struct error *err)
{
	size_t done = 0;

	for (; done < options->n_outputs; done++)
		if (publish_file(staged[done], options->outputs[done], err) < 0)
			goto undo;
	for (size_t i = 0; i < done; i++)
		if (file_sync_directory_of(options->outputs[i], err) < 0)
			goto undo;
	if (publish_record(staged_record, options->record, err) < 0)
		goto undo;
	return 0;
undo:
	while (done-- > 0)
		unlink(options->outputs[done]);
	return -1;
}
