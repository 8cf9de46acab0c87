/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/crypttab.h"

#include <string.h>

#include "fs/type.h"

enum { MAX_NAME = 128, MAX_SOURCE = 4095 };

/* The volume of a container, or NULL: it was not opened. */
static struct guest_volume *volume_of(const struct guest *guest,
				      const struct guest_filesystem *container)
{
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		struct guest_volume *volume = guest->filesystems[i].volume;

		if (volume && container->uuid && &guest->filesystems[i] != container &&
		    strcmp(volume->uuid, container->uuid) == 0)
			return volume;
	}
	return NULL;
}

/* What mount(8) shows comes first. */
static void add_node(struct guest_volume *volume, const char *name)
{
	(void)ARRAY_ADD(volume->nodes, volume->n_nodes);
	memmove(volume->nodes + 1, volume->nodes, (volume->n_nodes - 1) * sizeof *volume->nodes);
	volume->nodes[0] = xasprintf("/dev/mapper/%s", name);
}

static void apply_line(struct guest *guest, const char *name, const char *source)
{
	struct guest_volume *volume;
	struct error ignored;
	size_t index;

	if (strchr(name, '/') || guest_find_filesystem(guest, source, &index, &ignored) <= 0 ||
	    !fs_type_is_encrypted(guest->filesystems[index].type))
		return;
	volume = volume_of(guest, &guest->filesystems[index]);
	if (volume)
		add_node(volume, name);
}

/* The next word of a line; NULL when there is none, or none of a sensible length. */
static char *take_word(const char **at, const char *end, size_t limit)
{
	const char *start;

	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	start = *at;
	while (*at < end && **at != ' ' && **at != '\t')
		(*at)++;
	if (*at == start || (size_t)(*at - start) > limit || memchr(start, '\0', *at - start))
		return NULL;
	return xstrndup(start, *at - start);
}

void crypttab_apply(const char *text, size_t len, struct guest *guest)
{
	const char *end = text + len;

	while (text < end) {
		const char *newline = memchr(text, '\n', end - text);
		const char *stop = newline ? newline : end;
		CLEANUP_FREE char *name = take_word(&text, stop, MAX_NAME);
		CLEANUP_FREE char *source = take_word(&text, stop, MAX_SOURCE);

		if (name && source && *name != '#')
			apply_line(guest, name, source);
		text = newline ? newline + 1 : end;
	}
}
