/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ranges of host ids, one per concurrent sandbox: what one guest leaves behind in the kernel (keys,
 * quotas of processes) cannot be another guest's. */
#ifndef COLDPATCH_RUN_IDS_H
#define COLDPATCH_RUN_IDS_H

#include <stdint.h>

#include "base/error.h"

struct ids {
	uint32_t base; /* VIEW_IDS ids from here on */
	int lock;      /* held as long as it is open */
};

/* ERROR_BUSY when all ranges are in use. */
int ids_take(struct ids *ret, struct error *err);
void ids_release(struct ids *ids);
#define CLEANUP_IDS __attribute__((cleanup(ids_release)))

#endif
