/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Proves that the result is parent plus layer.  Three lists sorted by path are walked at once: what
 * the layer names must be as the layer says, with its content read back and digested;
 * what it does not name must be the parent's own inode with the parent's metadata.
 *
 * A squash writes the layers below once more.  What they name may have other inodes than in the
 * parent, where an overlay lies in between: there the parent's content is read and compared, too.
 * So it is on file systems that are read as copies, whose inodes are those of the copy.
 */
#include <string.h>
#include <sys/stat.h>

#include "commit/commit.h"
#include "commit/rewritten.h"
#include "commit/seen.h"
#include "layer/content.h"
#include "layer/entry.h"
#include "layer/listing.h"

struct layered {
	const struct layer_entry *entry;
	uint32_t n_names; /* of its inode, as the layer has them */
};

struct check {
	struct listing parent, result;
	struct layered *layered; /* sorted by path */
	size_t n_layered;
	struct commit_seen *seen;
	const struct commit_paths *rewritten;
	struct renumbered renumbered;
	const struct monitor *monitor;
};

static int differs(struct error *err, const char *path, const char *what)
{
	return error_set(err, ERROR_BUG, "after the commit %s has another %s than it should", path,
			 what);
}

/* Compares what both must have; NULL or the first difference in words. */
static const char *compare_stats(const struct fs_stat *want, const struct fs_stat *have)
{
	bool no_nanoseconds = have->btime.sec == 0 && have->btime.nsec == 0;

	if ((want->mode & S_IFMT) != (have->mode & S_IFMT))
		return "type";
	if (want->mode != have->mode)
		return "mode";
	if (want->uid != have->uid || want->gid != have->gid)
		return "owner";
	/* Inodes of 128 bytes hold neither birth time nor nanoseconds. */
	if (want->mtime.sec != have->mtime.sec ||
	    (want->mtime.nsec != have->mtime.nsec && !(no_nanoseconds && have->mtime.nsec == 0)))
		return "modification time";
	if (want->flags != have->flags)
		return "set of flags";
	if ((S_ISCHR(want->mode) || S_ISBLK(want->mode)) &&
	    (want->rdev_major != have->rdev_major || want->rdev_minor != have->rdev_minor))
		return "device number";
	return NULL;
}

static int compare_xattrs(const char *path, const struct fs_xattrs *want,
			  const struct listing_node *have, struct error *err)
{
	struct fs_xattrs xattrs = {0};
	bool equal;

	if (fs_read_xattrs(have->fs, have->stat.ino, &xattrs, err) < 0)
		return -1;
	equal = fs_xattrs_equal(want, &xattrs);
	fs_xattrs_free(&xattrs);
	return equal ? 0 : differs(err, path, "set of attributes");
}

static int compare_target(const char *path, const char *want, const struct listing_node *have,
			  struct error *err)
{
	CLEANUP_FREE char *target = listing_read_target(have, err);

	if (!target)
		return -1;
	return strcmp(target, want) == 0 ? 0 : differs(err, path, "link target");
}

static struct layered *find_layered(const struct check *check, const char *path)
{
	size_t low = 0, high = check->n_layered;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(check->layered[middle].entry->path, path);

