/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of strings on their way between C and JSON. */
#ifndef COLDPATCH_SESSION_STRINGS_H
#define COLDPATCH_SESSION_STRINGS_H

#include "base/json.h"

/* The strings of a JSON array, borrowed, in a vector that the caller frees and that ends with NULL.
 * Anything that is not a string is "". */
const char **strings_of_json(const json_t *array, size_t *ret_n);
json_t *strings_to_json(const char *const *strings, size_t n);
/* Each once, in the order of the first, borrowed, in a vector that the caller frees. */
const char **strings_once(const char *const *strings, size_t n, size_t *ret_n);
/* What a caller gives us goes into JSON documents as it is.  ERROR_USAGE: one of the strings, of
 * which some may be NULL, is not UTF-8; `what` says what they are. */
int strings_check(const char *const *strings, size_t n, const char *what, struct error *err);
/* The same for digests that a caller gives; ERROR_USAGE. */
int strings_check_digests(const char *const *strings, size_t n, const char *option,
			  struct error *err);
/* The string member `name`, borrowed; "" when there is none. */
const char *string_member(const json_t *object, const char *name);

#endif
