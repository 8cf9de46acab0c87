/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What writing and reading a guest's JSON share. */
#ifndef COLDPATCH_GUEST_GUEST_JSON_H
#define COLDPATCH_GUEST_GUEST_JSON_H

#include "guest/guest.h"

extern const char *const machine_id_names[MACHINE_ID_SET + 1];

#endif
