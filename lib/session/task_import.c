/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import: {"image", "known": [{"path", "size", "mtime_s", "mtime_ns", "digest",
 *          "overlay_backing"}], "copies"?, "overlays": [PATH]?}
 *         -> {"guest", "files", "disks": [{"content", "overlay_backing", "chain": [BASE]}]}
 *         with "files" as in subject.h, each with "modified" and "changed": [SECONDS, NANOSECONDS]
 *         with BASE = {"path", "format", "size", "mtime_s", "mtime_ns", "digest", "backing_name",
 *                      "copy"}
 *
 * What a chain consists of, top file first, and what its guest is.  "known" are files whose digest
 * was taken before.  With "copies", a directory, each file is copied there, bottom up: one above
 * another gets the digest of the copy below as the name of its backing file, so that they find each
 * other in LIBRARY/bases, and is hashed after that.  With "overlays", an empty overlay of each disk
 * is made there, as one that lies in a generation's directory; "overlay_backing" is what it names:
 * of a file that is known, by its digest, as that one is named.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "disk/copy.h"
#include "library/base.h"
#include "session/content.h"
#include "session/strings.h"
#include "session/task.h"
#include "session/task_image.h"

struct importing {
	const json_t *input;
	const struct subject *subject;
	const struct monitor *monitor;
};

static bool is_known(const json_t *known, const struct stat *st, const char *path,
		     struct digest *ret)
{
	const json_t *file;
	size_t i;

	json_array_foreach(known, i, file)
	{
		if (!strcmp(string_member(file, "path"), path) &&
		    json_integer_value(json_object_get(file, "size")) == st->st_size &&
		    json_integer_value(json_object_get(file, "mtime_s")) == st->st_mtim.tv_sec &&
		    json_integer_value(json_object_get(file, "mtime_ns")) == st->st_mtim.tv_nsec)
			return digest_from_hex(string_member(file, "digest"), ret);
	}
	return false;
}

/* `backing_name` is what the file names, or its copy. */
static json_t *describe(const struct image_file *file, const struct stat *st,
			const struct digest *digest, const char *backing_name, const char *copy)
{
	json_t *json = json_object();

	json_put_bytes(json, "path", file->path);
	json_put_string(json, "format", image_format_name(file->format));
	json_put_u64(json, "size", (uint64_t)st->st_size);
	json_put(json, "mtime_s", json_integer(st->st_mtim.tv_sec));
	json_put(json, "mtime_ns", json_integer(st->st_mtim.tv_nsec));
	json_put_digest(json, "digest", digest);
	json_put_bytes(json, "backing_name", backing_name);
	json_put_string(json, "copy", copy);
	return json;
}

static int refer_to(const struct importing *importing, const struct image_file *file, json_t **ret,
		    struct error *err)
{
	struct digest digest;
	struct stat st;

