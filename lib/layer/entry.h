/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of lib/layer share about one entry. */
#ifndef COLDPATCH_LAYER_ENTRY_H
#define COLDPATCH_LAYER_ENTRY_H

#include "layer/layer.h"

/* Frees what the entry owns and leaves it empty. */
void layer_entry_clear(struct layer_entry *entry);
void layer_entry_copy(struct layer_entry *to, const struct layer_entry *from);
void layer_xattrs_copy(struct fs_xattrs *to, const struct fs_xattrs *from);
/* Adds a copy; the order is kept by the caller or made by layer_xattrs_sort. */
void layer_xattrs_add(struct fs_xattrs *xattrs, const char *name, const void *value, size_t size);
void layer_xattrs_sort(struct fs_xattrs *xattrs);

/* Absolute, no empty, "." or ".." component, no NUL, at most LAYER_PATH_MAX bytes. */
#define LAYER_PATH_MAX 65535
bool layer_path_valid(const char *path);
/* A component that begins with ".wh." cannot be told from a whiteout. */
bool layer_path_reserved(const char *path);

#endif
