/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/confine.h"

enum { PIECE = 4 << 20, OUTPUT_LIMIT = 1 << 16, REBASE_DEADLINE_MS = 60000 };

struct copying {
	int from, to;
	const char *path; /* of the copy */
	off_t size;
	char *piece;
	const struct monitor *monitor;
};

/* A write that is short fails in the next one, with the reason. */
static int write_piece(const struct copying *copying, size_t len, off_t at, struct error *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n =
			pwrite(copying->to, copying->piece + done, len - done, at + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_os(err, ERROR_IO, n < 0 ? errno : ENOSPC, "%s", copying->path);
		done += (size_t)n;
	}
	return 0;
}

static int copy_piece(const struct copying *copying, off_t at, size_t len, ssize_t *ret,
		      struct error *err)
{
	ssize_t n = pread(copying->from, copying->piece, len, at);

	if (n <= 0)
		return error_os(err, ERROR_IO, n < 0 ? errno : EIO, "%s: reading the original",
				copying->path);
	if (write_piece(copying, (size_t)n, at, err) < 0)
		return -1;
	*ret = n;
	return 0;
}

static int copy_range(const struct copying *copying, off_t at, off_t end, struct error *err)
{
	while (at < end) {
		size_t len = end - at < PIECE ? (size_t)(end - at) : PIECE;
		ssize_t n = 0;

		if (monitor_check(copying->monitor, err) < 0 ||
		    copy_piece(copying, at, len, &n, err) < 0)
			return -1;
		at += n;
		monitor_progress(copying->monitor, "copy", copying->path, (uint64_t)at,
				 (uint64_t)copying->size);
	}
	return 0;
}

static int copy_data(const struct copying *copying, struct error *err)
{
	off_t at = 0, end;

	while (at < copying->size) {
		off_t data = lseek(copying->from, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			return 0;
		at = data < 0 ? at : data;
		end = data < 0 ? copying->size : lseek(copying->from, at, SEEK_HOLE);
		if (end <= at || end > copying->size)
			end = copying->size;
		if (copy_range(copying, at, end, err) < 0)
			return -1;
		at = end;
	}
	return 0;
}

static int copy_to(struct copying *copying, struct error *err)
{
	struct stat st;

	if (ioctl(copying->to, FICLONE, copying->from) == 0)
		return 0;
	if (fstat(copying->from, &st) < 0 || ftruncate(copying->to, st.st_size) < 0)
		return error_os(err, ERROR_IO, errno, "%s", copying->path);
	copying->size = st.st_size;
	copying->piece = xmalloc(PIECE);
	return copy_data(copying, err);
}

int image_file_copy(int from, const char *path, const struct monitor *monitor, struct error *err)
{
	CLEANUP_CLOSE int to = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct copying copying = {.from = from, .to = to, .path = path, .monitor = monitor};
	int outcome;

	if (to < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	outcome = copy_to(&copying, err);
	free(copying.piece);
	if (outcome < 0)
		unlink(path);
	return outcome;
}

int image_file_set_backing(const char *path, const char *backing_name, enum image_format format,
			   struct error *err)
{
	static const char *const env[] = {CONFINE_ENVIRONMENT, NULL};
	CLEANUP_CONFINED_FILES struct confined_files files = {0};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	CLEANUP_FREE char *name = NULL;
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (confined_files_single(fd, &files, err) < 0)
		return -1;
	name = xasprintf("/proc/self/fd/%d", files.fds[0]);
	const char *const argv[] = {"qemu-img", "rebase",     "-q", "-u",
				    "-f",	"qcow2",      "-F", image_format_name(format),
				    "-b",	backing_name, name, NULL};
	const struct process_spec spec = {.argv = argv,
					  .env = env,
					  .pass_fds = files.fds,
					  .n_pass_fds = files.n_fds,
					  .output_limit = OUTPUT_LIMIT,
					  .deadline_ms = REBASE_DEADLINE_MS,
					  .child_setup = confine_child,
					  .child_opaque = &files};

	if (process_run(&spec, &result, err) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	confined_tool_failed("qemu-img rebase", &result.err, err);
	return error_prefix(err, "%s", path);
}
