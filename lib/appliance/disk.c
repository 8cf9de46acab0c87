/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"

enum { MAKE_DEADLINE_MS = 600000, MESSAGE_LIMIT = 4096 };

static int make_sparse(const char *path, uint64_t size, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

int appliance_disk_make(const char *image_path, const char *directory, uint64_t size,
			struct error *err)
{
	const char *const argv[] = {"mke2fs",
				    "-q",
				    "-F",
				    "-t",
				    "ext4",
				    "-O",
				    "^has_journal,ea_inode",
				    "-I",
				    "512",
				    "-m",
				    "0",
				    "-E",
				    "lazy_itable_init=1,nodiscard,root_owner=0:0",
				    "-d",
				    directory,
				    image_path,
				    NULL};
	struct process_spec spec = {
		.argv = argv, .output_limit = MESSAGE_LIMIT, .deadline_ms = MAKE_DEADLINE_MS};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	if (make_sparse(image_path, size, err) < 0)
		return -1;
	return process_run_ok(&spec, ERROR_HOST, &result, err);
}

int appliance_disk_add_runner(const char *runner, const char *directory, uint64_t *ret_size,
			      struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, "runner");
	CLEANUP_CLOSE int from = open(runner, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t n = 1;

	if (from < 0)
		return error_os(err, ERROR_HOST, errno, "%s", runner);
	if (to < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	for (*ret_size = 0; n > 0; *ret_size += (uint64_t)n)
		n = sendfile(to, from, NULL, 1 << 24);
	return n < 0 ? error_os(err, ERROR_IO, errno, "%s", path) : 0;
}
