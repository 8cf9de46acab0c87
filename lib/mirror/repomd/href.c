/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/repomd/href.h"

#include <string.h>

#include "mirror/beneath.h"
#include "mirror/repomd/xml.h"

char *href_read(const char *const *attributes, struct error *err)
{
	const char *href = xml_attribute(attributes, "href");
	const char *base = xml_attribute(attributes, "xml:base");

	if (base && *base)
		return error_set(err, ERROR_TRUST,
				 "its location has xml:base \"%.100s\": what lies elsewhere is not "
				 "taken; mirror the repository with its files",
				 base),
		       NULL;
	if (!href)
		return error_set(err, ERROR_TRUST, "its location has no href"), NULL;
	while (href[0] == '.' && href[1] == '/')
		href += 2;
	if (!beneath_is_safe(href) || strstr(href, "://"))
		return error_set(err, ERROR_TRUST,
				 "its location \"%.100s\" leads out of the repository", href),
		       NULL;
	return xstrdup(href);
}
