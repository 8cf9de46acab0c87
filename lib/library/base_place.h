/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting a base where it belongs: its file or link, and what tells of it.  Private to lib/library.
 */
#ifndef COLDPATCH_LIBRARY_BASE_PLACE_H
#define COLDPATCH_LIBRARY_BASE_PLACE_H

#include "library/base.h"

/* bases/SHA256.json; `before` is where the file was before a relocation, or NULL.  The caller
 * frees. */
char *base_to_text(const struct base *base, const char *before);
/* A base that is not there yet.  ERROR_BUSY: another import was faster with another kind. */
int base_place(const struct library *library, const struct base *base, struct error *err);
/* A copy lies in the place of what its .json tells as a reference: then it is that copy. */
void base_take_as_copy(struct base *base);
/* One that is there, or was, is needed again: a prune takes no base whose .json is young. */
int base_touch(const struct library *library, const struct base *base, struct error *err);
/* Left where it was made, a copy would be published with the generation. */
int base_remove_staged(const char *path, struct error *err);

#endif
