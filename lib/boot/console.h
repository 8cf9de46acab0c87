/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a machine's serial console says, read as it comes: has it reached its login prompt, or will
 * it never? */
#ifndef COLDPATCH_BOOT_CONSOLE_H
#define COLDPATCH_BOOT_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

enum { CONSOLE_LINE = 512 };

enum console_state {
	CONSOLE_WAITING,
	CONSOLE_PROMPT, /* getty asks who is there: "NAME login: " on a line of its own */
	CONSOLE_FAILED, /* panic, a rescue shell, no boot loader: `failure` */
};

struct console {
	enum console_state state;
	const char *failure;	 /* in words; set when CONSOLE_FAILED */
	char line[CONSOLE_LINE]; /* the line that is being written, without escape sequences */
	size_t len;
	char last[CONSOLE_LINE]; /* the last one that was not empty */
	bool returned; /* a carriage return was seen: what comes next starts the line anew */
	enum { CONSOLE_TEXT, CONSOLE_ESCAPE, CONSOLE_CSI, CONSOLE_OSC } mode;
};

/* Start with {0}.  What comes after the first answer does not change it. */
void console_feed(struct console *console, const char *buf, size_t len);
/* The last line that says something, or "nothing was printed". */
const char *console_last_line(const struct console *console);

#endif
