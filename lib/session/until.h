/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Days and numbers of days, as users say when something ends. */
#ifndef COLDPATCH_SESSION_UNTIL_H
#define COLDPATCH_SESSION_UNTIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* "30d" in seconds; false: it is none, or more than a hundred years. */
bool until_parse_days(const char *text, int64_t *ret_s);
/* Is it a day, "YYYY-MM-DD"? */
bool until_is_day(const char *text);
/* "YYYY-MM-DD" (its end, UTC) or "30d" (from now on) in seconds since the epoch; ERROR_USAGE. */
int until_parse(const char *text, int64_t now, int64_t *ret, struct error *err);

#endif
