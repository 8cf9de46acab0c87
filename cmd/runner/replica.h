/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system's tree made the same on another file system, in an appliance: types, content with
 * its holes, owners, modes, times, attributes, flags, links.  Never through a symlink, never into
 * another file system that is mounted or nested in it.
 */
#ifndef COLDPATCH_RUNNER_REPLICA_H
#define COLDPATCH_RUNNER_REPLICA_H

#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

struct link;
struct flagged;

/* Start with the two roots set and the rest zeros. */
struct replica {
	int from, to;		    /* descriptors of the roots */
	const char *const *aliases; /* attributes that show others in another form; or NULL */
	size_t n_aliases;
	/* Private. */
	dev_t device;	    /* of `from`; 0: not asked yet */
	struct link *links; /* sorted by inode: files that have several names */
	size_t n_links;
	struct flagged *flagged; /* what can only be set when everything is there */
	size_t n_flagged;
	struct buffer path;
	char *piece;
};

/* All of it; the root of `to` is an empty directory. */
int replica_tree(struct replica *replica, struct error *err);
/* One node alone, by its path below the roots; its directory is there and its name is free. */
int replica_node(struct replica *replica, const char *path, struct error *err);
/* What is there becomes the same but for its content. */
int replica_metadata(struct replica *replica, const char *path, struct error *err);
int replica_times(struct replica *replica, const char *path, struct error *err);
int replica_link(struct replica *replica, const char *path, const char *first, struct error *err);
/* With all below it; nothing there is fine. */
int replica_remove(struct replica *replica, const char *path, struct error *err);
/* At the end. */
int replica_finish(struct replica *replica, struct error *err);
void replica_clear(struct replica *replica);

#endif
