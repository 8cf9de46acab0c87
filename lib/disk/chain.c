/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the top file down.  A header only proposes its backing file: the file must be one the caller
 * named, compared by inode after the name is resolved as QEMU would resolve it, and its format must
 * be said in the header, because a guest can write any bytes it likes at the start of a raw disk.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "disk/image.h"
#include "disk/source.h"

enum { MAX_DEPTH = 32 };

const char *image_format_name(enum image_format format)
{
	static const char *const names[] = {[IMAGE_FORMAT_RAW] = "raw",
					    [IMAGE_FORMAT_QCOW2] = "qcow2",
					    [IMAGE_FORMAT_VMDK] = "vmdk"};

	return names[format];
}

void image_free(struct image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->n_files; i++) {
		close_p(&image->files[i].fd);
		free(image->files[i].path);
		free(image->files[i].backing_name);
		free(image->files[i].directory);
	}
	free(image->files);
	free(image);
}

bool backing_name_has_protocol(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon && colon < name + strcspn(name, "/");
}

static char *directory_of(const char *path)
{
	return xstrndup(path, (size_t)(strrchr(path, '/') - path));
}

/* From the root; links are not followed. */
static char *resolve_name(const struct image_file *file)
{
	return file->backing_name[0] == '/' ? xstrdup(file->backing_name)
					    : path_join(file->directory, file->backing_name);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_given(const struct image_options *options, const struct stat *st)
{
	struct stat given;

	for (size_t i = 0; options && i < options->n_backing; i++)
		if (stat(options->backing[i], &given) == 0 && same_file(&given, st))
			return true;
	return false;
}

static bool is_in_chain(const struct image *image, const struct stat *st)
{
	struct stat seen;

	for (size_t i = 0; i < image->n_files; i++)
		if (fstat(image->files[i].fd, &seen) == 0 && same_file(&seen, st))
			return true;
	return false;
}

/* The real path of the file that backs `file`, and the directory of its name. */
static char *find_backing(const struct image *image, const struct image_file *file,
			  const struct image_options *options, char **ret_directory,
			  struct error *err)
{
	CLEANUP_FREE char *named = NULL;
	CLEANUP_FREE char *path = NULL;
	struct stat st;

	if (backing_name_has_protocol(file->backing_name)) {
		error_set(err, ERROR_IMAGE, "%s: backing file %s is not a file name", file->path,
			  file->backing_name);
		return NULL;
	}
	named = resolve_name(file);
	path = realpath(named, NULL);
	if (!path || stat(path, &st) < 0) {
		error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno,
			 "%s: backing file %s", file->path, file->backing_name);
		return NULL;
	}
	if (is_in_chain(image, &st)) {
		error_set(err, ERROR_IMAGE, "%s: backing file %s is above it: a loop", file->path,
			  file->backing_name);
		return NULL;
	}
	if (!(options && options->trust_headers) && !is_given(options, &st)) {
		error_set(err, ERROR_IMAGE,
			  "%s: backing file %s was not given; give it with --backing %s",
			  file->path, file->backing_name, path);
		return NULL;
	}
	*ret_directory = directory_of(named);
	return steal(path);
}

static int backing_format_parse(const struct image_file *file, const char *name,
				enum source_format *ret, struct error *err)
{
	if (!name)
		return error_set(err, ERROR_IMAGE,
				 "%s: does not say the format of its backing file; run qemu-img "
				 "rebase -u -F FORMAT -b %s on it",
				 file->path, file->backing_name);
	if (strcmp(name, "raw") == 0)
		*ret = SOURCE_FORMAT_RAW;
	else if (strcmp(name, "qcow2") == 0)
		*ret = SOURCE_FORMAT_QCOW2;
	else
		return error_set(err, ERROR_IMAGE,
				 "%s: backing format %s is not supported; only qcow2 and raw are",
				 file->path, name);
	return 0;
}

static void take_source(struct image *image, struct source *source)
{
	struct image_file *file = ARRAY_ADD(image->files, image->n_files);

	*file = source->file;
	source->file = (struct image_file){.fd = -1};
}

/* Adds the file that backs the last one, which says that its format is `format_name`; gives what
 * the new file says of the one below it. */
static int add_backing(struct image *image, const struct image_options *options, char **format_name,
		       struct error *err)
{
	const struct image_file *last = &image->files[image->n_files - 1];
	CLEANUP_SOURCE struct source source = {.file.fd = -1};
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FREE char *directory = NULL;
	enum source_format format = SOURCE_FORMAT_RAW;

	if (image->n_files >= MAX_DEPTH)
		return error_set(err, ERROR_IMAGE, "%s: more than %d files in the chain",
				 image->files[0].path, MAX_DEPTH);
	path = find_backing(image, last, options, &directory, err);
	if (!path || backing_format_parse(last, *format_name, &format, err) < 0 ||
	    source_open(path, format, &source, err) < 0)
		return -1;
	source.file.directory = steal(directory);
	take_source(image, &source);
	free(*format_name);
	*format_name = steal(source.backing_format);
	return 0;
}

/* One that is not there would only be found missing where a header names it. */
static int check_given(const struct image_options *options, struct error *err)
{
	struct stat st;

	for (size_t i = 0; options && i < options->n_backing; i++)
		if (stat(options->backing[i], &st) < 0)
			return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno,
					"backing file %s, which was given", options->backing[i]);
	return 0;
}

struct image *image_open(const char *path, const struct image_options *options, struct error *err)
{
	CLEANUP(image_free)
	struct image *image = xcalloc(1, sizeof *image);
	CLEANUP_SOURCE struct source source = {.file.fd = -1};
	CLEANUP_FREE char *format_name = NULL;

	if (source_open(path, SOURCE_FORMAT_DETECT, &source, err) < 0 ||
	    check_given(options, err) < 0)
		return NULL;
	source.file.directory = options && options->directory ? xstrdup(options->directory)
							      : directory_of(source.file.path);
	take_source(image, &source);
	format_name = steal(source.backing_format);
	while (image->files[image->n_files - 1].backing_name)
		if (add_backing(image, options, &format_name, err) < 0)
			return NULL;
	return steal(image);
}
