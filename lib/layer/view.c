/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An entry that the capture calls untouched carries no state: it is the guest's inode as it was.
 * Its path may be new all the same, when a directory above it was renamed: then it is the guest's
 * inode below the directory's old path.  (A rename of the entry itself changes its ctime, so it
 * would be touched.)
 */
#include "layer/view.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "layer/entry.h"
#include "run/capture_format.h"

static int compare_view_path(const void *key, const void *node)
{
	return strcmp(key, ((const struct view_node *)node)->captured->path);
}

struct view_node *view_find(const struct view *view, const char *path)
{
	if (view->n_nodes == 0)
		return NULL;
	return bsearch(path, view->nodes, view->n_nodes, sizeof *view->nodes, compare_view_path);
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? xstrdup("/") : xstrndup(path, slash - path);
}

static int find_parent(struct view *view, struct view_node *node, struct error *err)
{
	CLEANUP_FREE char *path = parent_of(node->captured->path);

	if (node->captured->path[1] == '\0')
		return 0;
	node->parent = view_find(view, path);
	if (!node->parent || !S_ISDIR(node->parent->mode))
		return error_set(err, ERROR_GUEST, "%s: the capture has no directory above it",
				 node->captured->path);
	return 0;
}

static int find_moved_origin(struct view_node *node, const struct listing *before)
{
	const struct view_node *parent = node->parent;
	CLEANUP_FREE char *path = NULL;

	if (!parent) {
		node->origin = listing_find(before, "/");
	} else if (parent->origin) {
		path = path_join(parent->origin->path, strrchr(node->captured->path, '/') + 1);
		node->origin = listing_find(before, path);
	}
	return node->origin ? 0 : -1;
}

static int find_origin(struct view_node *node, const struct listing *before, struct error *err)
{
	const struct capture_entry *captured = node->captured;

	if (captured->touched && !captured->origin_path)
		return 0;
	if (captured->touched)
		node->origin = listing_find(before, captured->origin_path);
	else
		find_moved_origin(node, before);
	if (!node->origin)
		return error_set(err, ERROR_GUEST, "%s: captured as the guest's, which has no such",
				 captured->path);
	return 0;
}

static int add_view(struct view *view, const struct listing *before,
		    const struct capture_entry *captured, struct error *err)
{
	struct view_node *node = &view->nodes[view->n_nodes];

	if (!layer_path_valid(captured->path) ||
	    (view->n_nodes > 0 && strcmp(captured->path, node[-1].captured->path) <= 0))
		return error_set(err, ERROR_GUEST, "%s: the capture is not in order",
				 captured->path);
	if (layer_path_reserved(captured->path))
		return error_set(err, ERROR_IMAGE,
				 "%s: names that begin with \".wh.\" cannot be in a layer",
				 captured->path);
	node->captured = captured;
	node->first = node;
	node->here = listing_find(before, captured->path);
	if (find_parent(view, node, err) < 0 || find_origin(node, before, err) < 0)
		return -1;
	node->mode = captured->touched ? captured->stat.mode : node->origin->stat.mode;
	if (captured->touched && node->origin &&
	    (node->mode & S_IFMT) != (node->origin->stat.mode & S_IFMT))
		return error_set(err, ERROR_GUEST, "%s: the capture changes an inode's type",
				 captured->path);
	view->n_nodes++;
	return 0;
}

static int compare_links(const void *a, const void *b)
{
	const struct view_node *left = *(struct view_node *const *)a;
	const struct view_node *right = *(struct view_node *const *)b;

	if (left->captured->ino != right->captured->ino)
		return left->captured->ino < right->captured->ino ? -1 : 1;
	return left < right ? -1 : left > right;
}

/* Chains the names of each inode, in order of path. */
static int find_links(struct view *view, struct error *err)
{
	CLEANUP_FREE struct view_node **files = xcalloc(view->n_nodes, sizeof *files);
	size_t n = 0;

	for (size_t i = 0; i < view->n_nodes; i++)
		if (!S_ISDIR(view->nodes[i].mode))
			files[n++] = &view->nodes[i];
	qsort(files, n, sizeof *files, compare_links);
	for (size_t i = 1; i < n; i++) {
		if (files[i]->captured->ino != files[i - 1]->captured->ino)
			continue;
		if (files[i]->captured->touched != files[i - 1]->captured->touched)
			return error_set(err, ERROR_GUEST,
					 "%s: the capture contradicts itself about its hardlinks",
					 files[i]->captured->path);
		files[i]->first = files[i - 1]->first;
		files[i - 1]->next_link = files[i];
	}
	return 0;
}

/* A new inode has what the kernel gave it in the view; what the view's directories did not have to
 * hand on, and what no link or device can be asked for, is taken from the directory it is in. */
static uint32_t flags_of_new(const struct view_node *node)
{
	uint32_t inherited = node->parent ? fs_flags_inherited(node->parent->flags, node->mode) : 0;

	if (S_ISREG(node->mode) || S_ISDIR(node->mode))
		inherited &= ~CAPTURE_INHERITED;
	return node->captured->stat.flags | inherited;
}

