/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot loaders draw with escape sequences, init colours its lines, and any byte may come from the
 * guest: lines are kept without all that, cut at a limit.  The prompt is looked for at every blank,
 * since other messages can follow on the same line at once.
 */
#include "boot/console.h"

#include <string.h>

/* The first of these in a line ends the wait: nobody is there to answer. */
static const struct {
	const char *text;
	bool at_start;
	const char *failure;
} signs[] = {
	{"Kernel panic - not syncing", false, "its kernel panicked"},
	{"(initramfs)", true, "it stopped in its initramfs"},
	{"Entering emergency mode", false, "it stopped in its initramfs"},
	{"You are in emergency mode", false, "it went into emergency mode"},
	{"You are in rescue mode", false, "it went into rescue mode"},
	{"grub rescue>", true, "GRUB found no configuration"},
	{"grub>", true, "GRUB found no configuration"},
	{"No bootable device", true, "its disks hold nothing to boot"},
};

static void look_for_failure(struct console *console)
{
	console->line[console->len] = '\0';
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
		const char *found = strstr(console->line, signs[i].text);

		if (!found || (signs[i].at_start && found != console->line))
			continue;
		console->state = CONSOLE_FAILED;
		console->failure = signs[i].failure;
		return;
	}
}

/* "NAME login: ", one word before it: a message that ends so is none. */
static bool is_prompt(const struct console *console)
{
	static const char ending[] = " login: ";
	size_t name = console->len - (sizeof ending - 1);

	if (console->len < sizeof ending ||
	    memcmp(console->line + name, ending, sizeof ending - 1) != 0)
		return false;
	return !memchr(console->line, ' ', name);
}

static void end_line(struct console *console)
{
	look_for_failure(console);
	if (strspn(console->line, " ") < console->len)
		memcpy(console->last, console->line, console->len + 1);
	console->len = 0;
	console->returned = false;
}

static void add_text(struct console *console, char c)
{
	if (console->returned)
		console->len = 0;
	console->returned = false;
	if (console->len + 1 < CONSOLE_LINE)
		console->line[console->len++] = c;
	if (c == ' ' && is_prompt(console))
		console->state = CONSOLE_PROMPT;
}

static void feed_text(struct console *console, char c)
{
	if (c == '\033')
		console->mode = CONSOLE_ESCAPE;
	else if (c == '\n')
		end_line(console);
	else if (c == '\r')
		console->returned = true;
	else if ((unsigned char)c >= ' ' && c != 0x7f)
		add_text(console, c);
}

/* ECMA-48: "ESC [ ... final", "ESC ] ... BEL or ESC \", else "ESC final". */
static void feed_escape(struct console *console, char c)
{
	switch (console->mode) {
	case CONSOLE_ESCAPE:
		console->mode = c == '[' ? CONSOLE_CSI : c == ']' ? CONSOLE_OSC : CONSOLE_TEXT;
		break;
	case CONSOLE_CSI:
		if (c >= 0x40 && c <= 0x7e)
			console->mode = CONSOLE_TEXT;
		break;
	case CONSOLE_OSC:
		if (c == '\a' || c == '\n')
			console->mode = CONSOLE_TEXT;
		else if (c == '\033')
			console->mode = CONSOLE_ESCAPE;
		break;
	case CONSOLE_TEXT:
		break;
	}
}

void console_feed(struct console *console, const char *buf, size_t len)
{
	for (size_t i = 0; i < len && console->state == CONSOLE_WAITING; i++) {
		if (console->mode == CONSOLE_TEXT)
			feed_text(console, buf[i]);
		else
			feed_escape(console, buf[i]);
	}
	if (console->state == CONSOLE_WAITING)
		look_for_failure(console);
	console->line[console->len] = '\0';
}

const char *console_last_line(const struct console *console)
{
	if (strspn(console->line, " ") < console->len)
		return console->line;
	return console->last[0] ? console->last : "nothing was printed";
}
