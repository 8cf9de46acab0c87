/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One node of a replica (replica.h), by a name in two directories. */
#ifndef COLDPATCH_RUNNER_REPLICA_NODE_H
#define COLDPATCH_RUNNER_REPLICA_NODE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"

enum { NODE_PIECE = 1 << 20 };

struct node {
	int from, to; /* directories */
	const char *name, *path;
	const char *const *aliases; /* attributes that are left out */
	size_t n_aliases;
	char *piece;	  /* NODE_PIECE bytes */
	struct stat stat; /* by node_stat, of the one to be copied */
	int flags;	  /* by node_describe and node_redescribe, to be set at the end */
};

int node_stat(struct node *node, struct error *err);
/* The name is free. */
int node_make(const struct node *node, struct error *err);
/* Owner, mode, attributes, times of a new node. */
int node_describe(struct node *node, struct error *err);
/* The same of one that has others. */
int node_redescribe(struct node *node, struct error *err);
int node_set_times(const struct node *node, struct error *err);
/* Of the flags that every file system keeps alike: these, and no others. */
int node_set_flags(int dir, const char *name, int flags, struct error *err);

#endif
