/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Below the work directory of one mirror snapshot:
 *
 *     index-amd64/lists/...        Release and Packages files, unpacked, named as apt names them
 *     index-amd64/sources.list     names them; apt drops its cache when this file is younger
 *     index-amd64/srcpkgcache.bin  what apt made of them
 *
 * The directory is made aside, synced and renamed, so that processes that plan at the same time see
 * all of it or nothing; who comes second throws his own away.  apt replaces its cache file the same
 * way.
 */
#include "package/deb/apt_index.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/temporary.h"
#include "package/deb/apt_shim.h"

enum { MAX_INDEX = 1 << 30 };

static const char safe_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-./_~";

/* These words go into a file that apt parses. */
static int check_word(const char *word, struct error *err)
{
	if (*word && strspn(word, safe_characters) == strlen(word) && !strstr(word, ".."))
		return 0;
	return error_set(err, ERROR_MIRROR,
			 "mirror snapshot: \"%s\" is not the name of a suite, "
			 "component or architecture",
			 word);
}

/* "bookworm-security" of "dists/bookworm-security/InRelease". */
static char *suite_of(const struct mirror_source *source, struct error *err)
{
	const char *start = source->index_path, *slash = strrchr(source->index_path, '/');
	CLEANUP_FREE char *suite = NULL;

	if (strncmp(start, "dists/", 6) != 0 || slash < start + 6)
		return error_set(err, ERROR_MIRROR,
				 "mirror snapshot: %s is not the index of an apt suite", start),
		       NULL;
	suite = xstrndup(start + 6, (size_t)(slash - start - 6));
	return check_word(suite, err) < 0 ? NULL : steal(suite);
}

static int write_list(const char *lists, size_t index, const char *path,
		      const struct buffer *content, struct error *err)
{
	CLEANUP_FREE char *name = apt_list_name(index, path);
	CLEANUP_FREE char *file = path_join(lists, name);

	return file_replace(file, content->data, content->len, 0644, err);
}

/* 1 when the snapshot has this index file, 0 when not. */
static int place_index(const struct mirror_source *source, size_t index, const char *path,
		       const char *lists, struct error *err)
{
	CLEANUP_FREE char *from = path_join(source->directory, path);
	CLEANUP_BUFFER struct buffer content = {0};

	if (access(from, F_OK) < 0)
		return 0;
	if (file_read(from, MAX_INDEX, &content, err) < 0)
		return -1;
	return write_list(lists, index, path, &content, err) < 0 ? -1 : 1;
}

static int place_component(const struct mirror_source *source, size_t index, const char *suite,
			   const char *component, const char *architecture, const char *lists,
			   struct error *err)
{
	CLEANUP_FREE char *path =
		xasprintf("dists/%s/%s/binary-%s/Packages", suite, component, architecture);

	if (check_word(component, err) < 0 || check_word(architecture, err) < 0)
		return -1;
	return place_index(source, index, path, lists, err);
}

/* Of packages that fit every guest, and nothing else? */
static bool is_independent(const struct mirror_source *source)
{
	return source->n_architectures == 1 && strcmp(source->architectures[0], "all") == 0;
}

/* All index files of a source that fit the guest; *native says whether there was one that must be:
 * of its own architecture, or of a source that has no other than "all". */
static int place_source(const struct mirror_source *source, size_t index,
			const struct guest_packages *packages, const char *lists, bool *native,
			struct error *err)
{
	CLEANUP_FREE char *suite = suite_of(source, err);
	CLEANUP_BUFFER struct buffer release = {0};
	CLEANUP_FREE char *path = path_join(source->directory, source->index_path);

