/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the library's changing verbs tell. */
#ifndef COLDPATCH_CMD_CHANGE_OUTPUT_H
#define COLDPATCH_CMD_CHANGE_OUTPUT_H

#include "cmd.h"

/* Prints the summary of one template or of several, frees `text`, and gives the exit code. */
int tell_change(const struct global *global, char *text);
/* A line "NAME: MSG"; what is told of a failure may begin with the name itself. */
void print_of(const char *name, const char *msg);
/* "2026-11-22 14:05" of seconds since the epoch, UTC; "-" when it is no number.  In a static buffer
 * of its own for up to four uses in one call of printf. */
const char *human_time(const json_t *seconds);
/* "3"; "-" when it is no number, which 0 is not the same as.  In static buffers like those. */
const char *human_number(const json_t *number);

#endif
