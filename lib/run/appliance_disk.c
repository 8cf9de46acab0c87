/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/appliance_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/image.h"
#include "fs/fs.h"

enum { PIECE = 1 << 20 };

static int copy_content(struct fs *fs, uint64_t ino, int to, uint64_t limit, struct error *err)
{
	CLEANUP_FREE char *piece = xmalloc(PIECE);
	uint64_t offset = 0;
	ssize_t n;

	while ((n = fs_read(fs, ino, piece, PIECE, offset, err)) > 0) {
		offset += (uint64_t)n;
		if (offset > limit)
			return error_set(err, ERROR_GUEST, "longer than %llu bytes",
					 (unsigned long long)limit);
		if (file_write_all(to, piece, (size_t)n, err) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int read_one(struct fs *fs, struct appliance_file *file, struct error *err)
{
	CLEANUP_CLOSE int to = -1;
	struct fs_stat stat;
	uint64_t ino;

	file->found = 0;
	if (fs_lookup(fs, fs_root(fs), file->name, &ino, err) < 0)
		return -1;
	if (ino == 0)
		return 0;
	if (fs_stat(fs, ino, &stat, err) < 0)
		return -1;
	if (!S_ISREG(stat.mode))
		return error_set(err, ERROR_GUEST, "%s: not a regular file", file->name);
	to = open(file->to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return error_os(err, ERROR_IO, errno, "%s", file->to);
	if (copy_content(fs, ino, to, file->limit, err) < 0)
		return error_prefix(err, "%s", file->name);
	file->found = 1;
	return 0;
}

int appliance_disk_read(const char *image_path, const char *socket_dir,
			struct appliance_file *files, size_t n_files, struct error *err)
{
	const struct image_options options = {0};
	CLEANUP(image_free)
	struct image *image = image_open(image_path, &options, err);
	CLEANUP(block_free)
	struct block *block = NULL;
	CLEANUP(fs_free)
	struct fs *fs = NULL;

	if (!image || !(block = image_attach(image, false, socket_dir, err)) ||
	    !(fs = fs_open(block, err)))
		return -1;
	for (size_t i = 0; i < n_files; i++)
		if (read_one(fs, &files[i], err) < 0)
			return -1;
	return 0;
}
