/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open-addressed table; a directory's inode leads on to the one it is in. */
#include <string.h>

#include "fs/copies_impl.h"
#include "fs/tree_impl.h"

struct name {
	uint64_t ino; /* 0: an empty slot */
	uint64_t directory;
	char *name;
};

struct inode_names {
	struct name *slots;
	size_t n_slots, n_used; /* n_slots is a power of two */
};

struct inode_names *inode_names_new(void)
{
	struct inode_names *names = xcalloc(1, sizeof *names);

	names->n_slots = 1024;
	names->slots = xcalloc(names->n_slots, sizeof *names->slots);
	return names;
}

void inode_names_free(struct inode_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->n_slots; i++)
		free(names->slots[i].name);
	free(names->slots);
	free(names);
}

static struct name *find_slot(const struct inode_names *names, uint64_t ino)
{
	size_t i = (size_t)(ino * UINT64_C(0x9e3779b97f4a7c15) >> 32);

	for (;; i++) {
		struct name *slot = &names->slots[i & (names->n_slots - 1)];

		if (slot->ino == ino || slot->ino == 0)
			return slot;
	}
}

static void grow(struct inode_names *names)
{
	struct inode_names larger = {.n_slots = names->n_slots * 2};

	larger.slots = xcalloc(larger.n_slots, sizeof *larger.slots);
	for (size_t i = 0; i < names->n_slots; i++)
		if (names->slots[i].ino)
			*find_slot(&larger, names->slots[i].ino) = names->slots[i];
	free(names->slots);
	names->slots = larger.slots;
	names->n_slots = larger.n_slots;
}

void inode_names_set(struct inode_names *names, uint64_t ino, uint64_t directory, const char *name)
{
	struct name *slot = find_slot(names, ino);

	if (!slot->ino && names->n_used * 2 >= names->n_slots) {
		grow(names);
		slot = find_slot(names, ino);
	}
	names->n_used += !slot->ino;
	if (slot->ino && slot->directory == directory && strcmp(slot->name, name) == 0)
		return;
	free(slot->name);
	*slot = (struct name){ino, directory, xstrdup(name)};
}

int inode_names_path(const struct inode_names *names, uint64_t root, uint64_t ino,
		     struct buffer *ret, struct error *err)
{
	const char *way[TREE_MAX_DEPTH];
	size_t depth = 0;

	for (; ino != root; depth++) {
		const struct name *name = find_slot(names, ino);

		if (!name->ino || depth == TREE_MAX_DEPTH)
			return error_set(err, ERROR_BUG, "inode %llu was not looked up",
					 (unsigned long long)ino);
		way[depth] = name->name;
		ino = name->directory;
	}
	buffer_puts(ret, "");
	while (depth-- > 0)
		buffer_printf(ret, "%s%s", way[depth], depth ? "/" : "");
	return 0;
}
