/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/view.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "run/capture_format.h"
#include "run/inodes.h"

enum { PIECE = 4 << 20, ACL_USER_TAG = 0x02, ACL_GROUP_TAG = 0x08 };

struct measuring {
	const struct monitor *monitor;
	struct inodes *seen;
	struct view_size size;
};

static int measure_node(void *opaque, const char *path, const struct tree_node *node,
			struct error *err)
{
	struct measuring *measuring = opaque;

	if (monitor_check(measuring->monitor, err) < 0)
		return -1;
	if (node->stat.uid >= VIEW_IDS || node->stat.gid >= VIEW_IDS)
		return error_set(err, ERROR_HOST,
				 "%s belongs to %u:%u, and the sandbox has ids below %u only; use "
				 "--executor appliance",
				 path, node->stat.uid, node->stat.gid, VIEW_IDS);
	measuring->size.nodes++;
	if (S_ISREG(node->stat.mode) && node->stat.nlink > 1 &&
	    inodes_find_or_add(measuring->seen, node->mount, node->ino, path))
		return 0;
	measuring->size.bytes += node->stat.blocks * 512;
	return 0;
}

int view_measure(struct tree *tree, const struct monitor *monitor, struct view_size *ret,
		 struct error *err)
{
	CLEANUP(inodes_free)
	struct inodes *seen = inodes_new();
	struct measuring measuring = {.monitor = monitor, .seen = seen};

	if (tree_walk(tree, "/", measure_node, &measuring, err) < 0)
		return -1;
	*ret = measuring.size;
	return 0;
}

/* Finished last: what is made in a directory would inherit its default ACL and its flags, and
 * change its times. */
struct directory {
	char *path;
	struct tree_node node;
};

struct copying {
	int root;
	uint32_t base;
	const struct monitor *monitor;
	struct inodes *links;
	struct directory *directories;
	size_t n_directories;
	unsigned char *piece;
	uint64_t done, total;
};

