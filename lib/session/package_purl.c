/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/package_purl.h"

#include <string.h>

#include "record/purl.h"

static char *format(const struct plan *plan, const struct package_change *change,
		    const char *distro)
{
	const struct package_family *family = package_family_by_name(plan->family);

	return purl_format(&(struct purl){.type = family->purl_type,
					  .vendor = plan->os_id,
					  .name = change->name,
					  .version = change->to,
					  .architecture = change->architecture,
					  .distro = distro,
					  .lower_name = family->purl_lower_name});
}

char *package_purl(const struct plan *plan, const struct package_change *change)
{
	CLEANUP_FREE char *distro = xasprintf("%s-%s", plan->os_id, plan->os_version_id);

	return format(plan, change, distro);
}

char *package_purl_stem(const struct plan *plan, const struct package_change *change)
{
	return format(plan, change, NULL);
}

bool package_purl_has_stem(const char *purl, const char *stem)
{
	size_t len = strlen(stem);

	return !strncmp(purl, stem, len) && (!purl[len] || purl[len] == '&');
}
