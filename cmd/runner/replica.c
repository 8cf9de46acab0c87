/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flags that forbid changes are set when all else is done: an immutable file takes no second name,
 * an immutable directory no files.  A directory's times are set after what is in it.
 */
#include "replica.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "replica_node.h"

static int failed(const char *what, const char *path, struct error *err)
{
	return error_os(err, ERROR_HOST, errno, "%s %s", what, *path ? path : "/");
}

/* The directory that `path` is in; *ret_name is within `path`, "." for the root itself. */
static int open_parent(int root, const char *path, const char **ret_name, struct error *err)
{
	const char *slash = strrchr(path, '/');
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	CLEANUP_FREE char *parent = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
	int fd = (int)syscall(SYS_openat2, root, parent, &how, sizeof how);

	*ret_name = slash ? slash + 1 : *path ? path : ".";
	return fd < 0 ? failed("open the directory of", path, err) : fd;
}

/* The same name below both roots. */
struct pair {
	int from, to;
	const char *name;
};

static void pair_close(struct pair *pair)
{
	close_p(&pair->from);
	close_p(&pair->to);
}
#define CLEANUP_PAIR __attribute__((cleanup(pair_close)))

static int pair_open(const struct replica *replica, const char *path, struct pair *ret,
		     struct error *err)
{
	ret->from = open_parent(replica->from, path, &ret->name, err);
	ret->to = ret->from < 0 ? -1 : open_parent(replica->to, path, &ret->name, err);
	return ret->to < 0 ? -1 : 0;
}

/* A node to be made: the pair is of directories. */
static struct node node_of(struct replica *replica, const struct pair *pair, const char *path)
{
	if (!replica->piece)
		replica->piece = xmalloc(NODE_PIECE);
	return (struct node){.from = pair->from,
			     .to = pair->to,
			     .name = pair->name,
			     .path = path,
			     .aliases = replica->aliases,
			     .n_aliases = replica->n_aliases,
			     .piece = replica->piece};
}

struct link {
	ino_t ino;
	char *path;
};

