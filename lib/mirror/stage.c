/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/directory.h"
#include "base/file.h"
#include "base/temporary.h"
#include "mirror/store.h"

enum { CHUNK = 1 << 18 };

int stage_open(const char *store, const struct monitor *monitor, struct stage *ret,
	       struct error *err)
{
	CLEANUP_FREE char *real = NULL;
	char *directory;

	if (directory_make(store, 0755, err) < 0)
		return -1;
	real = realpath(store, NULL);
	if (!real)
		return error_os(err, ERROR_IO, errno, "%s", store);
	temporary_sweep(real);
	directory = temporary_directory_make(real, "mirror", err);
	if (!directory)
		return -1;
	*ret = (struct stage){steal(real), directory, monitor};
	return 0;
}

void stage_close(struct stage *stage)
{
	struct error ignored;

	if (stage->directory)
		directory_remove(stage->directory, &ignored);
	free(stage->directory);
	free(stage->store);
	*stage = (struct stage){0};
}

static int make_parent(const char *path, struct error *err)
{
	CLEANUP_FREE char *copy = xstrdup(path);

	return directory_make(dirname(copy), 0755, err);
}

static int seal(int *fd, const char *path, struct error *err)
{
	if (fchmod(*fd, 0444) < 0 || fsync(*fd) < 0 || close(steal_fd(fd)) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

int stage_write(const struct stage *stage, const char *path, const void *data, size_t len,
		struct error *err)
{
	CLEANUP_FREE char *full = path_join(stage->directory, path);
	CLEANUP_CLOSE int fd = -1;

	if (make_parent(full, err) < 0)
		return -1;
	fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", full);
	if (file_write_all(fd, data, len, err) < 0)
		return error_prefix(err, "%s", full);
	return seal(&fd, full, err);
}

/* What is copied: `size` bytes that a signed index promises. */
struct copying {
	int from, to;
	uint64_t size;
	const struct monitor *monitor;
};

/* Stops after `size` bytes and a bit, so that a file that grows meanwhile is noticed. */
static int copy_bytes(const struct copying *copying, struct digest *ret, struct error *err)
{
	CLEANUP(digest_free)
	struct digest_context *ctx = digest_new();
	CLEANUP_FREE char *chunk = xmalloc(CHUNK);
	uint64_t offset = 0;
	ssize_t n;

	while (offset <= copying->size &&
	       (n = pread(copying->from, chunk, CHUNK, (off_t)offset)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_os(err, ERROR_IO, errno, "read");
		if (monitor_check(copying->monitor, err) < 0 ||
		    file_write_all(copying->to, chunk, n, err) < 0)
			return -1;
		digest_update(ctx, chunk, n);
		offset += n;
	}
	digest_finish(steal(ctx), ret);
	return 0;
}

/* A reflink is a private copy at once; it is hashed after it was made. */
static int copy(const struct copying *copying, struct digest *ret, struct error *err)
{
	if (ioctl(copying->to, FICLONE, copying->from) == 0)
		return digest_of_fd_monitored(copying->to, copying->monitor, ret, err);
	return copy_bytes(copying, ret, err);
}

static int check_size(int fd, uint64_t size, struct error *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "stat");
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_TRUST, "not a regular file");
	if ((uint64_t)st.st_size != size)
		return error_set(err, ERROR_TRUST,
				 "has %llu bytes, but the signed index says %llu: truncated or "
				 "tampered with",
				 (unsigned long long)st.st_size, (unsigned long long)size);
	return 0;
}

static int compare(const struct digest *got, const struct digest *sha256, struct error *err)
{
	if (digest_equal(got, sha256))
		return 0;
	return error_set(err, ERROR_TRUST,
			 "its SHA-256 is not what the signed index says: damaged or tampered with");
}

int stage_package_check(int fd, const struct digest *sha256, uint64_t size,
			const struct monitor *monitor, struct error *err)
{
	struct digest got;

	if (check_size(fd, size, err) < 0 || digest_of_fd_monitored(fd, monitor, &got, err) < 0)
		return -1;
	return compare(&got, sha256, err);
}

static int copy_verified(const struct copying *copying, const struct digest *sha256,
			 struct error *err)
{
	struct digest got;

	if (copy(copying, &got, err) < 0)
		return -1;
	return compare(&got, sha256, err);
}

static bool is_there(const char *path, uint64_t size)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == size;
}

