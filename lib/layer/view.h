/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The view after a run, compared name by name with the guest before it; every inode's state made
 * whole. */
#ifndef COLDPATCH_LAYER_VIEW_H
#define COLDPATCH_LAYER_VIEW_H

#include "layer/content.h"
#include "layer/listing.h"

struct view_node {
	const struct capture_entry *captured;
	const struct listing_node *origin; /* the guest's inode this one is, or NULL: a new one */
	const struct listing_node *here;   /* what the guest has at this path, or NULL */
	struct view_node *parent;	   /* NULL for "/" */
	struct view_node *first;	   /* of its hardlinks, by path; itself when it is that */
	struct view_node *next_link;
	mode_t mode;
	uint32_t flags; /* as the guest will have them */
	bool changed, opaque;
};

struct view {
	struct view_node *nodes; /* sorted by path, one for each of the capture's entries */
	size_t n_nodes;
	const struct capture *capture;
};
int view_read(struct view *view, const struct listing *before, const struct capture *capture,
	      struct error *err);
void view_clear(struct view *view);
struct view_node *view_find(const struct view *view, const char *path);

/* What an inode of the view is like, as the guest will have it: with what the view could not hold.
 * Owned parts: xattrs, target. */
struct state {
	struct fs_stat stat;
	struct fs_xattrs xattrs;
	char *target;
	struct content content; /* of a regular file */
};
int state_of_view(const struct view *view, const struct view_node *node, struct state *ret,
		  struct error *err);
int state_of_before(const struct listing_node *node, struct state *ret, struct error *err);
void state_clear(struct state *state);

#endif
