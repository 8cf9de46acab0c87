/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replica_node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/memory.h"

enum { LIST_LIMIT = 64 << 10, VALUE_LIMIT = 64 << 10 };
#define KEPT_FLAGS                                                                                 \
	(FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL)

static int failed(const char *what, const struct node *node, struct error *err)
{
	if (errno == ENOSPC)
		return error_set(err, ERROR_IMAGE, "%s %s: the file system is too small", what,
				 node->path);
	return error_os(err, ERROR_HOST, errno, "%s %s", what, *node->path ? node->path : "/");
}

int node_stat(struct node *node, struct error *err)
{
	if (fstatat(node->from, node->name, &node->stat, AT_SYMLINK_NOFOLLOW) < 0)
		return failed("look at", node, err);
	return 0;
}

static int copy_range(const struct node *node, int from, int to, off_t start, off_t end,
		      struct error *err)
{
	while (start < end) {
		size_t want = end - start < NODE_PIECE ? (size_t)(end - start) : NODE_PIECE;
		ssize_t n = pread(from, node->piece, want, start), written;

		if (n < 0)
			return failed("read", node, err);
		if (n == 0)
			return 0; /* the size is set at the end */
		written = pwrite(to, node->piece, (size_t)n, start);
		if (written < 0)
			return failed("write", node, err);
		start += written;
	}
	return 0;
}

/* Where a file system knows no holes, all of it is data. */
static int copy_content(const struct node *node, int from, int to, struct error *err)
{
	off_t size = node->stat.st_size, end;

	for (off_t start = 0; start < size; start = end) {
		start = lseek(from, start, SEEK_DATA);
		if (start < 0 && errno == ENXIO)
			break;
		end = start < 0 ? -1 : lseek(from, start, SEEK_HOLE);
		if (end < 0)
			return failed("look for data in", node, err);
		if (copy_range(node, from, to, start, end < size ? end : size, err) < 0)
			return -1;
	}
	return ftruncate(to, size) < 0 ? failed("set the size of", node, err) : 0;
}

