/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy-in: {"volumes", "trees": [{"volume", "part", "directory"}...], "source", "changes": PATH}
 *
 * Makes each tree what its directory below "source" is, as far as the changes say.  They are a file
 * of strings that each end with a NUL, in the order in which they were made:
 *
 *     "node" TREE PATH           is a new one; what was there goes
 *     "metadata" TREE PATH       has other metadata
 *     "link" TREE PATH FIRST     is another name of what is at FIRST
 *     "gone" TREE PATH
 *
 * A tree without changes has no directory (null).  TREE is an index of "trees" in decimal, PATH is
 * relative to its root, "" for the root itself. A change may have been overtaken by a later one:
 * what is not in the source any more is left out.
 *
 * Where names that differ by case alone are one ("limited", which has no links either), all that
 * goes does so first: what is brought under the other spelling would go with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "replica.h"
#include "volume.h"

enum { CHANGES_LIMIT = 1 << 30 };

struct tree_in {
	size_t volume;
	char *target;
	struct replica replica;
	char **directories; /* whose times are set at the end */
	size_t n_directories;
};

struct in {
	struct volumes volumes;
	const char *source;
	struct tree_in *trees;
	size_t n_trees;
};

static int open_tree_in(struct json_reader *item, void *opaque)
{
	struct in *in = opaque;
	struct tree_in *tree = ARRAY_ADD(in->trees, in->n_trees);
	CLEANUP_FREE char *part = NULL, *directory = NULL, *source = NULL;
	const struct volume_type *type;
	uint64_t volume = 0;

	tree->replica.from = tree->replica.to = -1;
	json_get_u64(item, "volume", &volume);
	json_get_nullable_bytes(item, "part", &part);
	json_get_optional_string(item, "directory", &directory);
	if (json_reader_result(item) < 0)
		return -1;
	if (!directory)
		return 0;
	tree->volume = (size_t)volume;
	type = &in->volumes.types[volume];
	tree->replica.aliases = (const char *const *)type->aliases;
	tree->replica.n_aliases = type->n_aliases;
	tree->target = xasprintf("/target.%zu", in->n_trees - 1);
	source = xasprintf("%s/%s", in->source, directory);
	if (volume_mount(&in->volumes, tree->volume, part, true, tree->target, item->err) < 0)
		return -1;
	tree->replica.from = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tree->replica.to = open(tree->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree->replica.from < 0 || tree->replica.to < 0)
		return error_os(item->err, ERROR_HOST, errno, "%s", source);
	return 0;
}

