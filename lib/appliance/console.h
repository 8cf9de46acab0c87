/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What QEMU and the appliance's kernel say.  The guest can write to it too, so it is bounded, and
 * what is read from it explains a failure but decides nothing. */
#ifndef COLDPATCH_APPLIANCE_CONSOLE_H
#define COLDPATCH_APPLIANCE_CONSOLE_H

#include <stddef.h>

#include "base/buffer.h"

#define CONSOLE_LIMIT (1u << 20)

struct console {
	int fd; /* a file of ours, for reading and writing; -1: dropped */
	size_t len;
};

/* Adds; when the file is full, its last half becomes its first. */
void console_write(struct console *console, const char *text, size_t len);
/* The last line that has `mark` in it, from there on; NULL: none.  The caller frees. */
char *console_find(const struct console *console, const char *mark);

#endif