	if (fstat(file->fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", file->path);
	if (!is_known(json_object_get(importing->input, "known"), &st, file->path, &digest) &&
	    digest_of_fd_monitored(file->fd, importing->monitor, &digest, err) < 0)
		return error_prefix(err, "%s", file->path);
	*ret = describe(file, &st, &digest, file->backing_name, NULL);
	return 0;
}

static int set_backing(const char *path, const struct image_file *below, const json_t *below_copy,
		       struct error *err)
{
	if (!below)
		return 0;
	return image_file_set_backing(path, string_member(below_copy, "digest"), below->format,
				      err);
}

/* `below_copy` is what this gave for the file below. */
static int copy_file(const struct importing *importing, const struct image_file *file,
		     const struct image_file *below, const json_t *below_copy, const char *path,
		     json_t **ret, struct error *err)
{
	struct digest digest;
	struct stat st;

	if (image_file_copy(file->fd, path, importing->monitor, err) < 0 ||
	    set_backing(path, below, below_copy, err) < 0 ||
	    digest_of_file_monitored(path, importing->monitor, &digest, err) < 0)
		return -1;
	if (stat(path, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	*ret = describe(file, &st, &digest, below ? string_member(below_copy, "digest") : NULL,
			path);
	return 0;
}

static int take_file(const struct importing *importing, size_t disk, size_t level,
		     const json_t *below_copy, json_t **ret, struct error *err)
{
	const struct image *image = importing->subject->images[disk];
	const char *copies = json_string_value(json_object_get(importing->input, "copies"));
	const struct image_file *below =
		level + 1 < image->n_files ? &image->files[level + 1] : NULL;
	CLEANUP_FREE char *path = NULL;

	if (!copies)
		return refer_to(importing, &image->files[level], ret, err);
	path = xasprintf("%s/base%zu-%zu", copies, disk, level);
	return copy_file(importing, &image->files[level], below, below_copy, path, ret, err);
}

/* Bottom up; the result is top file first. */
static int take_chain(const struct importing *importing, size_t disk, json_t **ret,
		      struct error *err)
{
	CLEANUP_JSON json_t *chain = json_array();
	const json_t *below = NULL;

	for (size_t level = importing->subject->images[disk]->n_files; level-- > 0;) {
		json_t *file = NULL;

		if (take_file(importing, disk, level, below, &file, err) < 0)
			return -1;
		json_array_insert_new(chain, 0, file);
		below = file;
	}
	*ret = steal(chain);
	return 0;
}

static const char *known_backing(const json_t *known, const char *digest)
{
	const json_t *file;
	size_t i;

	json_array_foreach(known, i, file)
	{
		if (!strcmp(string_member(file, "digest"), digest))
			return string_member(file, "overlay_backing");
	}
	return NULL;
}

/* What an overlay on the chain names, when all is in the library; allocated. */
static char *overlay_backing(const struct importing *importing, const json_t *chain)
{
	const json_t *top = json_array_get(chain, 0);
	const char *known = known_backing(json_object_get(importing->input, "known"),
					  string_member(top, "digest"));
	CLEANUP_FREE char *path = json_bytes_value(json_object_get(top, "path"));
	CLEANUP_FREE char *backing_name = json_bytes_value(json_object_get(top, "backing_name"));
	struct base base = {.path = path, .backing_name = backing_name};

	if (known)
		return xstrdup(known);
	base.mode = json_object_get(importing->input, "copies") ? BASE_COPY : BASE_REFERENCE;
	digest_from_hex(string_member(top, "digest"), &base.digest);
	return base_overlay_backing(&base);
}

static int make_overlay(const struct importing *importing, size_t disk, const char *name,
			struct error *err)
{
	const char *path = json_string_value(
		json_array_get(json_object_get(importing->input, "overlays"), disk));

	if (!path)
		return 0;
	return image_create_overlay(importing->subject->images[disk], path, name, err);
}

static int take_disks(const struct importing *importing, json_t *disks, struct error *err)
{
	for (size_t i = 0; i < importing->subject->n_disks; i++) {
		json_t *disk = json_object(), *chain = NULL;
		CLEANUP_FREE char *backing = NULL;

		json_array_append_new(disks, disk);
		if (take_chain(importing, i, &chain, err) < 0)
			return -1;
		json_put(disk, "chain", chain);
		backing = overlay_backing(importing, chain);
		json_put_bytes(disk, "overlay_backing", backing);
		if (make_overlay(importing, i, backing, err) < 0)
			return -1;
	}
	return 0;
}

static int add_contents(struct content_digests *contents, json_t *disks, struct error *err)
{
	const struct digest *digests;
	json_t *disk;
	size_t i;

	if (content_digests_wait(contents, &digests, err) < 0)
		return -1;
	json_array_foreach(disks, i, disk) json_put_digest(disk, "content", &digests[i]);
	return 0;
}

static json_t *time_of(const struct timespec *at)
{
	return json_pack("[I,I]", (json_int_t)at->tv_sec, (json_int_t)at->tv_nsec);
}

/* Who removes the originals later has to know whether they are still what was copied. */
static json_t *files_with_times(const struct subject *subject)
{
	json_t *files = subject_files(subject);
	size_t n = 0;

	for (size_t i = 0; i < subject->n_disks; i++)
		for (size_t j = 0; j < subject->images[i]->n_files; j++) {
			json_t *file = json_array_get(files, n++);
			struct stat st = {0};

			fstat(subject->images[i]->files[j].fd, &st);
			json_put(file, "modified", time_of(&st.st_mtim));
			json_put(file, "changed", time_of(&st.st_ctim));
		}
	return files;
}

/* All that was read is of one state. */
static int check_unchanged(const struct subject *subject, const json_t *files, struct error *err)
{
	CLEANUP_JSON json_t *now = files_with_times(subject);

	if (json_equal(now, files))
		return 0;
	return error_set(err, ERROR_BUSY, "%s: a file of the image changed while it was imported",
			 subject->images[0]->files[0].path);
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	bool wanted = false;
	const struct subject_options options = {.ret_wanted = &wanted, .monitor = monitor};
	CLEANUP(subject_free)
	struct subject *subject = subject_open(json_object_get(input, "image"), &options, err);
	const struct importing importing = {input, subject, monitor};
	CLEANUP(content_digests_free)
	struct content_digests *contents = NULL;
	CLEANUP_JSON json_t *disks = json_array(), *files = NULL;

	if (!subject)
		return wanted ? task_copies_wanted(ret) : -1;
	files = files_with_times(subject);
	monitor_progress(monitor, "digest", NULL, 0, 0);
	contents = content_digests_start(subject, monitor);
	if (take_disks(&importing, disks, err) < 0 || add_contents(contents, disks, err) < 0 ||
	    check_unchanged(subject, files, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "guest", guest_to_json(subject->guest));
	json_put(*ret, "files", steal(files));
	json_put(*ret, "disks", steal(disks));
	return 0;
}

const struct task task_import = {.name = "import", .run = run};
