/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/volume.h"

#include <string.h>

#include "base/memory.h"

static void add_segment(struct guest_volume *volume, size_t disk, uint64_t offset, uint64_t size)
{
	*ARRAY_ADD(volume->segments, volume->n_segments) =
		(struct guest_segment){.disk = disk, .offset = offset, .size = size};
}

void guest_volume_add_segments(struct guest_volume *volume, const struct guest_filesystem *place,
			       uint64_t offset, uint64_t size)
{
	const struct guest_volume *below = place->volume;

	if (!below) {
		add_segment(volume, place->disk, place->offset + offset, size);
		return;
	}
	for (size_t i = 0; i < below->n_segments && size; i++) {
		const struct guest_segment *segment = &below->segments[i];
		uint64_t n;

		if (offset >= segment->size) {
			offset -= segment->size;
			continue;
		}
		n = segment->size - offset < size ? segment->size - offset : size;
		add_segment(volume, segment->disk, segment->offset + offset, n);
		size -= n;
		offset = 0;
	}
}

struct guest_volume *guest_volume_new(const struct volume *found,
				      const struct guest_filesystem *members)
{
	struct guest_volume *volume = xcalloc(1, sizeof *volume);

	volume->manager = xstrdup(found->manager);
	volume->group = xstrdup(found->group);
	volume->group_uuid = xstrdup(found->group_uuid);
	volume->name = xstrdup(found->name);
	volume->uuid = xstrdup(found->uuid);
	volume->grub = xstrdup(found->grub);
	for (size_t i = 0; i < found->n_nodes; i++)
		*ARRAY_ADD(volume->nodes, volume->n_nodes) = xstrdup(found->nodes[i]);
	for (size_t i = 0; i < found->n_members; i++) {
		const struct guest_filesystem *member = &members[found->members[i]];

		*ARRAY_ADD(volume->members, volume->n_members) =
			(struct guest_member){.disk = member->disk, .partition = member->partition};
	}
	for (size_t i = 0; i < found->n_segments; i++) {
		const struct volume_segment *segment = &found->segments[i];

		guest_volume_add_segments(volume, &members[segment->member], segment->offset,
					  segment->size);
	}
	return volume;
}

struct guest_volume *guest_volume_copy(const struct guest_volume *volume)
{
	struct guest_volume *copy;

	if (!volume)
		return NULL;
	copy = xmemdup(volume, sizeof *volume);
	copy->manager = xstrdup(volume->manager);
	copy->group = xstrdup(volume->group);
	copy->group_uuid = xstrdup(volume->group_uuid);
	copy->name = xstrdup(volume->name);
	copy->uuid = xstrdup(volume->uuid);
	copy->grub = xstrdup(volume->grub);
	copy->nodes = xmemdup(volume->nodes, volume->n_nodes * sizeof *volume->nodes);
	for (size_t i = 0; i < volume->n_nodes; i++)
		copy->nodes[i] = xstrdup(volume->nodes[i]);
	copy->members = xmemdup(volume->members, volume->n_members * sizeof *volume->members);
	copy->segments = xmemdup(volume->segments, volume->n_segments * sizeof *volume->segments);
	return copy;
}

void guest_volume_free(struct guest_volume *volume)
{
	if (!volume)
		return;
	for (size_t i = 0; i < volume->n_nodes; i++)
		free(volume->nodes[i]);
	free(volume->nodes);
	free(volume->manager);
	free(volume->group);
	free(volume->group_uuid);
	free(volume->name);
	free(volume->uuid);
	free(volume->grub);
	free(volume->members);
	free(volume->segments);
	free(volume);
}

static bool overlap(const struct guest_volume *a, const struct guest_volume *b)
{
	for (size_t i = 0; i < a->n_segments; i++)
		for (size_t j = 0; j < b->n_segments; j++) {
			const struct guest_segment *x = &a->segments[i], *y = &b->segments[j];

			if (x->disk == y->disk && x->offset < y->offset + y->size &&
			    y->offset < x->offset + x->size)
				return true;
		}
	return false;
}

const struct guest_volume *guest_container_of(const struct guest *guest,
					      const struct guest_filesystem *fs)
{
	for (size_t i = 0; fs->volume && i < guest->n_filesystems; i++) {
		const struct guest_volume *volume = guest->filesystems[i].volume;

		if (volume && strcmp(volume->manager, "luks") == 0 && overlap(volume, fs->volume))
			return volume;
	}
	return NULL;
}

struct block *guest_filesystem_block(const struct guest_filesystem *fs, struct block *const *blocks,
				     struct error *err)
{
	const struct guest_volume *volume = fs->volume;
	CLEANUP_FREE struct block_piece *pieces = NULL;

	if (!volume)
		return block_slice(blocks[fs->disk], fs->offset, fs->size, err);
	if (volume->n_segments == 0) {
		error_set(err, ERROR_IMAGE, "the volume is not read directly: %s",
			  fs->why_not ? fs->why_not : "the reason is not known");
		return NULL;
	}
	pieces = xcalloc(volume->n_segments, sizeof *pieces);
	for (size_t i = 0; i < volume->n_segments; i++) {
		const struct guest_segment *segment = &volume->segments[i];

		pieces[i] = (struct block_piece){.parent = blocks[segment->disk],
						 .offset = segment->offset,
						 .size = segment->size};
	}
	return block_join(pieces, volume->n_segments, err);
}
