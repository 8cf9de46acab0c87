/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The new file is made before qemu-img starts, which may write to that file and to nothing else. It
 * is given by its path and not as a descriptor, because a vmdk names itself inside.
 */
#include "disk/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/landlock.h"
#include "disk/confine.h"
#include "disk/source.h"

enum {
	OUTPUT_LIMIT = 1 << 16,
	DEADLINE_MS = 600000,
	SLOWEST_BYTES_PER_MS = 5000,
};

bool image_export_format(const char *name, enum image_format *ret)
{
	static const enum image_format formats[] = {IMAGE_FORMAT_RAW, IMAGE_FORMAT_QCOW2,
						    IMAGE_FORMAT_VMDK};

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (strcmp(name, image_format_name(formats[i])) == 0) {
			*ret = formats[i];
			return true;
		}
	return false;
}

/* By the size of the disk: what is stored of it is not known here. */
static unsigned deadline_of(const struct image *image)
{
	uint64_t ms = DEADLINE_MS + image->files[0].virtual_size / SLOWEST_BYTES_PER_MS;

	return ms > UINT32_MAX ? UINT32_MAX : (unsigned)ms;
}

static int allow_target(const struct confined_files *files, int target, struct error *err)
{
	if (files->n_fds == files->n_files)
		return 0;
	return landlock_allow(files->fds[files->n_files], target, LANDLOCK_READ | LANDLOCK_WRITE,
			      err);
}

static int run_qemu_img(const struct image *image, const char *path, int target,
			enum image_format format, const struct monitor *monitor, struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {0};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	CLEANUP_FREE char *graph = NULL, *name = xasprintf("file:%s", path);
	static const char *const env[] = {CONFINE_ENVIRONMENT, NULL};

	if (confined_files_open(image, false, &files, err) < 0 ||
	    allow_target(&files, target, err) < 0)
		return -1;
	graph = confined_files_graph(image, &files, image->n_files);
	const char *const argv[] = {"qemu-img", "convert", "-q", "-O", image_format_name(format),
				    graph,	name,	   NULL};
	const struct process_spec spec = {.argv = argv,
					  .env = env,
					  .pass_fds = files.fds,
					  .n_pass_fds = files.n_fds,
					  .output_limit = OUTPUT_LIMIT,
					  .deadline_ms = deadline_of(image),
					  .monitor = monitor,
					  .child_setup = confine_child,
					  .child_opaque = &files};

	if (process_run(&spec, &result, err) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	confined_tool_failed("qemu-img convert", &result.err, err);
	err->kind = err->kind == ERROR_IMAGE ? ERROR_IO : err->kind;
	return -1;
}

int image_convert(const struct image *image, const char *path, enum image_format format,
		  const struct monitor *monitor, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_os(err, errno == EEXIST ? ERROR_USAGE : ERROR_IO, errno, "%s", path);
	if (run_qemu_img(image, path, fd, format, monitor, err) == 0) {
		if (fsync(fd) == 0)
			return 0;
		error_os(err, ERROR_IO, errno, "fsync");
	}
	unlink(path);
	return error_prefix(err, "%s", path);
}

struct image *image_open_converted(const char *path, enum image_format format, struct error *err)
{
	CLEANUP(image_free)
	struct image *image = NULL;
	struct image_file *file;
	struct stat st;

	if (format == IMAGE_FORMAT_QCOW2)
		return image_open(path, NULL, err);
	image = xcalloc(1, sizeof *image);
	file = ARRAY_ADD(image->files, image->n_files);
	file->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path), NULL;
	file->path = xstrdup(path);
	file->format = format;
	file->file_size = file->virtual_size = (uint64_t)st.st_size;
	return steal(image);
}
