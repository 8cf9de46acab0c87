/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/repomd/cpe.h"

#include <string.h>

#include "base/memory.h"

static const struct {
	const char *product; /* with its vendor */
	const char *id;
	bool rolls; /* whose versions are but dates: a repository is for all of them */
} products[] = {
	{"centos:centos", "centos", false},
	{"centos-stream:centos-stream", "centos", false},
	{"rocky:rocky", "rocky", false},
	{"almalinux:almalinux", "almalinux", false},
	{"redhat:enterprise_linux", "rhel", false},
	{"oracle:linux", "ol", false},
	{"fedoraproject:fedora", "fedora", false},
	{"amazon:amazon_linux", "amzn", false},
	{"amazon:linux", "amzn", false},
	{"suse:sles", "sles", false},
	{"suse:sled", "sled", false},
	{"opensuse:leap", "opensuse-leap", false},
	{"opensuse:tumbleweed", "opensuse-tumbleweed", true},
};

/* After "cpe:/o:" or "cpe:2.3:o:", or NULL. */
static const char *after_prefix(const char *cpe)
{
	static const char *const prefixes[] = {"cpe:/o:", "cpe:2.3:o:"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(cpe, prefixes[i], strlen(prefixes[i])) == 0)
			return cpe + strlen(prefixes[i]);
	return NULL;
}

/* "15" with update "sp4" is "15.4". */
static char *version_of(const char *text)
{
	size_t len = strcspn(text, ":");
	const char *update = text[len] == ':' ? text + len + 1 : "";
	size_t update_len = strcspn(update, ":");

	if (!len || (len == 1 && strchr("*-", *text)))
		return NULL;
	if (update_len > 2 && strncmp(update, "sp", 2) == 0)
		return xasprintf("%.*s.%.*s", (int)len, text, (int)update_len - 2, update + 2);
	return xstrndup(text, len);
}

bool cpe_read(const char *cpe, char **ret_id, char **ret_version)
{
	const char *rest = after_prefix(cpe);

	for (size_t i = 0; rest && i < sizeof products / sizeof *products; i++) {
		size_t len = strlen(products[i].product);

		if (strncmp(rest, products[i].product, len) != 0 ||
		    (rest[len] != ':' && rest[len] != '\0'))
			continue;
		*ret_id = xstrdup(products[i].id);
		*ret_version =
			rest[len] == ':' && !products[i].rolls ? version_of(rest + len + 1) : NULL;
		return true;
	}
	return false;
}
