/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/purl.h"

#include <ctype.h>
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

char *purl_format(const struct purl *purl)
{
	struct buffer text = {0};

	buffer_printf(&text, "pkg:%s/", purl->type);
	put_encoded(&text, purl->vendor, true);
	buffer_putc(&text, '/');
	put_encoded(&text, purl->name, purl->lower_name);
	buffer_putc(&text, '@');
	put_encoded(&text, purl->version, false);
	buffer_puts(&text, "?arch=");
	put_encoded(&text, purl->architecture, false);
	if (purl->distro) {
		buffer_puts(&text, "&distro=");
		put_encoded(&text, purl->distro, false);
	}
	return buffer_steal(&text);
}
