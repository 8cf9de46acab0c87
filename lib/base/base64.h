/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 (RFC 4648, section 4), with one spelling per value: padding is required, white space and
 * stray bits are refused. */
#ifndef COLDPATCH_BASE_BASE64_H
#define COLDPATCH_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* The caller frees. */
char *base64_encode(const void *data, size_t len);
/* Appends the bytes; false, with `ret` untouched, unless `text` is what base64_encode gives. */
bool base64_decode(const char *text, size_t len, struct buffer *ret);

#endif