/* The path at which the inode was made already, or NULL: then it is remembered with this one. */
static const char *find_or_add_link(struct replica *replica, ino_t ino, const char *path)
{
	size_t low = 0, high = replica->n_links;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (replica->links[middle].ino == ino)
			return replica->links[middle].path;
		if (replica->links[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	(void)ARRAY_ADD(replica->links, replica->n_links);
	memmove(&replica->links[low + 1], &replica->links[low],
		(replica->n_links - 1 - low) * sizeof *replica->links);
	replica->links[low] = (struct link){ino, xstrdup(path)};
	return NULL;
}

struct flagged {
	char *path;
	int flags;
};

static void note_flags(struct replica *replica, const struct node *node)
{
	if (node->flags)
		*ARRAY_ADD(replica->flagged, replica->n_flagged) =
			(struct flagged){xstrdup(node->path), node->flags};
}

static int copy_directory(struct replica *replica, int from, int to, struct error *err);

static int copy_below(struct replica *replica, const struct node *node, struct error *err)
{
	CLEANUP_CLOSE int from =
		openat(node->from, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_CLOSE int to =
		openat(node->to, node->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0 || to < 0)
		return failed("open", node->path, err);
	return copy_directory(replica, from, to, err);
}

static int copy_child(struct replica *replica, const struct pair *pair, struct error *err)
{
	struct node node = node_of(replica, pair, replica->path.data);
	const char *first = NULL;
	int descends;

	if (node_stat(&node, err) < 0)
		return -1;
	if (!S_ISDIR(node.stat.st_mode) && node.stat.st_nlink > 1)
		first = find_or_add_link(replica, node.stat.st_ino, node.path);
	if (first)
		return linkat(replica->to, first, pair->to, pair->name, 0) < 0
			       ? failed("link", node.path, err)
			       : 0;
	if (node_make(&node, err) < 0)
		return -1;
	descends = S_ISDIR(node.stat.st_mode) && node.stat.st_dev == replica->device;
	if (descends && copy_below(replica, &node, err) < 0)
		return -1;
	if (node_describe(&node, err) < 0)
		return -1;
	note_flags(replica, &node);
	return 0;
}

/* Owns nothing; the path is that of the directory. */
static int copy_directory(struct replica *replica, int from, int to, struct error *err)
{
	CLEANUP_CLOSE int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	size_t len = replica->path.len;
	const struct dirent *entry;
	int outcome = 0;

	if (!dir)
		return failed("read", replica->path.data, err);
	steal_fd(&again);
	while (outcome == 0 && (errno = 0, entry = readdir(dir))) {
		const struct pair pair = {from, to, entry->d_name};

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		buffer_printf(&replica->path, "%s%s", len ? "/" : "", entry->d_name);
		outcome = copy_child(replica, &pair, err);
		replica->path.len = len;
		replica->path.data[len] = '\0';
	}
	if (outcome == 0 && errno)
		outcome = failed("read", replica->path.data, err);
	closedir(dir);
	return outcome;
}

int replica_tree(struct replica *replica, struct error *err)
{
	const struct pair roots = {replica->from, replica->to, "."};
	struct node root = node_of(replica, &roots, "");

	buffer_puts(&replica->path, "");
	if (node_stat(&root, err) < 0)
		return -1;
	replica->device = root.stat.st_dev;
	if (copy_directory(replica, replica->from, replica->to, err) < 0 ||
	    node_describe(&root, err) < 0)
		return -1;
	note_flags(replica, &root);
	return replica_finish(replica, err);
}

int replica_node(struct replica *replica, const char *path, struct error *err)
{
	CLEANUP_PAIR struct pair pair = {-1, -1, NULL};
	struct node node;

	if (pair_open(replica, path, &pair, err) < 0)
		return -1;
	node = node_of(replica, &pair, path);
	if (node_stat(&node, err) < 0 || node_make(&node, err) < 0 || node_describe(&node, err) < 0)
		return -1;
	note_flags(replica, &node);
	return 0;
}

int replica_metadata(struct replica *replica, const char *path, struct error *err)
{
	CLEANUP_PAIR struct pair pair = {-1, -1, NULL};
	struct node node;

	if (pair_open(replica, path, &pair, err) < 0)
		return -1;
	node = node_of(replica, &pair, path);
	if (node_stat(&node, err) < 0 || node_redescribe(&node, err) < 0)
		return -1;
	*ARRAY_ADD(replica->flagged, replica->n_flagged) =
		(struct flagged){xstrdup(path), node.flags};
	return 0;
}

int replica_times(struct replica *replica, const char *path, struct error *err)
{
	CLEANUP_PAIR struct pair pair = {-1, -1, NULL};
	struct node node;

	if (pair_open(replica, path, &pair, err) < 0)
		return -1;
	node = node_of(replica, &pair, path);
	return node_stat(&node, err) < 0 ? -1 : node_set_times(&node, err);
}

int replica_link(struct replica *replica, const char *path, const char *first, struct error *err)
{
	CLEANUP_PAIR struct pair old = {-1, -1, NULL}, new = {-1, -1, NULL};

	old.to = open_parent(replica->to, first, &old.name, err);
	new.to = old.to < 0 ? -1 : open_parent(replica->to, path, &new.name, err);
	if (new.to < 0)
		return -1;
	return linkat(old.to, old.name, new.to, new.name, 0) < 0 ? failed("link", path, err) : 0;
}

static int remove_name(int dir, const char *name, const char *path, struct error *err);

/* Owns fd. */
static int remove_below(int fd, const char *path, struct error *err)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	int outcome = 0;

	if (!dir) {
		close(fd);
		return failed("read", path, err);
	}
	while (outcome == 0 && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			outcome = remove_name(fd, entry->d_name, path, err);
	closedir(dir);
	return outcome;
}

static int remove_name(int dir, const char *name, const char *path, struct error *err)
{
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return failed("remove", path, err);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || remove_below(fd, path, err) < 0)
		return fd < 0 ? failed("remove", path, err) : -1;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? failed("remove", path, err) : 0;
}

int replica_remove(struct replica *replica, const char *path, struct error *err)
{
	const char *name;
	CLEANUP_CLOSE int dir = open_parent(replica->to, path, &name, err);

	if (dir < 0)
		return err->os_errno == ENOENT || err->os_errno == ENOTDIR ? 0 : -1;
	return remove_name(dir, name, path, err);
}

int replica_finish(struct replica *replica, struct error *err)
{
	for (size_t i = 0; i < replica->n_flagged; i++) {
		const struct flagged *flagged = &replica->flagged[i];
		const char *name;
		CLEANUP_CLOSE int dir = open_parent(replica->to, flagged->path, &name, err);

		if (dir < 0 || node_set_flags(dir, name, flagged->flags, err) < 0)
			return -1;
	}
	return 0;
}

void replica_clear(struct replica *replica)
{
	for (size_t i = 0; i < replica->n_links; i++)
		free(replica->links[i].path);
	for (size_t i = 0; i < replica->n_flagged; i++)
		free(replica->flagged[i].path);
	free(replica->links);
	free(replica->flagged);
	free(replica->piece);
	buffer_free(&replica->path);
	close_p(&replica->from);
	close_p(&replica->to);
}
