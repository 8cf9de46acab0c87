/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without recursion: how deep a guest nests its directories is the guest's choice.  The stack holds
 * what is still to be unlinked; a directory comes up a second time when all below it is gone.
 */
#include "commit/remove.h"

#include <sys/stat.h>

struct doomed {
	uint64_t directory, ino;
	char *name;
	bool emptied;
};

struct doomed_stack {
	struct doomed *items;
	size_t n_items;
	uint64_t directory; /* being listed */
};

static void push(struct doomed_stack *stack, uint64_t directory, const char *name, uint64_t ino)
{
	struct doomed *new = ARRAY_ADD(stack->items, stack->n_items);

	*new = (struct doomed){.directory = directory, .ino = ino, .name = xstrdup(name)};
}

static int push_entry(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	struct doomed_stack *stack = opaque;

	(void)err;
	push(stack, stack->directory, name, ino);
	return 0;
}

/* Lists a directory the first time, unlinks everything else. */
static int remove_top(struct fs *fs, struct doomed_stack *stack, struct error *err)
{
	struct doomed *top = &stack->items[stack->n_items - 1];
	struct fs_stat stat;

	if (fs_stat(fs, top->ino, &stat, err) < 0)
		return -1;
	if (S_ISDIR(stat.mode) && !top->emptied) {
		top->emptied = true;
		stack->directory = top->ino;
		return fs_read_directory(fs, top->ino, push_entry, stack, err);
	}
	if (fs_unlink(fs, top->directory, top->name, err) < 0)
		return -1;
	free(top->name);
	stack->n_items--;
	return 0;
}

static void stack_free(struct doomed_stack *stack)
{
	for (size_t i = 0; i < stack->n_items; i++)
		free(stack->items[i].name);
	free(stack->items);
}

int place_remove(const struct place *place, struct error *err)
{
	struct doomed_stack stack = {0};
	int status = 0;

	push(&stack, place->directory, place->name, place->ino);
	while (status == 0 && stack.n_items > 0)
		status = remove_top(place->fs, &stack, err);
	stack_free(&stack);
	return status;
}
