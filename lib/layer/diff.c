/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unit of comparison is the inode with all its names.  It is left out of the layer when every
 * name already stands for one and the same inode of the guest that has this state, and no name of
 * that inode went to another one.  Otherwise all names are in: the first by path carries the state,
 * the others are links to it.
 *
 * A directory that was removed and made anew under its name is opaque: everything below it is in
 * the layer, whatever the guest had there.
 */
#include "layer/diff.h"

#include <string.h>
#include <sys/stat.h>

#include "layer/view.h"

struct differ {
	const struct listing *before;
	struct view *view;
	const struct monitor *monitor;
	struct diff *diff;
};

void diff_free(struct diff *diff)
{
	if (!diff)
		return;
	for (size_t i = 0; i < diff->n_changes; i++)
		layer_entry_clear(&diff->changes[i].entry);
	free(diff->changes);
	free(diff);
}

/* 1, 0 or -1.  Sizes of directories are the file system's own business. */
static int states_equal(const struct state *a, const struct state *b, struct error *err)
{
	const struct fs_stat *x = &a->stat, *y = &b->stat;

	if (x->mode != y->mode || x->uid != y->uid || x->gid != y->gid ||
	    x->mtime.sec != y->mtime.sec || x->mtime.nsec != y->mtime.nsec || x->flags != y->flags)
		return 0;
	if ((S_ISCHR(x->mode) || S_ISBLK(x->mode)) &&
	    (x->rdev_major != y->rdev_major || x->rdev_minor != y->rdev_minor))
		return 0;
	if (a->target && strcmp(a->target, b->target) != 0)
		return 0;
	if (!fs_xattrs_equal(&a->xattrs, &b->xattrs))
		return 0;
	return S_ISREG(x->mode) ? content_equal(&a->content, &b->content, err) : 1;
}

/* Type and content alone: may METADATA stand for the difference? */
static int payloads_equal(const struct state *a, const struct state *b, struct error *err)
{
	if ((a->stat.mode & S_IFMT) != (b->stat.mode & S_IFMT))
		return 0;
	if (S_ISREG(a->stat.mode))
		return content_equal(&a->content, &b->content, err);
	if (S_ISLNK(a->stat.mode))
		return strcmp(a->target, b->target) == 0;
	return a->stat.rdev_major == b->stat.rdev_major && a->stat.rdev_minor == b->stat.rdev_minor;
}

/* Do all names of the inode stand for one inode of the guest?  NULL when not. */
static const struct listing_node *common_inode(const struct view_node *first)
{
	for (const struct view_node *node = first; node; node = node->next_link)
		if (!node->here || (node != first && !listing_same_inode(node->here, first->here)))
			return NULL;
	return first->here;
}

static size_t count_names(const struct view_node *first)
{
	size_t n = 0;

	for (; first; first = first->next_link)
		n++;
	return n;
}

/* Below a directory that replaces the old one. */
static bool is_forced(const struct view_node *first)
{
	for (const struct view_node *node = first; node; node = node->next_link)
		for (const struct view_node *above = node->parent; above; above = above->parent)
			if (above->opaque)
				return true;
	return false;
}

/* Is the guest's inode `here` this one's alone to be left in place? */
static bool may_stay(const struct view_node *first, const struct listing_node *here)
{
	if (!here || is_forced(first))
		return false;
	if (S_ISDIR(first->mode) || listing_same_inode(first->origin, here))
		return true;
	return here->stat.nlink == count_names(first);
}

static bool is_plainly_untouched(const struct view_node *first, const struct listing_node *here)
{
	return !first->captured->touched && listing_same_inode(first->origin, here);
}

/* 1 when the inode is in the guest as it is in the view. */
static int is_unchanged(const struct view *view, const struct view_node *first,
			const struct listing_node *here, struct error *err)
{
	struct state old = {0}, new = {0};
	int equal = -1;

	if (!may_stay(first, here))
		return 0;
	if (is_plainly_untouched(first, here))
		return 1;
	if (state_of_before(here, &old, err) == 0 && state_of_view(view, first, &new, err) == 0)
		equal = states_equal(&old, &new, err);
	state_clear(&old);
	state_clear(&new);
	return equal;
}