/* A directory comes before what is in it.  An inode of the guest's keeps its flags, most of which
 * the view does not have, and gets those that the run set. */
static void find_flags(struct view *view)
{
	for (size_t i = 0; i < view->n_nodes; i++) {
		struct view_node *node = &view->nodes[i];

		if (node->first != node)
			node->flags = node->first->flags;
		else if (node->origin)
			node->flags = node->origin->stat.flags | node->captured->stat.flags;
		else
			node->flags = flags_of_new(node);
	}
}

int view_read(struct view *view, const struct listing *before, const struct capture *capture,
	      struct error *err)
{
	view->capture = capture;
	view->nodes = xcalloc(capture->n_entries, sizeof *view->nodes);
	for (size_t i = 0; i < capture->n_entries; i++)
		if (add_view(view, before, &capture->entries[i], err) < 0)
			return -1;
	if (view->n_nodes == 0 || view->nodes[0].parent || !S_ISDIR(view->nodes[0].mode))
		return error_set(err, ERROR_GUEST, "the capture has no root directory");
	if (find_links(view, err) < 0)
		return -1;
	find_flags(view);
	return 0;
}

void view_clear(struct view *view)
{
	free(view->nodes);
	*view = (struct view){0};
}

void state_clear(struct state *state)
{
	fs_xattrs_free(&state->xattrs);
	free(state->target);
	*state = (struct state){0};
}

static int fill_from_before(const struct listing_node *node, struct state *state, struct error *err)
{
	state->stat = node->stat;
	if (fs_read_xattrs(node->fs, node->stat.ino, &state->xattrs, err) < 0)
		return -1;
	if (S_ISLNK(node->stat.mode) && !(state->target = listing_read_target(node, err)))
		return -1;
	state->content = (struct content){
		.size = node->stat.size,
		.fs = node->fs,
		.ino = node->stat.ino,
	};
	return 0;
}

int state_of_before(const struct listing_node *node, struct state *ret, struct error *err)
{
	struct state state = {0};

	if (fill_from_before(node, &state, err) < 0) {
		state_clear(&state);
		return error_prefix(err, "%s", node->path);
	}
	*ret = state;
	return 0;
}

/* Attributes that a run sees and sets in any view; the others are not even copied into it. */
static bool xattr_is_visible(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strncmp(name, "system.posix_acl_", 17) == 0 ||
	       strcmp(name, "security.capability") == 0;
}

/* A write to the guest's own inode would have kept these. */
static int keep_invisible(const struct listing_node *origin, struct state *state, struct error *err)
{
	struct fs_xattrs old = {0};

	if (fs_read_xattrs(origin->fs, origin->stat.ino, &old, err) < 0)
		return -1;
	for (size_t i = 0; i < old.n_items; i++)
		if (!xattr_is_visible(old.items[i].name))
			layer_xattrs_add(&state->xattrs, old.items[i].name, old.items[i].value,
					 old.items[i].size);
	fs_xattrs_free(&old);
	return 0;
}

/* The runner sends content with the first name it meets, which need not be the first by path. */
static const struct capture_entry *content_holder(const struct view_node *node)
{
	for (const struct view_node *name = node->first; name; name = name->next_link)
		if (name->captured->n_extents > 0)
			return name->captured;
	return node->captured;
}

static int fill_from_capture(const struct view *view, const struct view_node *node,
			     struct state *state, struct error *err)
{
	const struct capture_entry *captured = node->captured;
	const struct capture_entry *holder = content_holder(node);

	state->stat = captured->stat;
	state->stat.flags = node->flags;
	for (size_t i = 0; i < captured->xattrs.n_items; i++) {
		const struct fs_xattr *xattr = &captured->xattrs.items[i];

		if (!node->origin || xattr_is_visible(xattr->name))
			layer_xattrs_add(&state->xattrs, xattr->name, xattr->value, xattr->size);
	}
	if (S_ISLNK(captured->stat.mode) && !captured->target)
		return error_set(err, ERROR_GUEST, "%s: captured without its target",
				 captured->path);
	state->target = S_ISLNK(captured->stat.mode) ? xstrdup(captured->target) : NULL;
	state->content = (struct content){
		.size = captured->stat.size,
		.spool = view->capture->spool,
		.extents = holder->extents,
		.n_extents = holder->n_extents,
	};
	if (node->origin && keep_invisible(node->origin, state, err) < 0)
		return -1;
	layer_xattrs_sort(&state->xattrs);
	return 0;
}

int state_of_view(const struct view *view, const struct view_node *node, struct state *ret,
		  struct error *err)
{
	struct state state = {0};

	if (!node->captured->touched)
		return state_of_before(node->origin, ret, err);
	if (fill_from_capture(view, node, &state, err) < 0) {
		state_clear(&state);
		return error_prefix(err, "%s", node->captured->path);
	}
	*ret = state;
	return 0;
}
