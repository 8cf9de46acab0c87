/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/capture.h"

#include <unistd.h>

static void entry_clear(struct capture_entry *entry)
{
	free(entry->path);
	free(entry->origin_path);
	for (size_t i = 0; i < entry->xattrs.n_items; i++) {
		free(entry->xattrs.items[i].name);
		free(entry->xattrs.items[i].value);
	}
	free(entry->xattrs.items);
	free(entry->target);
	free(entry->extents);
}

void capture_free(struct capture *capture)
{
	if (!capture)
		return;
	for (size_t i = 0; i < capture->n_entries; i++)
		entry_clear(&capture->entries[i]);
	free(capture->entries);
	if (capture->spool >= 0)
		close(capture->spool);
	free(capture);
}
