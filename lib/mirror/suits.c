/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <strings.h>

#include "mirror/manifest.h"
#include "mirror/mirror.h"

/* "9" of "9" and "9.4"; of "bookworm", with '-', "bookworm" and "bookworm-security". */
static bool begins(const char *text, const char *with, char separator)
{
	size_t len = strlen(with);

	return strncmp(text, with, len) == 0 && (text[len] == '\0' || text[len] == separator);
}

static bool is_of_release(const struct mirror_source *source, const struct mirror_guest *guest)
{
	if (!guest->os_id || !guest->codename || !*guest->codename || !source->origin ||
	    !source->codename || strcasecmp(source->origin, guest->os_id) != 0)
		return true;
	return begins(source->codename, guest->codename, '-');
}

bool mirror_source_suits(const struct mirror_source *source, const struct mirror_guest *guest)
{
	if (guest->layout && strcmp(source->layout, guest->layout) != 0)
		return false;
	if (source->os_id && (!guest->os_id || strcasecmp(source->os_id, guest->os_id) != 0))
		return false;
	if (source->os_version &&
	    (!guest->os_version || !begins(guest->os_version, source->os_version, '.')))
		return false;
	return is_of_release(source, guest);
}

size_t mirror_snapshot_keep_suited(struct mirror_snapshot *snapshot,
				   const struct mirror_guest *guest)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->n_sources; i++) {
		if (mirror_source_suits(&snapshot->sources[i], guest))
			snapshot->sources[kept++] = snapshot->sources[i];
		else
			mirror_source_free(&snapshot->sources[i]);
	}
	snapshot->n_sources = kept;
	return kept;
}
