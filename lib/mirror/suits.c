/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <strings.h>

#include "mirror/manifest.h"
#include "mirror/mirror.h"

bool mirror_source_suits(const struct mirror_source *source, const char *os_id,
			 const char *codename)
{
	size_t len = codename ? strlen(codename) : 0;

	if (os_id && source->os_id && strcasecmp(source->os_id, os_id) != 0)
		return false;
	if (!os_id || !len || !source->origin || !source->codename ||
	    strcasecmp(source->origin, os_id) != 0)
		return true;
	return strncmp(source->codename, codename, len) == 0 &&
	       (source->codename[len] == '\0' || source->codename[len] == '-');
}

size_t mirror_snapshot_keep_suited(struct mirror_snapshot *snapshot, const char *os_id,
				   const char *codename)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->n_sources; i++) {
		if (mirror_source_suits(&snapshot->sources[i], os_id, codename))
			snapshot->sources[kept++] = snapshot->sources[i];
		else
			mirror_source_free(&snapshot->sources[i]);
	}
	snapshot->n_sources = kept;
	return kept;
}
