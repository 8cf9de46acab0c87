/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A compressed stream that a thread of its own decompresses and digests ahead of its reader, a few
 * MiB at most. */
#ifndef COLDPATCH_LAYER_AHEAD_H
#define COLDPATCH_LAYER_AHEAD_H

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"

struct ahead;

/* Reads from the descriptor's current position.  `fd` is borrowed. */
struct ahead *ahead_start(int fd, struct error *err);
/* Exactly len bytes.  ERROR_TRUST when the stream ends before, or is damaged. */
int ahead_read(struct ahead *ahead, void *data, size_t len, struct error *err);
/* What was read is all there is (else ERROR_TRUST), and its digest. */
int ahead_finish(struct ahead *ahead, struct digest *ret, struct error *err);
/* Stops what is still at work. */
void ahead_free(struct ahead *ahead);
DEFINE_CLEANUP(struct ahead, ahead_free)

#endif
