/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/crypttab.h"

#include <string.h>

#include "base/buffer.h"
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

/* What the container that a line is about holds; NULL: it was not opened, or is none. */
static struct guest_volume *volume_of_line(const struct guest *guest, const char *name,
					   const char *source)
{
	struct error ignored;
	size_t index;

	if (*name == '#' || strchr(name, '/') ||
	    guest_find_filesystem(guest, source, &index, &ignored) <= 0 ||
	    !fs_type_is_encrypted(guest->filesystems[index].type))
		return NULL;
	return volume_of(guest, &guest->filesystems[index]);
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
		struct guest_volume *volume =
			name && source ? volume_of_line(guest, name, source) : NULL;

		if (volume)
			add_node(volume, name);
		text = newline ? newline + 1 : end;
	}
}

static bool is_needed_early(const struct guest *guest, const struct guest_volume *container)
{
	static const char *const places[] = {"/", "/usr"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		const struct guest_filesystem *fs = guest_filesystem_at(guest, places[i]);

		if (fs && guest_container_of(guest, fs) == container)
			return true;
	}
	return false;
}

/* NAME SOURCE KEY [OPTIONS], without its newline. */
static bool add_option(const char *line, const char *stop, const struct guest *guest,
		       struct buffer *ret)
{
	const char *at = line;
	CLEANUP_FREE char *name = take_word(&at, stop, MAX_NAME);
	CLEANUP_FREE char *source = take_word(&at, stop, MAX_SOURCE);
	CLEANUP_FREE char *key = take_word(&at, stop, MAX_SOURCE);
	CLEANUP_FREE char *options = take_word(&at, stop, MAX_SOURCE);
	const struct guest_volume *container =
		name && source ? volume_of_line(guest, name, source) : NULL;

	if (!container || !key || !is_needed_early(guest, container))
		return false;
	buffer_printf(ret, "%s %s %s %s,initramfs", name, source, key, options ? options : "luks");
	return true;
}

char *crypttab_for_initramfs(const char *text, size_t len, const struct guest *guest)
{
	CLEANUP_BUFFER struct buffer ret = {0};
	const char *end = text + len;
	bool added = false;

	while (text < end) {
		const char *newline = memchr(text, '\n', end - text);
		const char *stop = newline ? newline : end;

		if (add_option(text, stop, guest, &ret))
			added = true;
		else
			buffer_append(&ret, text, (size_t)(stop - text));
		buffer_putc(&ret, '\n');
		text = newline ? newline + 1 : end;
	}
	return added ? buffer_steal(&ret) : NULL;
}
