/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/inodes.h"

/* Open addressing, at most half full. */
struct slot {
	size_t mount;
	uint64_t ino;
	char *path; /* NULL: free */
};

struct inodes {
	struct slot *slots;
	size_t size, used; /* size: a power of two */
};

enum { FIRST_SIZE = 64 };

struct inodes *inodes_new(void)
{
	struct inodes *inodes = xcalloc(1, sizeof *inodes);

	inodes->size = FIRST_SIZE;
	inodes->slots = xcalloc(inodes->size, sizeof *inodes->slots);
	return inodes;
}

void inodes_free(struct inodes *inodes)
{
	if (!inodes)
		return;
	for (size_t i = 0; i < inodes->size; i++)
		free(inodes->slots[i].path);
	free(inodes->slots);
	free(inodes);
}

static struct slot *find(const struct inodes *inodes, size_t mount, uint64_t ino)
{
	uint64_t hash = (ino + ((uint64_t)mount << 40)) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 20) & (inodes->size - 1);

	while (inodes->slots[at].path &&
	       (inodes->slots[at].ino != ino || inodes->slots[at].mount != mount))
		at = (at + 1) & (inodes->size - 1);
	return &inodes->slots[at];
}

static void grow(struct inodes *inodes)
{
	struct inodes larger = {.size = inodes->size * 2, .used = inodes->used};

	larger.slots = xcalloc(larger.size, sizeof *larger.slots);
	for (size_t i = 0; i < inodes->size; i++)
		if (inodes->slots[i].path)
			*find(&larger, inodes->slots[i].mount, inodes->slots[i].ino) =
				inodes->slots[i];
	free(inodes->slots);
	*inodes = larger;
}

const char *inodes_find_or_add(struct inodes *inodes, size_t mount, uint64_t ino, const char *path)
{
	struct slot *slot = find(inodes, mount, ino);

	if (slot->path)
		return slot->path;
	*slot = (struct slot){.mount = mount, .ino = ino, .path = xstrdup(path)};
	if (++inodes->used * 2 > inodes->size)
		grow(inodes);
	return NULL;
}