static bool is_in_source(const struct tree_in *tree, const char *path, bool *ret_directory)
{
	struct stat st;

	if (fstatat(tree->replica.from, *path ? path : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*ret_directory = S_ISDIR(st.st_mode);
	return true;
}

static void note_directory(struct tree_in *tree, const char *path, size_t len)
{
	char *directory = xstrndup(path, len);

	if (tree->n_directories &&
	    strcmp(tree->directories[tree->n_directories - 1], directory) == 0) {
		free(directory);
		return;
	}
	*ARRAY_ADD(tree->directories, tree->n_directories) = directory;
}

static void note_parent(struct tree_in *tree, const char *path)
{
	const char *slash = strrchr(path, '/');

	note_directory(tree, path, slash ? (size_t)(slash - path) : 0);
}

struct change {
	const char *kind, *path, *first;
	struct tree_in *tree;
	bool limited;
};

enum round { REMOVALS, THE_REST };

static bool is_of_round(const struct change *change, enum round round)
{
	bool directory;

	if (!change->limited)
		return round == THE_REST;
	return is_in_source(change->tree, change->path, &directory) == (round == THE_REST);
}

static int make_change(const struct change *change, struct error *err)
{
	struct tree_in *tree = change->tree;
	bool directory = false, there = is_in_source(tree, change->path, &directory);

	if (directory)
		note_directory(tree, change->path, strlen(change->path));
	if (strcmp(change->kind, "metadata") == 0)
		return there ? replica_metadata(&tree->replica, change->path, err) : 0;
	note_parent(tree, change->path);
	if (replica_remove(&tree->replica, change->path, err) < 0)
		return -1;
	if (!there || strcmp(change->kind, "gone") == 0)
		return 0;
	if (strcmp(change->kind, "link") == 0)
		return replica_link(&tree->replica, change->path, change->first, err);
	return replica_node(&tree->replica, change->path, err);
}

/* The next string of the file, NULL at its end. */
static const char *next(const struct buffer *text, size_t *at)
{
	const char *string = text->data + *at;

	if (*at >= text->len)
		return NULL;
	*at += strlen(string) + 1;
	return string;
}

static int make_changes(struct in *in, const struct buffer *text, enum round round,
			struct error *err)
{
	size_t at = 0;

	while (at < text->len) {
		const char *kind = next(text, &at), *number = next(text, &at);
		size_t tree = number ? strtoul(number, NULL, 10) : in->n_trees;
		struct change change = {.kind = kind, .path = next(text, &at)};

		if (tree >= in->n_trees || !in->trees[tree].target || !change.path)
			return error_set(err, ERROR_BUG, "the changes end in the middle");
		change.tree = &in->trees[tree];
		if (strcmp(kind, "link") == 0 && !(change.first = next(text, &at)))
			return error_set(err, ERROR_BUG, "the changes end in the middle");
		change.limited = in->volumes.types[change.tree->volume].limited;
		if (is_of_round(&change, round) && make_change(&change, err) < 0)
			return error_prefix(
				err, "%s",
				in->volumes.guest->filesystems[change.tree->volume].type);
	}
	return 0;
}

/* The deepest first; a directory may have gone again. */
static int finish_directories(struct tree_in *tree, struct error *err)
{
	bool directory;

	for (size_t i = tree->n_directories; i-- > 0;)
		if (is_in_source(tree, tree->directories[i], &directory) && directory &&
		    replica_times(&tree->replica, tree->directories[i], err) < 0)
			return -1;
	return 0;
}

static void tree_in_close(struct tree_in *tree)
{
	replica_clear(&tree->replica);
	for (size_t i = 0; i < tree->n_directories; i++)
		free(tree->directories[i]);
	free(tree->directories);
}

/* What the kernel could not write shows in one of the two. */
static int finish_tree(const struct in *in, struct tree_in *tree, struct error *err)
{
	CLEANUP_CLOSE int device = open(in->volumes.devices[tree->volume], O_RDWR | O_CLOEXEC);

	if (finish_directories(tree, err) < 0 || replica_finish(&tree->replica, err) < 0)
		return -1;
	if (device < 0 || syncfs(tree->replica.to) < 0)
		return error_os(err, ERROR_HOST, errno, "write %s",
				in->volumes.guest->filesystems[tree->volume].type);
	tree_in_close(tree);
	tree->replica = (struct replica){.from = -1, .to = -1};
	tree->directories = NULL;
	tree->n_directories = 0;
	if (volume_unmount(tree->target, err) < 0)
		return -1;
	return fsync(device) < 0 ? error_os(err, ERROR_HOST, errno, "write %s",
					    in->volumes.guest->filesystems[tree->volume].type)
				 : 0;
}

static int read_changes(const char *path, struct buffer *ret, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && ret->len < CHANGES_LIMIT) {
		n = read(fd, buffer_reserve(ret, 1 << 16), 1 << 16);
		if (n > 0)
			ret->len += (size_t)n;
	}
	if (fd < 0 || n < 0)
		return error_os(err, ERROR_HOST, errno, "%s", path);
	buffer_reserve(ret, 1);
	ret->data[ret->len] = '\0';
	return 0;
}

static int copy(struct in *in, const json_t *job, struct error *err)
{
	struct json_reader reader = {job, "the job", ERROR_BUG, err, false};
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FREE char *changes = NULL;

	json_get_string(&reader, "changes", &changes);
	if (json_reader_result(&reader) < 0 || volumes_read(job, &in->volumes, err) < 0 ||
	    json_get_items(&reader, "trees", open_tree_in, in) < 0 ||
	    read_changes(changes, &text, err) < 0 || make_changes(in, &text, REMOVALS, err) < 0 ||
	    make_changes(in, &text, THE_REST, err) < 0)
		return -1;
	for (size_t i = 0; i < in->n_trees; i++)
		if (in->trees[i].target && finish_tree(in, &in->trees[i], err) < 0)
			return -1;
	return 0;
}

int copy_in(const json_t *job, struct error *err)
{
	struct in in = {.source = json_string_value(json_object_get(job, "source"))};
	int status = copy(&in, job, err);

	for (size_t i = 0; i < in.n_trees; i++) {
		tree_in_close(&in.trees[i]);
		free(in.trees[i].target);
	}
	free(in.trees);
	volumes_free(&in.volumes);
	return status;
}