static const char *relative(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int failed(const char *what, const char *path, struct error *err)
{
	return error_os(err, ERROR_HOST, errno, "%s %s in the view", what, path);
}

/* A node of the view; `file` is open for a regular one that was just made, else -1.  It saves
 * looking the path up for each thing that is set. */
struct subject {
	const char *path;
	int file;
};

static int set_times(const struct copying *copying, const struct subject *subject,
		     const struct fs_stat *stat, struct error *err)
{
	const struct timespec times[2] = {{stat->atime.sec, stat->atime.nsec},
					  {stat->mtime.sec, stat->mtime.nsec}};
	int outcome = subject->file >= 0 ? futimens(subject->file, times)
					 : utimensat(copying->root, relative(subject->path), times,
						     AT_SYMLINK_NOFOLLOW);

	return outcome < 0 ? failed("set the times of", subject->path, err) : 0;
}

/* version 2: u32 version, then u16 tag, u16 permissions, u32 id per entry; little-endian. */
static void shift_acl(unsigned char *value, size_t size, uint32_t base)
{
	for (size_t at = sizeof(struct posix_acl_xattr_header);
	     at + sizeof(struct posix_acl_xattr_entry) <= size;
	     at += sizeof(struct posix_acl_xattr_entry)) {
		struct posix_acl_xattr_entry entry;

		memcpy(&entry, value + at, sizeof entry);
		if (le16toh(entry.e_tag) != ACL_USER_TAG && le16toh(entry.e_tag) != ACL_GROUP_TAG)
			continue;
		entry.e_id = htole32(le32toh(entry.e_id) + base);
		memcpy(value + at, &entry, sizeof entry);
	}
}

/* A capability of the namespace's root: version 3 with that root named.  Size of *ret, 0 when it is
 * none that we know. */
static size_t shift_capability(const struct fs_xattr *xattr, uint32_t base,
			       struct vfs_ns_cap_data *ret)
{
	uint32_t magic, root = 0;

	if (xattr->size < XATTR_CAPS_SZ_2)
		return 0;
	memset(ret, 0, sizeof *ret);
	memcpy(ret, xattr->value, xattr->size < sizeof *ret ? xattr->size : sizeof *ret);
	magic = le32toh(ret->magic_etc);
	if ((magic & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_3 && xattr->size >= sizeof *ret)
		root = le32toh(ret->rootid);
	ret->magic_etc = htole32(VFS_CAP_REVISION_3 | (magic & VFS_CAP_FLAGS_EFFECTIVE));
	ret->rootid = htole32(base + root);
	return sizeof *ret;
}

/* O_PATH descriptors take no xattr calls, so names go through /proc; the view is ours alone and
 * holds no symlink under this name. */
static int set_xattr(const struct copying *copying, const struct subject *subject,
		     const struct fs_xattr *xattr, struct error *err)
{
	CLEANUP_FREE char *name =
		xasprintf("/proc/self/fd/%d/%s", copying->root, relative(subject->path));
	CLEANUP_FREE unsigned char *value = xmemdup(xattr->value, xattr->size + (xattr->size == 0));
	struct vfs_ns_cap_data capability;
	const void *data = value;
	size_t size = xattr->size;

	if (strcmp(xattr->name, "security.capability") == 0) {
		size = shift_capability(xattr, copying->base, &capability);
		data = &capability;
	} else if (strncmp(xattr->name, "system.posix_acl_", 17) == 0) {
		shift_acl(value, size, copying->base);
	} else if (strncmp(xattr->name, "user.", 5) != 0) {
		return 0;
	}
	if (lsetxattr(name, xattr->name, data, size, 0) < 0)
		return error_os(err, ERROR_HOST, errno, "set %s of %s in the view", xattr->name,
				subject->path);
	return 0;
}

static int copy_xattrs(const struct copying *copying, const struct subject *subject,
		       const struct tree_node *node, struct error *err)
{
	struct fs_xattrs xattrs = {0};
	int outcome = 0;

	if (!S_ISREG(node->stat.mode) && !S_ISDIR(node->stat.mode))
		return 0;
	if (fs_read_xattrs(node->fs, node->ino, &xattrs, err) < 0)
		return error_prefix(err, "%s", subject->path);
	for (size_t i = 0; outcome == 0 && i < xattrs.n_items; i++)
		outcome = set_xattr(copying, subject, &xattrs.items[i], err);
	fs_xattrs_free(&xattrs);
	return outcome;
}

/* Owner first: changing it takes set-id bits and capabilities away. */
static int set_owner_and_mode(const struct copying *copying, const struct subject *subject,
			      const struct fs_stat *stat, struct error *err)
{
	uid_t uid = stat->uid + copying->base;
	gid_t gid = stat->gid + copying->base;
	const char *name = relative(subject->path);
	int file = subject->file;

	if ((file >= 0 ? fchown(file, uid, gid)
		       : fchownat(copying->root, name, uid, gid, AT_SYMLINK_NOFOLLOW)) < 0)
		return failed("set the owner of", subject->path, err);
	if (S_ISLNK(stat->mode))
		return 0;
	if ((file >= 0 ? fchmod(file, stat->mode & 07777)
		       : fchmodat(copying->root, name, stat->mode & 07777, 0)) < 0)
		return failed("set the mode of", subject->path, err);
	return 0;
}

static int set_metadata(struct copying *copying, const struct subject *subject,
			const struct tree_node *node, struct error *err)
{
	if (set_owner_and_mode(copying, subject, &node->stat, err) < 0)
		return -1;
	if (S_ISDIR(node->stat.mode)) {
		*ARRAY_ADD(copying->directories, copying->n_directories) =
			(struct directory){.path = xstrdup(subject->path), .node = *node};
		return 0;
	}
	if (copy_xattrs(copying, subject, node, err) < 0)
		return -1;
	return set_times(copying, subject, &node->stat, err);
}

static int copy_extent(const struct copying *copying, const struct tree_node *node, int file,
		       uint64_t start, uint64_t end, struct error *err)
{
	while (start < end) {
		size_t want = end - start < PIECE ? (size_t)(end - start) : PIECE;
		ssize_t n = fs_read(node->fs, node->ino, copying->piece, want, start, err);

		if (n < 0)
			return -1;
		if (n == 0)
			return error_set(err, ERROR_IMAGE, "it ends before its size");
		if (pwrite(file, copying->piece, (size_t)n, (off_t)start) != n)
			return error_os(err, ERROR_HOST, errno ? errno : ENOSPC,
					"write to the view");
		start += (uint64_t)n;
	}
	return 0;
}

static int copy_content(const struct copying *copying, const struct tree_node *node, int file,
			struct error *err)
{
	uint64_t at = 0, written = 0;

	while (at < node->stat.size) {
		uint64_t start, end;

		if (fs_next_data(node->fs, node->ino, at, &start, &end, err) < 0)
			return -1;
		if (start >= node->stat.size)
			break;
		if (end > node->stat.size)
			end = node->stat.size;
		if (copy_extent(copying, node, file, start, end, err) < 0)
			return -1;
		at = written = end;
	}
	if (written < node->stat.size && ftruncate(file, (off_t)node->stat.size) < 0)
		return error_os(err, ERROR_HOST, errno, "set its size");
	return 0;
}

static int copy_file(const struct copying *copying, const char *path, const struct tree_node *node,
		     int *ret_file, struct error *err)
{
	*ret_file = openat(copying->root, relative(path),
			   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret_file < 0)
		return failed("make", path, err);
	if (node->stat.size > 0 && copy_content(copying, node, *ret_file, err) < 0)
		return error_prefix(err, "copy %s", path);
	return 0;
}

static int copy_link(const struct copying *copying, const char *path, const struct tree_node *node,
		     struct error *err)
{
	CLEANUP_FREE char *target = fs_read_link(node->fs, node->ino, err);

	if (!target)
		return error_prefix(err, "%s", path);
	if (symlinkat(target, copying->root, relative(path)) < 0)
		return failed("make the link", path, err);
	return 0;
}

static int make_node(const struct copying *copying, const char *path, const struct tree_node *node,
		     int *ret_file, struct error *err)
{
	const struct fs_stat *stat = &node->stat;

	if (S_ISREG(stat->mode))
		return copy_file(copying, path, node, ret_file, err);
	if (S_ISLNK(stat->mode))
		return copy_link(copying, path, node, err);
	if (S_ISDIR(stat->mode)
		    ? strcmp(path, "/") != 0 && mkdirat(copying->root, relative(path), 0700) < 0
		    : mknodat(copying->root, relative(path), stat->mode & S_IFMT,
			      makedev(stat->rdev_major, stat->rdev_minor)) < 0)
		return failed("make", path, err);
	return 0;
}

static int copy_node(void *opaque, const char *path, const struct tree_node *node,
		     struct error *err)
{
	struct copying *copying = opaque;
	CLEANUP_CLOSE int file = -1;
	const char *first = NULL;

	if (monitor_check(copying->monitor, err) < 0)
		return -1;
	if (strlen(path) >= PATH_MAX)
		return error_set(err, ERROR_HOST,
				 "a path is longer than %d bytes; use --executor appliance: %s",
				 PATH_MAX - 1, path);
	if (!S_ISDIR(node->stat.mode) && node->stat.nlink > 1)
		first = inodes_find_or_add(copying->links, node->mount, node->ino, path);
	if (first) {
		if (linkat(copying->root, relative(first), copying->root, relative(path), 0) < 0)
			return failed("link", path, err);
		return 0;
	}
	if (make_node(copying, path, node, &file, err) < 0 ||
	    set_metadata(copying, &(struct subject){path, file}, node, err) < 0)
		return -1;
	copying->done += node->stat.blocks * 512;
	monitor_progress(copying->monitor, "view", path, copying->done, copying->total);
	return 0;
}

static int set_flags(const struct copying *copying, const char *path, uint32_t flags,
		     struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	int now;

	if (!(flags & CAPTURE_INHERITED))
		return 0;
	fd = openat(copying->root, relative(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &now) < 0)
		return failed("read the flags of", path, err);
	now |= (int)(flags & CAPTURE_INHERITED);
	return ioctl(fd, FS_IOC_SETFLAGS, &now) < 0 ? failed("set the flags of", path, err) : 0;
}

static int finish_directories(struct copying *copying, struct error *err)
{
	for (size_t i = copying->n_directories; i-- > 0;) {
		const struct directory *d = &copying->directories[i];
		const struct subject subject = {d->path, -1};

		if (copy_xattrs(copying, &subject, &d->node, err) < 0 ||
		    set_flags(copying, d->path, d->node.stat.flags, err) < 0 ||
		    set_times(copying, &subject, &d->node.stat, err) < 0)
			return -1;
	}
	return 0;
}

static void copying_clear(struct copying *copying)
{
	for (size_t i = 0; i < copying->n_directories; i++)
		free(copying->directories[i].path);
	free(copying->directories);
	free(copying->piece);
	inodes_free(copying->links);
}

int view_copy(struct tree *tree, const char *directory, uint32_t base, uint64_t total_bytes,
	      const struct monitor *monitor, struct error *err)
{
	CLEANUP_CLOSE int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct copying copying = {
		.root = root, .base = base, .monitor = monitor, .total = total_bytes};
	int outcome;

	if (root < 0)
		return error_os(err, ERROR_HOST, errno, "open %s", directory);
	if (unlinkat(root, "lost+found", AT_REMOVEDIR) < 0 && errno != ENOENT)
		return failed("remove lost+found", "/", err);
	copying.links = inodes_new();
	copying.piece = xmalloc(PIECE);
	outcome = tree_walk(tree, "/", copy_node, &copying, err);
	if (outcome == 0)
		outcome = finish_directories(&copying, err);
	copying_clear(&copying);
	return outcome;
}
