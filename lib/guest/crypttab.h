/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's crypttab(5): how it calls what its encrypted containers hold.  Read as data. */
#ifndef COLDPATCH_GUEST_CRYPTTAB_H
#define COLDPATCH_GUEST_CRYPTTAB_H

#include "guest/guest.h"

enum { CRYPTTAB_LIMIT = 1 << 20 }; /* bytes of the file that are worth reading */

/* Adds the names to the nodes of the volumes that were opened.  Lines that make no sense, or that
 * are of other containers, are passed over. */
void crypttab_apply(const char *text, size_t len, struct guest *guest);

#endif
