/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 3339 in UTC, to the second: "2026-11-22T14:06:24Z". */
#ifndef COLDPATCH_RECORD_TIMESTAMP_H
#define COLDPATCH_RECORD_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

#define TIMESTAMP_SIZE 32

void timestamp_format(int64_t seconds, char text[static TIMESTAMP_SIZE]);
/* False unless `text` is exactly what timestamp_format gives for some second of years 1970-9999. */
bool timestamp_parse(const char *text, int64_t *ret);

#endif