static bool has_mount_below(const struct listing *before, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < before->n_nodes; i++) {
		const struct listing_node *node = &before->nodes[i];

		if (node->mount_root && strncmp(node->path, path, len) == 0 &&
		    (node->path[len] == '/' || path[1] == '\0'))
			return true;
	}
	return false;
}

static bool is_remade_directory(const struct differ *differ, const struct view_node *node)
{
	return S_ISDIR(node->mode) && node->here && S_ISDIR(node->here->stat.mode) &&
	       !listing_same_inode(node->origin, node->here) && !node->here->mount_root &&
	       !has_mount_below(differ->before, node->here->path);
}

/* Parents come first in the order of paths, so that `opaque` of all above is known. */
static int mark_changes(struct differ *differ, struct error *err)
{
	struct view *view = differ->view;

	for (size_t i = 0; i < view->n_nodes; i++) {
		struct view_node *node = &view->nodes[i];
		int unchanged;

		if (!S_ISDIR(node->mode))
			continue;
		unchanged = is_unchanged(view, node, node->here, err);
		if (unchanged < 0)
			return -1;
		node->changed = !unchanged;
		node->opaque = node->changed && is_remade_directory(differ, node);
	}
	for (size_t i = 0; i < view->n_nodes; i++) {
		struct view_node *node = &view->nodes[i];
		int unchanged;

		if (S_ISDIR(node->mode) || node->first != node)
			continue;
		unchanged = is_unchanged(view, node, common_inode(node), err);
		if (unchanged < 0 || monitor_check(differ->monitor, err) < 0)
			return -1;
		node->changed = !unchanged;
	}
	return 0;
}

static struct change *add_change(struct differ *differ, const char *path, enum layer_action action)
{
	struct change *change = ARRAY_ADD(differ->diff->changes, differ->diff->n_changes);

	change->entry.path = xstrdup(path);
	change->entry.action = action;
	return change;
}

/* Only what a layer keeps: the rest is the file system's own. */
static struct fs_stat layer_stat(const struct fs_stat *stat)
{
	struct fs_stat kept = {
		.mode = stat->mode,
		.uid = stat->uid,
		.gid = stat->gid,
		.mtime = stat->mtime,
		.flags = stat->flags,
	};

	if (S_ISCHR(stat->mode) || S_ISBLK(stat->mode)) {
		kept.rdev_major = stat->rdev_major;
		kept.rdev_minor = stat->rdev_minor;
	}
	if (S_ISREG(stat->mode) || S_ISLNK(stat->mode))
		kept.size = stat->size;
	return kept;
}

/* METADATA when the path's own inode stays and keeps its content. */
static int choose_action(const struct view_node *node, const struct state *state,
			 enum layer_action *ret, struct error *err)
{
	struct state old = {0};
	int equal;

	*ret = LAYER_REPLACE;
	if (!node->here || !listing_same_inode(node->origin, node->here) || is_forced(node))
		return 0;
	if (state_of_before(node->here, &old, err) < 0)
		return -1;
	equal = payloads_equal(&old, state, err);
	state_clear(&old);
	if (equal > 0)
		*ret = LAYER_METADATA;
	return equal < 0 ? -1 : 0;
}

static int emit_state(struct differ *differ, const struct view_node *node, struct error *err)
{
	enum layer_action action;
	struct state state = {0};
	struct change *change;

	if (state_of_view(differ->view, node, &state, err) < 0)
		return -1;
	if (choose_action(node, &state, &action, err) < 0) {
		state_clear(&state);
		return -1;
	}
	change = add_change(differ, node->captured->path, action);
	change->entry.opaque = node->opaque;
	change->entry.stat = layer_stat(&state.stat);
	change->entry.xattrs = state.xattrs;
	change->entry.target = state.target;
	change->has_content = action == LAYER_REPLACE && S_ISREG(state.stat.mode);
	change->content = state.content;
	if (action == LAYER_METADATA && S_ISREG(state.stat.mode))
		change->entry.stat.size = 0;
	return 0;
}

