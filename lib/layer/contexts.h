/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which SELinux label a path is to have by the guest's own file contexts (selabel_file(5)), as they
 * are after a run: an update of the policy counts.  The only user of libselinux.
 *
 * Only the text forms are read.  The compiled ones beside them (file_contexts.bin) hold the memory
 * of a regular-expression engine, which must not come from an image.
 */
#ifndef COLDPATCH_LAYER_CONTEXTS_H
#define COLDPATCH_LAYER_CONTEXTS_H

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

struct contexts;

/* Reads a regular file as it is after the run: 1, 0 when it is not there, -1. */
typedef int contexts_reader(void *opaque, const char *path, struct buffer *ret, struct error *err);

enum contexts_state {
	CONTEXTS_NONE, /* no SELinux, or switched off: nothing is labelled */
	CONTEXTS_READ,
	CONTEXTS_UNUSABLE, /* the guest uses SELinux, but which label is whose cannot be told */
};

/* `work_dir` is a private directory that is used during the call.  *ret is only set with
 * CONTEXTS_READ, *ret_why (allocated) only with CONTEXTS_UNUSABLE.  Untrusted input.  -1 with *err:
 * the guest cannot be read, or the host cannot write. */
int contexts_open(contexts_reader *read, void *opaque, const char *work_dir, struct contexts **ret,
		  enum contexts_state *ret_state, char **ret_why, struct error *err);
void contexts_free(struct contexts *contexts);
DEFINE_CLEANUP(struct contexts, contexts_free)

/* The label of a path of this type (of `mode`): 1, the caller frees it; 0: the policy has none for
 * it; -1: the policy cannot be used after all, with *ret_why, allocated. */
int contexts_lookup(struct contexts *contexts, const char *path, unsigned mode, char **ret_label,
		    char **ret_why);
/* Is this a label that an administrator gave, which no relabelling takes away
 * (customizable_types(5))? */
bool contexts_is_custom(const struct contexts *contexts, const char *label);

#endif
