/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of inodes: open addressing, at most half full.  No inode has the number 0. */
#include "runner.h"

enum { FIRST_SIZE = 64 };

static uint64_t *find(const struct sent *sent, uint64_t ino)
{
	size_t at = (size_t)((ino * 0x9e3779b97f4a7c15u) >> 20) & (sent->size - 1);

	while (sent->inodes[at] && sent->inodes[at] != ino)
		at = (at + 1) & (sent->size - 1);
	return &sent->inodes[at];
}

static void grow(struct sent *sent)
{
	struct sent larger = {.size = sent->size ? sent->size * 2 : FIRST_SIZE, .used = sent->used};

	larger.inodes = xcalloc(larger.size, sizeof *larger.inodes);
	for (size_t i = 0; i < sent->size; i++)
		if (sent->inodes[i])
			*find(&larger, sent->inodes[i]) = sent->inodes[i];
	free(sent->inodes);
	*sent = larger;
}

bool sent_before(struct sent *sent, uint64_t ino)
{
	uint64_t *slot;

	if (sent->used * 2 >= sent->size)
		grow(sent);
	slot = find(sent, ino);
	if (*slot == ino)
		return true;
	*slot = ino;
	sent->used++;
	return false;
}
