/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a hold ends, as users say it. */
#ifndef COLDPATCH_SESSION_UNTIL_H
#define COLDPATCH_SESSION_UNTIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Is it a day, "YYYY-MM-DD"? */
bool until_is_day(const char *text);
/* "YYYY-MM-DD" (its end, UTC) or "30d" (from now on) in seconds since the epoch; ERROR_USAGE. */
int until_parse(const char *text, int64_t now, int64_t *ret, struct error *err);

#endif