static int make_file(const struct node *node, struct error *err)
{
	CLEANUP_CLOSE int from =
		openat(node->from, node->name, O_RDONLY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	CLEANUP_CLOSE int to = openat(node->to, node->name,
				      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (from < 0)
		return failed("open", node, err);
	if (to < 0)
		return failed("make", node, err);
	return copy_content(node, from, to, err);
}

static int make_link(const struct node *node, struct error *err)
{
	ssize_t n = readlinkat(node->from, node->name, node->piece, NODE_PIECE - 1);

	if (n < 0)
		return failed("read the link", node, err);
	node->piece[n] = '\0';
	return symlinkat(node->piece, node->to, node->name) < 0 ? failed("make", node, err) : 0;
}

int node_make(const struct node *node, struct error *err)
{
	mode_t type = node->stat.st_mode & S_IFMT;
	int status;

	if (type == S_IFREG)
		return make_file(node, err);
	if (type == S_IFLNK)
		return make_link(node, err);
	status = type == S_IFDIR ? mkdirat(node->to, node->name, 0700)
				 : mknodat(node->to, node->name, type | 0600, node->stat.st_rdev);
	return status < 0 ? failed("make", node, err) : 0;
}

/* Symlinks and devices take attributes by name only. */
static char *name_in(int dir, const char *name)
{
	return xasprintf("/proc/self/fd/%d/%s", dir, name);
}

/* Of every namespace that file systems have in common. */
static bool is_kept(const struct node *node, const char *attribute)
{
	static const char *const prefixes[] = {"user.", "trusted.", "security.",
					       "system.posix_acl_"};

	for (size_t i = 0; i < node->n_aliases; i++)
		if (strcmp(node->aliases[i], attribute) == 0)
			return false;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(attribute, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

typedef int attribute_callback(const struct node *node, const char *path, const char *attribute,
			       struct error *err);

/* Calls back for each attribute that `dir`'s node of this name has. */
static int each_attribute(const struct node *node, int dir, attribute_callback *callback,
			  struct error *err)
{
	CLEANUP_FREE char *path = name_in(dir, node->name);
	CLEANUP_FREE char *list = xmalloc(LIST_LIMIT);
	ssize_t n = llistxattr(path, list, LIST_LIMIT);

	if (n < 0 && errno != ENOTSUP)
		return failed("list the attributes of", node, err);
	for (const char *at = list; n > 0 && at < list + n; at += strlen(at) + 1)
		if (is_kept(node, at) && callback(node, path, at, err) < 0)
			return -1;
	return 0;
}

static int copy_attribute(const struct node *node, const char *from, const char *attribute,
			  struct error *err)
{
	CLEANUP_FREE char *to = name_in(node->to, node->name);
	CLEANUP_FREE char *value = xmalloc(VALUE_LIMIT);
	ssize_t n = lgetxattr(from, attribute, value, VALUE_LIMIT);

	if (n < 0 || lsetxattr(to, attribute, value, (size_t)n, 0) < 0)
		return error_os(err, ERROR_HOST, errno, "copy the attribute %s of %s", attribute,
				node->path);
	return 0;
}

static int drop_attribute(const struct node *node, const char *path, const char *attribute,
			  struct error *err)
{
	if (lremovexattr(path, attribute) < 0 && errno != ENODATA)
		return error_os(err, ERROR_HOST, errno, "remove the attribute %s of %s", attribute,
				node->path);
	return 0;
}

int node_set_times(const struct node *node, struct error *err)
{
	const struct timespec times[] = {node->stat.st_atim, node->stat.st_mtim};

	if (utimensat(node->to, node->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed("set the times of", node, err);
	return 0;
}

/* 0 where there are no flags. */
static int read_flags(int dir, const char *name, int *ret)
{
	CLEANUP_CLOSE int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);

	*ret = 0;
	if (fd < 0)
		return -1;
	return ioctl(fd, FS_IOC_GETFLAGS, ret) == 0 || errno == ENOTTY || errno == EOPNOTSUPP ? 0
											      : -1;
}

/* Setting the owner takes set-id bits and capabilities away, so it comes first; an ACL changes the
 * mode's group bits, so it comes before the mode. */
int node_describe(struct node *node, struct error *err)
{
	const struct stat *stat = &node->stat;
	bool has_flags = S_ISREG(stat->st_mode) || S_ISDIR(stat->st_mode);

	if (fchownat(node->to, node->name, stat->st_uid, stat->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed("set the owner of", node, err);
	if (each_attribute(node, node->from, copy_attribute, err) < 0)
		return -1;
	if (!S_ISLNK(stat->st_mode) && fchmodat(node->to, node->name, stat->st_mode & 07777, 0) < 0)
		return failed("set the mode of", node, err);
	if (node_set_times(node, err) < 0)
		return -1;
	if (has_flags && read_flags(node->from, node->name, &node->flags) < 0)
		return failed("read the flags of", node, err);
	node->flags &= KEPT_FLAGS;
	return 0;
}

int node_redescribe(struct node *node, struct error *err)
{
	if (each_attribute(node, node->to, drop_attribute, err) < 0)
		return -1;
	return node_describe(node, err);
}

int node_set_flags(int dir, const char *name, int flags, struct error *err)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int now;

	/* devices and links have none */
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &now) < 0)
		return flags ? error_os(err, ERROR_HOST, errno, "read the flags of %s", name) : 0;
	if ((now & KEPT_FLAGS) == flags)
		return 0;
	now = (now & ~KEPT_FLAGS) | flags;
	return ioctl(fd, FS_IOC_SETFLAGS, &now) < 0
		       ? error_os(err, ERROR_HOST, errno, "set the flags of %s", name)
		       : 0;
}
