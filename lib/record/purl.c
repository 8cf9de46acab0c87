/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/purl.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"

/* The specification: everything is percent-encoded but letters, digits, "-._~" and ':'. */
static void put_encoded(struct buffer *to, const char *text, bool lower)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		if (isascii(*s) && (isalnum(*s) || strchr("-._~:", *s)))
			buffer_putc(to, (char)(lower ? tolower(*s) : *s));
		else
			buffer_printf(to, "%%%02X", *s);
	}
}

char *purl_deb(const char *vendor, const char *name, const char *version, const char *architecture,
	       const char *distro)
{
	struct buffer purl = {0};

	buffer_puts(&purl, "pkg:deb/");
	put_encoded(&purl, vendor, true);
	buffer_putc(&purl, '/');
	put_encoded(&purl, name, true);
	buffer_putc(&purl, '@');
	put_encoded(&purl, version, false);
	buffer_puts(&purl, "?arch=");
	put_encoded(&purl, architecture, false);
	if (distro) {
		buffer_puts(&purl, "&distro=");
		put_encoded(&purl, distro, false);
	}
	return buffer_steal(&purl);
}
