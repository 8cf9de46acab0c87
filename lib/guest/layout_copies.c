/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places that an appliance copies (fs/copies.h).  One that has several trees gets an entry for
 * each: the first tree is in the place's own entry, the others follow behind all places.
 */
#include <string.h>

#include "guest/layout.h"
#include "guest/volume.h"

static bool is_copyable(const struct layout *layout, size_t index)
{
	return layout->guest->filesystems[index].copied && layout->places[index].block;
}

bool layout_can_copy(const struct layout *layout)
{
	for (size_t i = 0; layout->host && !layout->copies && i < layout->n_places; i++)
		if (is_copyable(layout, i))
			return true;
	return false;
}

static struct copies_source source_of(const struct layout *layout, size_t index)
{
	const struct guest_filesystem *fs = &layout->guest->filesystems[index];

	return (struct copies_source){.block = layout->places[index].block,
				      .disk = fs->disk,
				      .partition = fs->partition,
				      .type = fs->type,
				      .uuid = fs->uuid,
				      .label = fs->label,
				      .partuuid = fs->partuuid,
				      .partlabel = fs->partlabel,
				      .nodes = fs->volume ? fs->volume->nodes : NULL,
				      .n_nodes = fs->volume ? fs->volume->n_nodes : 0};
}

static char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* Another entry for the file system in entry `index`. */
static size_t add_entry(struct layout *layout, size_t index)
{
	struct guest *guest = layout->guest;
	struct guest_filesystem *fs = ARRAY_ADD(guest->filesystems, guest->n_filesystems);

	(void)ARRAY_ADD(layout->places, layout->n_places);
	*fs = guest->filesystems[index];
	fs->partition_type = dup_or_null(fs->partition_type);
	fs->partuuid = dup_or_null(fs->partuuid);
	fs->partlabel = dup_or_null(fs->partlabel);
	fs->type = dup_or_null(fs->type);
	fs->uuid = dup_or_null(fs->uuid);
	fs->label = dup_or_null(fs->label);
	fs->features = dup_or_null(fs->features);
	fs->why_not = dup_or_null(fs->why_not);
	fs->part = NULL;
	fs->volume = guest_volume_copy(fs->volume);
	return guest->n_filesystems - 1;
}

static int add_tree(struct layout *layout, size_t index, size_t tree, struct error *err)
{
	const struct copied_tree *copied = copies_tree(layout->copies, tree);
	const struct place *own = &layout->places[index];
	bool taken = own->fs || own->open_error.kind, read_only = own->read_only;
	size_t entry = taken ? add_entry(layout, index) : index;
	struct guest_filesystem *fs = &layout->guest->filesystems[entry];
	struct place *place = &layout->places[entry];

	fs->part = dup_or_null(copied->part);
	if (copied->problem) {
		error_set(&place->open_error, ERROR_IMAGE, "%s", copied->problem);
		return 0;
	}
	place->fs = copies_fs(layout->copies, tree, err);
	fs->readable = true;
	fs->writable = !read_only;
	if (fs->writable)
		free(steal(fs->why_not));
	fs->space = copied->space;
	return place->fs ? 0 : -1;
}

int layout_copy(struct layout *layout, const char *fstab, struct error *err)
{
	CLEANUP_FREE struct copies_source *sources = xcalloc(layout->n_places + 1, sizeof *sources);
	CLEANUP_FREE size_t *volumes = xcalloc(layout->n_places + 1, sizeof *volumes);
	size_t n = 0;

	for (size_t i = 0; i < layout->n_places; i++)
		if (is_copyable(layout, i)) {
			sources[n] = source_of(layout, i);
			volumes[n++] = i;
		}
	layout->copies = copies_open(layout->host, sources, n, fstab, layout->writable, err);
	if (!layout->copies)
		return -1;
	for (size_t i = 0; i < copies_n_trees(layout->copies); i++)
		if (add_tree(layout, volumes[copies_tree(layout->copies, i)->source], i, err) < 0)
			return -1;
	return 0;
}

bool layout_find_tree(const struct layout *layout, size_t index, const char *part, size_t *ret)
{
	const struct guest *guest = layout->guest;
	const struct guest_filesystem *fs = &guest->filesystems[index];

	for (size_t i = index; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *other = &guest->filesystems[i];

		if ((i == index || (other->copied && guest_filesystem_same(fs, other))) &&
		    strcmp(other->part ? other->part : "", part ? part : "") == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}