	if (!suite || file_read(path, MAX_INDEX, &release, err) < 0 ||
	    write_list(lists, index, source->index_path, &release, err) < 0)
		return -1;
	for (size_t i = 0; i < source->n_components; i++) {
		const char *component = source->components[i];
		int found = place_component(source, index, suite, component, packages->architecture,
					    lists, err);
		int all = found < 0 ? -1
				    : place_component(source, index, suite, component, "all", lists,
						      err);

		if (all < 0)
			return -1;
		*native = *native || found || (all && is_independent(source));
		for (size_t a = 0; a < packages->n_foreign_architectures; a++)
			if (place_component(source, index, suite, component,
					    packages->foreign_architectures[a], lists, err) < 0)
				return -1;
	}
	return 0;
}

static int write_sources(const struct mirror_snapshot *snapshot, const char *directory,
			 struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, "sources.list");
	CLEANUP_BUFFER struct buffer text = {0};

	for (size_t i = 0; i < snapshot->n_sources; i++) {
		const struct mirror_source *source = &snapshot->sources[i];
		CLEANUP_FREE char *suite = suite_of(source, err);

		if (!suite)
			return -1;
		buffer_printf(&text, "deb [trusted=yes] " APT_SOURCE_URI " %s", i, suite);
		for (size_t c = 0; c < source->n_components; c++)
			buffer_printf(&text, " %s", source->components[c]);
		buffer_putc(&text, '\n');
	}
	return file_replace(path, text.data ? text.data : "", text.len, 0644, err);
}

static int fill(const struct mirror_snapshot *snapshot, const struct guest_packages *packages,
		const char *directory, struct error *err)
{
	CLEANUP_FREE char *lists = path_join(directory, "lists");
	bool native = false;

	if (directory_make(lists, 0755, err) < 0)
		return -1;
	for (size_t i = 0; i < snapshot->n_sources; i++)
		if (place_source(&snapshot->sources[i], i, packages, lists, &native, err) < 0)
			return -1;
	if (!native)
		return error_set(err, ERROR_MIRROR,
				 "mirror snapshot: no package index for architecture %s",
				 packages->architecture);
	return write_sources(snapshot, directory, err);
}

static int build(const struct mirror_snapshot *snapshot, const struct guest_packages *packages,
		 const char *work_dir, const char *directory, struct error *err)
{
	CLEANUP_FREE char *aside = NULL;
	struct error ignored = {0};
	int result;

	if (directory_make(work_dir, 0755, err) < 0)
		return -1;
	aside = temporary_directory_make(work_dir, "index", err);
	if (!aside)
		return -1;
	result = fill(snapshot, packages, aside, err);
	if (result == 0 && chmod(aside, 0755) < 0)
		result = error_os(err, ERROR_IO, errno, "%s", aside);
	if (result == 0 && rename(aside, directory) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		result = error_os(err, ERROR_IO, errno, "%s", directory);
	else if (result == 0)
		result = file_sync_directory_of(directory, err);
	directory_remove(aside, &ignored);
	return result;
}

static char *directory_name(const struct guest_packages *packages, const char *work_dir)
{
	struct buffer name = {0};

	buffer_printf(&name, "%s/index-%s", work_dir, packages->architecture);
	for (size_t i = 0; i < packages->n_foreign_architectures; i++)
		buffer_printf(&name, "+%s", packages->foreign_architectures[i]);
	return buffer_steal(&name);
}

int apt_index_open(const struct mirror_snapshot *snapshot, const struct guest_packages *packages,
		   const char *work_dir, struct apt_index *ret, struct error *err)
{
	CLEANUP_FREE char *directory = directory_name(packages, work_dir);
	CLEANUP_APT_INDEX struct apt_index index = {0};

	if (access(directory, F_OK) < 0 && build(snapshot, packages, work_dir, directory, err) < 0)
		return -1;
	index.lists = path_join(directory, "lists");
	index.sources_list = path_join(directory, "sources.list");
	index.cache = path_join(directory, "srcpkgcache.bin");
	*ret = index;
	index = (struct apt_index){0};
	return 0;
}

void apt_index_free(struct apt_index *index)
{
	free(index->lists);
	free(index->cache);
	free(index->sources_list);
	*index = (struct apt_index){0};
}
