/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/repomd/href.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "mirror/beneath.h"
#include "mirror/repomd/xml.h"

static const char up[] = "../", pool[] = "blobstore/";

enum { UP_LEN = sizeof up - 1, POOL_LEN = sizeof pool - 1, POOL_DIGEST_LEN = 64 };

static bool leaves(const char *href)
{
	return strncmp(href, up, UP_LEN) == 0;
}

static const char *after_ups(const char *href)
{
	while (leaves(href))
		href += UP_LEN;
	return href;
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static bool is_escape(const char *text)
{
	return text[0] == '%' && isxdigit((unsigned char)text[1]) &&
	       isxdigit((unsigned char)text[2]) && strncmp(text, "%00", 3) != 0;
}

/* What is no escape stays as it is. */
static char *unescape(const char *text)
{
	char *result = xstrdup(text), *to = result;

	for (; *text; text++) {
		bool escape = is_escape(text);

		*to++ = escape ? (char)(hex_value(text[1]) << 4 | hex_value(text[2])) : *text;
		text += escape ? 2 : 0;
	}
	*to = '\0';
	return result;
}

char *href_read(const char *const *attributes, bool may_leave, struct error *err)
{
	const char *raw = xml_attribute(attributes, "href");
	const char *base = xml_attribute(attributes, "xml:base");
	CLEANUP_FREE char *href = NULL;

	if (base && *base)
		return error_set(err, ERROR_TRUST,
				 "its location has xml:base \"%.100s\": what lies elsewhere is not "
				 "taken; mirror the repository with its files",
				 base),
		       NULL;
	if (!raw)
		return error_set(err, ERROR_TRUST, "its location has no href"), NULL;
	while (raw[0] == '.' && raw[1] == '/')
		raw += 2;
	href = unescape(raw);
	if (!beneath_is_safe(may_leave ? after_ups(href) : href) || strstr(href, "://"))
		return error_set(err, ERROR_TRUST,
				 "its location \"%.100s\" leads out of the repository", raw),
		       NULL;
	return steal(href);
}

/* A directory of the pool that is called by a digest. */
static size_t pool_directory(const char *path)
{
	const char *digest = path + POOL_LEN;

	if (strncmp(path, pool, POOL_LEN) != 0 ||
	    strspn(digest, "0123456789abcdefABCDEF") != POOL_DIGEST_LEN ||
	    digest[POOL_DIGEST_LEN] != '/')
		return 0;
	return POOL_LEN + POOL_DIGEST_LEN + 1;
}

char *href_place(const char *href)
{
	const char *path = after_ups(href);

	return xstrdup(leaves(href) ? path + pool_directory(path) : href);
}

char *href_in_mirror(const char *repository, const char *href)
{
	size_t len = strcmp(repository, ".") == 0 ? 0 : strlen(repository);
	CLEANUP_FREE char *at = xstrndup(repository, len);

	for (; leaves(href); href += UP_LEN) {
		char *slash = strrchr(at, '/');

		if (!*at)
			return NULL;
		*(slash ? slash : at) = '\0';
	}
	return *at ? path_join(at, href) : xstrdup(href);
}
