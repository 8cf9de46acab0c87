/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes this guest itself and must be the same after patching. */
#ifndef COLDPATCH_GUEST_IDENTITY_H
#define COLDPATCH_GUEST_IDENTITY_H

#include "guest/guest.h"

/* On failure *ret is untouched.  The caller frees ret->hostname. */
int identity_read(struct tree *tree, struct guest_identity *ret, struct error *err);
/* The state that the content of /etc/machine-id means. */
enum machine_id_state machine_id_state_of(const char *buf, size_t len);

#endif