int stage_package(const struct stage *stage, int fd, const struct digest *sha256, uint64_t size,
		  struct error *err)
{
	CLEANUP_FREE char *name = store_package_name(sha256);
	CLEANUP_FREE char *in_store = path_join(stage->store, name);
	CLEANUP_FREE char *staged = path_join(stage->directory, name);
	CLEANUP_CLOSE int to = -1;

	if (check_size(fd, size, err) < 0)
		return -1;
	if (is_there(in_store, size) || is_there(staged, size))
		return 0;
	if (make_parent(staged, err) < 0)
		return -1;
	to = open(staged, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (to < 0)
		return error_os(err, ERROR_IO, errno, "%s", staged);
	if (copy_verified(&(struct copying){fd, to, size, stage->monitor}, sha256, err) < 0)
		return -1;
	return seal(&to, staged, err);
}

int stage_package_open(const struct stage *stage, const struct digest *sha256, struct error *err)
{
	CLEANUP_FREE char *name = store_package_name(sha256);
	CLEANUP_FREE char *in_store = path_join(stage->store, name);
	CLEANUP_FREE char *staged = path_join(stage->directory, name);
	int fd = open(staged, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		fd = open(in_store, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? fd : error_os(err, ERROR_IO, errno, "%s", in_store);
}

static int sync_directory(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

struct visit {
	int (*each)(const char *from, const char *to, struct error *err);
	const char *from, *to;
};

static int visit_entries(const struct visit *visit, struct error *err)
{
	DIR *dir = opendir(visit->from);
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return errno == ENOENT ? 0 : error_os(err, ERROR_IO, errno, "%s", visit->from);
	while (result == 0 && (entry = directory_next(dir, visit->from, &result, err))) {
		CLEANUP_FREE char *from = path_join(visit->from, entry->d_name);
		CLEANUP_FREE char *to = path_join(visit->to, entry->d_name);

		result = visit->each(from, to, err);
	}
	closedir(dir);
	return result;
}

static int move_file(const char *from, const char *to, struct error *err)
{
	return rename(from, to) == 0 ? 0 : error_os(err, ERROR_IO, errno, "%s", to);
}

static int move_group(const char *from, const char *to, struct error *err)
{
	struct visit visit = {move_file, from, to};

	if (directory_make(to, 0755, err) < 0 || visit_entries(&visit, err) < 0)
		return -1;
	return sync_directory(to, err);
}

static int sync_tree(const char *from, const char *to, struct error *err)
{
	struct visit visit = {sync_tree, from, to};
	struct stat st;

	if (lstat(from, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", from);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (visit_entries(&visit, err) < 0)
		return -1;
	return sync_directory(from, err);
}

static int publish_packages(const struct stage *stage, struct error *err)
{
	CLEANUP_FREE char *from = path_join(stage->directory, STORE_PACKAGES);
	CLEANUP_FREE char *to = path_join(stage->store, STORE_PACKAGES);
	struct visit visit = {move_group, from, to};

	if (directory_make(to, 0755, err) < 0 || visit_entries(&visit, err) < 0)
		return -1;
	return sync_directory(to, err);
}

int stage_publish(const struct stage *stage, const char *name, struct error *err)
{
	CLEANUP_FREE char *from = path_join(stage->directory, "snapshot");
	CLEANUP_FREE char *parent = path_join(stage->store, STORE_SNAPSHOTS);
	CLEANUP_FREE char *to = path_join(parent, name);

	if (sync_tree(from, "", err) < 0 || publish_packages(stage, err) < 0 ||
	    directory_make(parent, 0755, err) < 0)
		return -1;
	if (rename(from, to) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		return error_os(err, ERROR_IO, errno, "%s", to);
	if (sync_directory(parent, err) < 0)
		return -1;
	return sync_directory(stage->store, err);
}
