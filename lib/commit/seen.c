/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/seen.h"

#include "layer/entry.h"

void commit_seen_add_entry(struct commit_seen *seen, const struct layer_entry *entry)
{
	layer_entry_copy(ARRAY_ADD(seen->entries, seen->n_entries), entry);
}

void commit_seen_add_content(struct commit_seen *seen, size_t mount, uint64_t ino,
			     const struct digest *digest)
{
	*ARRAY_ADD(seen->contents, seen->n_contents) =
		(struct commit_content){.mount = mount, .ino = ino, .digest = *digest};
}

static int compare_contents(const void *a, const void *b)
{
	const struct commit_content *x = a, *y = b;

	if (x->mount != y->mount)
		return x->mount < y->mount ? -1 : 1;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

void commit_seen_sort_contents(struct commit_seen *seen)
{
	if (seen->n_contents)
		qsort(seen->contents, seen->n_contents, sizeof *seen->contents, compare_contents);
}

const struct digest *commit_seen_content(const struct commit_seen *seen, size_t mount, uint64_t ino)
{
	const struct commit_content key = {.mount = mount, .ino = ino}, *found = NULL;

	if (seen->n_contents)
		found = bsearch(&key, seen->contents, seen->n_contents, sizeof key,
				compare_contents);
	return found ? &found->digest : NULL;
}

void commit_seen_free(struct commit_seen *seen)
{
	for (size_t i = 0; i < seen->n_entries; i++)
		layer_entry_clear(&seen->entries[i]);
	free(seen->entries);
	free(seen->contents);
	*seen = (struct commit_seen){0};
}
