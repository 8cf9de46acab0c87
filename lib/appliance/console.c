/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/console.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

#define HALF (CONSOLE_LIMIT / 2)

static void make_room(struct console *console)
{
	CLEANUP_FREE char *last = xmalloc(HALF);
	ssize_t n = pread(console->fd, last, HALF, (off_t)(console->len - HALF));
	struct error ignored = {0};

	console->len = 0;
	if (ftruncate(console->fd, 0) < 0 || lseek(console->fd, 0, SEEK_SET) < 0 || n <= 0 ||
	    file_write_all(console->fd, last, (size_t)n, &ignored) < 0)
		return;
	console->len = (size_t)n;
}

void console_write(struct console *console, const char *text, size_t len)
{
	struct error ignored = {0};

	while (console->fd >= 0 && len > 0) {
		size_t n = len < HALF ? len : HALF;

		if (console->len + n > CONSOLE_LIMIT)
			make_room(console);
		if (file_write_all(console->fd, text, n, &ignored) < 0)
			return;
		console->len += n;
		text += n;
		len -= n;
	}
}

char *console_find(const struct console *console, const char *mark)
{
	CLEANUP_FREE char *text = xmalloc(CONSOLE_LIMIT + 1);
	ssize_t n = console->fd < 0 ? -1 : pread(console->fd, text, CONSOLE_LIMIT, 0);
	const char *at = text, *found = NULL;

	while (n > 0 && (at = memmem(at, (size_t)(text + n - at), mark, strlen(mark))))
		found = at++;
	if (!found)
		return NULL;
	text[n] = '\0';
	return xstrndup(found, strcspn(found, "\r\n"));
}