		if (order == 0)
			return &check->layered[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* What is there, read as a whole; the layer names the digest of what should be. */
static int check_content(struct check *check, const struct layer_entry *entry, struct error *err)
{
	const struct listing_node *node = listing_find(&check->result, entry->path);
	struct digest digest;

	if (!node)
		return error_set(err, ERROR_BUG, "after the commit %s is missing", entry->path);
	if (!S_ISREG(node->stat.mode))
		return differs(err, entry->path, "type");
	if (node->stat.size != entry->stat.size)
		return differs(err, entry->path, "size");
	if (content_digest_file(node->fs, node->stat.ino, node->stat.size, &digest, err) < 0)
		return error_prefix(err, "%s", entry->path);
	if (!digest_equal(&digest, &entry->content))
		return differs(err, entry->path, "content");
	commit_seen_add_content(check->seen, node->mount, node->stat.ino, &digest);
	return 0;
}

/* A name on another file system than the first one is a file of its own. */
static bool on_one_mount(const struct check *check, const char *path, const char *first_path)
{
	const struct listing_node *node = listing_find(&check->result, path);
	const struct listing_node *first = listing_find(&check->result, first_path);

	return node && first && node->mount == first->mount;
}

static int load_entry(struct check *check, const struct layer_entry *entry, struct error *err)
{
	struct layered *new;

	monitor_progress(check->monitor, "check", entry->path, check->n_layered,
			 check->seen->n_entries);
	if (monitor_check(check->monitor, err) < 0)
		return -1;
	new = ARRAY_ADD(check->layered, check->n_layered);
	*new = (struct layered){entry, 1};
	if (entry->action == LAYER_LINK) {
		struct layered *first = find_layered(check, entry->target);

		if (!first || first->entry->action == LAYER_LINK ||
		    first->entry->action == LAYER_REMOVE || S_ISDIR(first->entry->stat.mode))
			return error_set(err, ERROR_TRUST, "%s links to what is not in the layer",
					 entry->path);
		first->n_names += on_one_mount(check, entry->path, entry->target);
	}
	if (entry->action == LAYER_REPLACE && S_ISREG(entry->stat.mode))
		return check_content(check, entry, err);
	return 0;
}

static int load_entries(struct check *check, struct error *err)
{
	for (size_t i = 0; i < check->seen->n_entries; i++)
		if (load_entry(check, &check->seen->entries[i], err) < 0)
			return -1;
	commit_seen_sort_contents(check->seen);
	return 0;
}

static int check_state(const struct layer_entry *entry, const char *path,
		       const struct listing_node *node, struct error *err)
{
	const char *difference = compare_stats(&entry->stat, &node->stat);

	if (difference)
		return differs(err, path, difference);
	if (compare_xattrs(path, &entry->xattrs, node, err) < 0)
		return -1;
	if (S_ISLNK(entry->stat.mode))
		return compare_target(path, entry->target, node, err);
	return 0;
}

static int check_copy(const struct listing_node *first, const struct listing_node *node,
		      struct error *err)
{
	struct content a = {.size = first->stat.size, .fs = first->fs, .ino = first->stat.ino};
	struct content b = {.size = node->stat.size, .fs = node->fs, .ino = node->stat.ino};
	int equal = content_equal(&a, &b, err);

	if (equal < 0)
		return -1;
	return equal ? 0 : differs(err, node->path, "content");
}

static int check_link(const struct check *check, const struct layered *layered,
		      const struct listing_node *node, struct error *err)
{
	const char *path = layered->entry->path, *target = layered->entry->target;
	const struct listing_node *first = listing_find(&check->result, target);

	if (!first)
		return error_set(err, ERROR_BUG, "after the commit %s is missing", target);
	if (first->mount == node->mount)
		return first->stat.ino == node->stat.ino ? 0 : differs(err, path, "inode");
	if (check_state(find_layered(check, target)->entry, path, node, err) < 0)
		return -1;
	return S_ISREG(node->stat.mode) ? check_copy(first, node, err) : 0;
}

static int check_layered(const struct check *check, const struct layered *layered,
			 const struct listing_node *node, struct error *err)
{
	const struct layer_entry *entry = layered->entry;

	if (entry->action == LAYER_REMOVE)
		return error_set(err, ERROR_BUG, "after the commit %s is still there", entry->path);
	if (entry->action == LAYER_LINK)
		return check_link(check, layered, node, err);
	if (!S_ISDIR(node->stat.mode) && node->stat.nlink != layered->n_names)
		return differs(err, entry->path, "number of names");
	return check_state(entry, entry->path, node, err);
}

static int compare_own_xattrs(const struct listing_node *was, const struct listing_node *is,
			      struct error *err)
{
	struct fs_xattrs xattrs = {0};
	int status;

	if (fs_read_xattrs(was->fs, was->stat.ino, &xattrs, err) < 0)
		return -1;
	status = compare_xattrs(was->path, &xattrs, is, err);
	fs_xattrs_free(&xattrs);
	return status;
}

static int check_rewritten(struct check *check, const struct listing_node *was,
			   const struct listing_node *is, struct error *err)
{
	CLEANUP_FREE char *target = NULL;

	if (monitor_check(check->monitor, err) < 0)
		return -1;
	if (S_ISLNK(was->stat.mode)) {
		target = listing_read_target(was, err);
		return target ? compare_target(was->path, target, is, err) : -1;
	}
	return S_ISREG(was->stat.mode) ? check_copy(was, is, err) : 0;
}

/* Numbers of inodes are those of the copy.  An image is read through one whose journal must be
 * replayed; of the result, where that was done, the file system itself is read. */
static bool one_is_copy(const struct listing_node *was, const struct listing_node *is)
{
	return fs_is_copy(was->fs) || fs_is_copy(is->fs);
}

static int check_untouched(struct check *check, const struct listing_node *was,
			   const struct listing_node *is, struct error *err)
{
	const char *difference = compare_stats(&was->stat, &is->stat);
	bool rewritten = one_is_copy(was, is) || commit_paths_has(check->rewritten, is->path);
	bool directory = S_ISDIR(was->stat.mode);

	if (was->mount != is->mount || (!rewritten && was->stat.ino != is->stat.ino))
		difference = "inode";
	else if (!directory && was->stat.size != is->stat.size)
		difference = "size";
	else if (!directory && !rewritten && was->stat.blocks != is->stat.blocks)
		difference = "number of blocks";
	else if (!directory && rewritten && was->stat.nlink != is->stat.nlink)
		difference = "number of names";
	if (difference)
		return differs(err, was->path, difference);
	if ((check->rewritten || one_is_copy(was, is)) && !directory && is->stat.nlink > 1)
		renumbered_add(&check->renumbered, was, is);
	if (rewritten && check_rewritten(check, was, is, err) < 0)
		return -1;
	return compare_own_xattrs(was, is, err);
}

/* Did the layer take the old content of a directory above `path` away? */
static bool is_below_removed(const struct check *check, const char *path)
{
	CLEANUP_FREE char *above = xstrdup(path);
	char *slash;

	while ((slash = strrchr(above, '/')) && slash != above) {
		const struct layered *layered;

		*slash = '\0';
		layered = find_layered(check, above);
		if (!layered)
			continue;
		if (layered->entry->action == LAYER_REMOVE ||
		    layered->entry->action == LAYER_LINK || layered->entry->opaque ||
		    (layered->entry->action == LAYER_REPLACE &&
		     !S_ISDIR(layered->entry->stat.mode)))
			return true;
	}
	return false;
}

static int check_result_node(struct check *check, const struct listing_node *node,
			     struct error *err)
{
	const struct layered *layered = find_layered(check, node->path);
	const struct listing_node *was = listing_find(&check->parent, node->path);

	if (layered)
		return check_layered(check, layered, node, err);
	if (!was || is_below_removed(check, node->path))
		return error_set(err, ERROR_BUG, "after the commit there is %s, which nobody made",
				 node->path);
	return check_untouched(check, was, node, err);
}

/* Everything that is there, then everything that should be. */
static int check_all(struct check *check, struct error *err)
{
	const char *torn;

	for (size_t i = 0; i < check->result.n_nodes; i++)
		if (check_result_node(check, &check->result.nodes[i], err) < 0)
			return -1;
	for (size_t i = 0; i < check->n_layered; i++) {
		const struct layer_entry *entry = check->layered[i].entry;

		if (entry->action != LAYER_REMOVE && !listing_find(&check->result, entry->path))
			return error_set(err, ERROR_BUG, "after the commit %s is missing",
					 entry->path);
	}
	for (size_t i = 0; i < check->parent.n_nodes; i++) {
		const char *path = check->parent.nodes[i].path;

		if (!find_layered(check, path) && !listing_find(&check->result, path) &&
		    !is_below_removed(check, path))
			return error_set(err, ERROR_BUG, "after the commit %s is missing", path);
	}
	torn = renumbered_torn(&check->renumbered);
	return torn ? differs(err, torn, "inode") : 0;
}

static int run_check(struct check *check, struct tree *parent, struct tree *result,
		     struct error *err)
{
	if (listing_read(&check->parent, parent, err) < 0 ||
	    listing_read(&check->result, result, err) < 0 || load_entries(check, err) < 0)
		return -1;
	return check_all(check, err);
}

int commit_check_tree(const struct commit_comparison *comparison, struct commit_seen *seen,
		      struct error *err)
{
	struct check check = {
		.seen = seen, .rewritten = comparison->rewritten, .monitor = comparison->monitor};
	int status = run_check(&check, comparison->parent, comparison->result, err);

	free(check.layered);
	renumbered_free(&check.renumbered);
	listing_clear(&check.parent);
	listing_clear(&check.result);
	return status;
}