static int emit_link(struct differ *differ, const struct view_node *node, struct error *err)
{
	struct change *change;
	struct state state = {0};

	if (state_of_view(differ->view, node->first, &state, err) < 0)
		return -1;
	change = add_change(differ, node->captured->path, LAYER_LINK);
	change->entry.stat = layer_stat(&state.stat);
	change->entry.stat.mode &= 07777;
	change->entry.stat.size = 0;
	change->entry.stat.flags = 0;
	change->entry.stat.rdev_major = change->entry.stat.rdev_minor = 0;
	change->entry.target = xstrdup(node->first->captured->path);
	state_clear(&state);
	return 0;
}

static int emit_view_node(struct differ *differ, const struct view_node *node, struct error *err)
{
	if (!node->first->changed)
		return 0;
	return node->first == node ? emit_state(differ, node, err) : emit_link(differ, node, err);
}

/* Only the topmost of what vanished, and nothing that goes with a directory that is replaced. */
static int emit_vanished(struct differ *differ, const struct listing_node *node, struct error *err)
{
	const char *slash = strrchr(node->path, '/');
	CLEANUP_FREE char *above =
		slash == node->path ? xstrdup("/") : xstrndup(node->path, slash - node->path);
	const struct view_node *parent = view_find(differ->view, above);

	if (node->mount_root)
		return error_set(err, ERROR_GUEST, "the run removed the mount point %s",
				 node->path);
	if (!parent || !S_ISDIR(parent->mode))
		return 0;
	for (; parent; parent = parent->parent)
		if (parent->opaque)
			return 0;
	add_change(differ, node->path, LAYER_REMOVE);
	return 0;
}

static int check_mount_root(const struct view_node *node, struct error *err)
{
	if (node->here && node->here->mount_root && !S_ISDIR(node->mode))
		return error_set(err, ERROR_GUEST, "the run removed the mount point %s",
				 node->captured->path);
	return 0;
}

/* Both arrays are sorted the same way: one pass. */
static int emit_changes(struct differ *differ, struct error *err)
{
	const struct listing *before = differ->before;
	const struct view *view = differ->view;
	size_t b = 0, v = 0;

	while (b < before->n_nodes || v < view->n_nodes) {
		int order = b == before->n_nodes ? 1
			    : v == view->n_nodes
				    ? -1
				    : strcmp(before->nodes[b].path, view->nodes[v].captured->path);

		if (order < 0 && emit_vanished(differ, &before->nodes[b], err) < 0)
			return -1;
		if (order >= 0 && (check_mount_root(&view->nodes[v], err) < 0 ||
				   emit_view_node(differ, &view->nodes[v], err) < 0))
			return -1;
		b += order <= 0;
		v += order >= 0;
	}
	return 0;
}

static int diff_fill(struct diff *diff, const struct listing *before, struct view *view,
		     const struct monitor *monitor, struct error *err)
{
	struct differ differ = {before, view, monitor, diff};

	if (mark_changes(&differ, err) < 0)
		return -1;
	return emit_changes(&differ, err);
}

struct diff *diff_make(struct tree *tree, const struct capture *after,
		       const struct monitor *monitor, struct error *err)
{
	struct diff *diff = xcalloc(1, sizeof *diff);
	struct listing before = {0};
	struct view view = {0};
	int status = listing_read(&before, tree, err);

	if (status == 0)
		status = view_read(&view, &before, after, err);
	if (status == 0)
		status = diff_fill(diff, &before, &view, monitor, err);
	view_clear(&view);
	listing_clear(&before);
	if (status < 0)
		diff_free(steal(diff));
	return diff;
}
