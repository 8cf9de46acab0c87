/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_COMMIT_REMOVE_H
#define COLDPATCH_COMMIT_REMOVE_H

#include "commit/place.h"

/* Takes away what is at the place and everything below it. */
int place_remove(const struct place *place, struct error *err);

#endif
