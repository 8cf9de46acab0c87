/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encrypted containers.  One that opens becomes a volume whose segments are where its content lies;
 * the blocks of the disks show it in the clear from then on (disk/encrypted.h), so that nobody
 * above has to know.  The volume's name is the container's UUID, its group that of all containers.
 */
#include <string.h>

#include "fs/type.h"
#include "guest/layout.h"
#include "guest/volume.h"

#define MANAGER "luks"

/* The names that a guest has for it, until its crypttab says another. */
static struct guest_volume *volume_new(const struct guest_filesystem *container)
{
	struct guest_volume *volume = xcalloc(1, sizeof *volume);
	const char *uuid = container->uuid ? container->uuid : "";
	char *grub = xasprintf("cryptouuid/%s", uuid), *to = grub;

	for (const char *from = grub; *from; from++)
		if (*from != '-')
			*to++ = *from;
	*to = '\0';
	volume->manager = xstrdup(MANAGER);
	volume->group = xstrdup(MANAGER);
	volume->group_uuid = xstrdup(uuid);
	volume->name = xstrdup(uuid);
	volume->uuid = xstrdup(uuid);
	volume->grub = grub;
	*ARRAY_ADD(volume->nodes, volume->n_nodes) = xasprintf("/dev/mapper/luks-%s", uuid);
	*ARRAY_ADD(volume->members, volume->n_members) =
		(struct guest_member){.disk = container->disk, .partition = container->partition};
	return volume;
}

/* In the order of the content. */
static int show(const struct layout *layout, const struct guest_volume *volume,
		const struct encrypted_content *content, struct error *err)
{
	uint64_t skip = 0;

	for (size_t i = 0; i < volume->n_segments; i++) {
		const struct guest_segment *segment = &volume->segments[i];

		if (clear_add(layout->blocks[segment->disk], segment->offset, segment->size, skip,
			      content, err) < 0)
			return -1;
		skip += segment->size;
	}
	return 0;
}

static int add_content(struct layout *layout, size_t index, const struct encrypted_content *content,
		       struct error *err)
{
	const struct guest_filesystem *container = &layout->guest->filesystems[index];
	struct guest_volume *volume = volume_new(container);
	struct guest_filesystem where = {
		.disk = container->disk, .size = content->size, .volume = volume};

	guest_volume_add_segments(volume, container, content->offset, content->size);
	if (show(layout, volume, content, err) < 0) {
		guest_volume_free(volume);
		return -1;
	}
	layout->places[index].member = true;
	return layout_add_place(layout, &where, err);
}

/* 1: it was opened. */
static int open_container(struct layout *layout, size_t index, struct error *err)
{
	struct encrypted_content content;
	int found = encrypted_open(layout->places[index].block, layout->keys, layout->n_keys,
				   &content, err);

	if (found == 0)
		return error_set(err, ERROR_IMAGE,
				 "it is encrypted, and %s; give the file that opens it with "
				 "--disk-key FILE",
				 layout->n_keys ? "none of the keys given opens it"
						: "no key was given");
	if (found > 0)
		found = add_content(layout, index, &content, err);
	explicit_bzero(&content, sizeof content);
	return found;
}

int layout_decrypt(struct layout *layout, size_t first, struct error *err)
{
	size_t n = layout->n_places;

	for (size_t i = first; i < n; i++) {
		struct error problem = {0};

		if (!layout->places[i].block ||
		    !fs_type_is_encrypted(layout->guest->filesystems[i].type) ||
		    open_container(layout, i, &problem) == 0)
			continue;
		if (problem.kind != ERROR_IMAGE) {
			*err = problem;
			return -1;
		}
		layout->places[i].open_error = problem;
	}
	return 0;
}
