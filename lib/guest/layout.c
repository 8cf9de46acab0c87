/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/layout.h"

#include <string.h>

#include "base/file.h"
#include "disk/volume.h"
#include "fs/type.h"
#include "guest/volume.h"

enum { SECTOR = 512, BOOT_CODE_SIZE = 440 };

static const size_t page_sizes[] = {4096, 16384, 65536};

static const char *image_name(const struct layout *layout, size_t disk)
{
	return path_last(layout->images[disk]->files[0].path);
}

char *layout_place(const struct layout *layout, size_t index)
{
	const struct guest_filesystem *fs = &layout->guest->filesystems[index];

	if (fs->volume)
		return guest_filesystem_place(fs);
	if (fs->partition == 0)
		return xstrdup(image_name(layout, fs->disk));
	return xasprintf("partition %u of %s", fs->partition, image_name(layout, fs->disk));
}

bool swap_is_hibernated(const char *buf, size_t len, size_t page_size)
{
	static const char *const signatures[] = {"S1SUSPEND", "S2SUSPEND", "ULSUSPEND",
						 "LINHIB0001"};
	const char *at;

	if (len < page_size)
		return false;
	at = buf + page_size - 10;
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
		if (memcmp(at, signatures[i], strlen(signatures[i])) == 0)
			return true;
	return false;
}

static int probe_hibernation(struct block *block, bool *ret, struct error *err)
{
	char page[65536];
	size_t len = block_size(block) < sizeof page ? block_size(block) : sizeof page;

	if (block_read(block, page, len, 0, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof page_sizes / sizeof *page_sizes; i++)
		if (swap_is_hibernated(page, len, page_sizes[i]))
			*ret = true;
	return 0;
}

static char *text_or_null(const char *text)
{
	return text && *text ? xstrdup(text) : NULL;
}

static void describe(const struct layout *layout, struct guest_filesystem *fs,
		     const struct fs_info *info)
{
	fs->type = text_or_null(info->type);
	fs->uuid = text_or_null(info->uuid);
	fs->label = text_or_null(info->label);
	fs->features = text_or_null(info->features);
	fs->copied = info->copied && layout->host;
	fs->readable = info->readable && !fs->copied;
	fs->writable = info->writable;
	fs->why_not = info->writable ? NULL : text_or_null(info->why_not);
}

/* A file system that claims to be readable and does not open is remembered, not fatal: only the
 * guest's fstab says whether it is needed. */
static int open_place(struct place *place, struct guest_filesystem *fs, struct error *err)
{
	place->fs = fs_open(place->block, err);
	if (!place->fs) {
		if (err->kind != ERROR_IMAGE)
			return -1;
		place->open_error = *err;
		fs->readable = false;
		return 0;
	}
	return fs_space(place->fs, &fs->space, err);
}

static int probe_contents(const struct layout *layout, struct place *place,
			  struct guest_filesystem *fs, struct error *err)
{
	struct fs_info info = {0};

	if (fs_probe(place->block, &info, err) < 0)
		return -1;
	describe(layout, fs, &info);
	fs_info_free(&info);
	if (!fs->type || fs_type_is_swap(fs->type))
		return probe_hibernation(place->block, &place->hibernated, err);
	return fs->readable ? open_place(place, fs, err) : 0;
}

/* Everything that can hold a file system comes in here. */
int layout_add_place(struct layout *layout, const struct guest_filesystem *where, struct error *err)
{
	struct guest *guest = layout->guest;
	struct guest_filesystem *fs = ARRAY_ADD(guest->filesystems, guest->n_filesystems);
	struct place *place = ARRAY_ADD(layout->places, layout->n_places);
	CLEANUP_FREE char *name = NULL;

	*fs = *where;
	place->block = guest_filesystem_block(fs, layout->blocks, err);
	if (place->block && probe_contents(layout, place, fs, err) == 0)
		return 0;
	name = layout_place(layout, layout->n_places - 1);
	return error_prefix(err, "%s", name);
}

static int add_disk(struct layout *layout, size_t disk, struct error *err)
{
	return layout_add_place(
		layout,
		&(struct guest_filesystem){.disk = disk, .size = block_size(layout->blocks[disk])},
		err);
}

static int add_partition(struct layout *layout, size_t disk, const struct partition *partition,
			 struct error *err)
{
	return layout_add_place(
		layout,
		&(struct guest_filesystem){.disk = disk,
					   .partition = partition->number,
					   .offset = partition->offset,
					   .size = partition->size,
					   .partition_type = text_or_null(partition->type),
					   .partuuid = text_or_null(partition->uuid),
					   .partlabel = text_or_null(partition->label)},
		err);
}

static int read_boot_code(struct block *block, bool *ret, struct error *err)
{
	unsigned char sector[SECTOR];
	bool code = false;

	if (block_size(block) < SECTOR)
		return 0;
	if (block_read(block, sector, sizeof sector, 0, err) < 0)
		return -1;
	for (size_t i = 0; i < BOOT_CODE_SIZE; i++)
		code = code || sector[i];
	*ret = code && sector[510] == 0x55 && sector[511] == 0xaa;
	return 0;
}

/* The container of logical partitions is not one itself. */
static bool is_extended(const struct partition *partition)
{
	return strcmp(partition->type, "0x05") == 0 || strcmp(partition->type, "0x0f") == 0 ||
	       strcmp(partition->type, "0x5") == 0 || strcmp(partition->type, "0xf") == 0 ||
	       strcmp(partition->type, "0x85") == 0;
}

static int probe_partitions(struct layout *layout, size_t disk, const struct partition_table *table,
			    struct error *err)
{
	if (table->scheme == PARTITION_SCHEME_NONE)
		return add_disk(layout, disk, err);
	for (size_t i = 0; i < table->n_partitions; i++)
		if (!is_extended(&table->partitions[i]) &&
		    add_partition(layout, disk, &table->partitions[i], err) < 0)
			return -1;
	return 0;
}

static int probe_disk(struct layout *layout, size_t disk, struct error *err)
{
	const struct image *image = layout->images[disk];
	struct guest_disk *entry = ARRAY_ADD(layout->guest->disks, layout->guest->n_disks);
	struct partition_table table = {0};
	int result;

	entry->format = xstrdup(image_format_name(image->files[0].format));
	entry->virtual_size = block_size(layout->blocks[disk]);
	entry->chain_length = image->n_files;
	entry->partition_scheme = xstrdup(partition_scheme_name(PARTITION_SCHEME_NONE));
	if (read_boot_code(layout->blocks[disk], &entry->boot_code, err) < 0 ||
	    partition_table_read(layout->blocks[disk], &table, err) < 0)
		return error_prefix(err, "%s", image_name(layout, disk));
	free(entry->partition_scheme);
	entry->partition_scheme = xstrdup(partition_scheme_name(table.scheme));
	entry->partition_table_id = text_or_null(table.id);
	result = probe_partitions(layout, disk, &table, err);
	partition_table_free(&table);
	return result;
}

/* What cannot be read is there all the same: fstab may name it. */
static void add_unreadable(struct layout *layout, const struct guest_filesystem *where,
			   const char *why_not)
{
	struct guest *guest = layout->guest;
	struct place *place = ARRAY_ADD(layout->places, layout->n_places);

	*ARRAY_ADD(guest->filesystems, guest->n_filesystems) = *where;
	guest->filesystems[guest->n_filesystems - 1].why_not = xstrdup(why_not);
	error_set(&place->open_error, ERROR_IMAGE, "%s", why_not);
}

static int add_volume(struct layout *layout, const struct volume *found, struct error *err)
{
	struct guest_volume *volume = guest_volume_new(found, layout->guest->filesystems);
	struct guest_filesystem where = {
		.disk = volume->members[0].disk, .size = found->size, .volume = volume};
	struct guest_filesystem *fs;

	for (size_t i = 0; i < found->n_members; i++)
		layout->places[found->members[i]].member = true;
	if (found->why_not_read) {
		add_unreadable(layout, &where, found->why_not_read);
		return 0;
	}
	if (layout_add_place(layout, &where, err) < 0)
		return -1;
	fs = &layout->guest->filesystems[layout->guest->n_filesystems - 1];
	if (found->why_not_write) {
		layout->places[layout->n_places - 1].read_only = true;
		fs->writable = false;
		free(fs->why_not);
		fs->why_not = xstrdup(found->why_not_write);
	}
	return 0;
}

/* Everything but what holds a file system that can be read may be a piece of volumes. */
static void set_members(const struct layout *layout, struct volume_member *members, char **places)
{
	for (size_t i = 0; i < layout->n_places; i++) {
		places[i] = layout_place(layout, i);
		members[i] = (struct volume_member){.block = layout->guest->filesystems[i].readable
								     ? NULL
								     : layout->places[i].block,
						    .place = places[i]};
	}
}

static int add_volumes(struct layout *layout, const struct volume_set *set, struct error *err)
{
	for (size_t i = 0; i < set->n_problems; i++)
		if (set->problems[i])
			error_set(&layout->places[i].open_error, ERROR_IMAGE, "%s",
				  set->problems[i]);
	for (size_t i = 0; i < set->n_volumes; i++)
		if (add_volume(layout, &set->volumes[i], err) < 0)
			return -1;
	return 0;
}

static int probe_volumes(struct layout *layout, struct error *err)
{
	size_t n = layout->n_places;
	CLEANUP_FREE struct volume_member *members = xcalloc(n + 1, sizeof *members);
	CLEANUP_FREE char **places = xcalloc(n + 1, sizeof *places);
	CLEANUP_VOLUMES struct volume_set set = {0};
	int result;

	set_members(layout, members, places);
	result = volumes_find(members, n, &set, err);
	for (size_t i = 0; i < n; i++)
		free(places[i]);
	return result < 0 ? -1 : add_volumes(layout, &set, err);
}

int layout_probe(struct layout *layout, struct error *err)
{
	size_t n_plain;

	for (size_t i = 0; i < layout->n_disks; i++)
		if (probe_disk(layout, i, err) < 0)
			return -1;
	/* volumes in containers, and containers in volumes */
	if (layout_decrypt(layout, 0, err) < 0)
		return -1;
	n_plain = layout->n_places;
	return probe_volumes(layout, err) < 0 ? -1 : layout_decrypt(layout, n_plain, err);
}

struct fs *layout_take_fs(struct layout *layout, size_t index, struct error *err)
{
	const struct guest_filesystem *info = &layout->guest->filesystems[index];
	struct place *place = &layout->places[index];
	CLEANUP_FREE char *name = layout_place(layout, index);
	struct fs *fs;

	if (!layout->writable || info->copied)
		return steal(place->fs);
	fs_free(steal(place->fs));
	/* Of a volume more than the file system decides that. */
	if (info->volume && !info->writable) {
		error_set(err, ERROR_IMAGE, "%s cannot be written: %s", name, info->why_not);
		return NULL;
	}
	fs = fs_open_writable(place->block, err);
	return fs ? fs : (error_prefix(err, "%s", name), NULL);
}

void layout_free(struct layout *layout)
{
	for (size_t i = 0; i < layout->n_places; i++) {
		fs_free(layout->places[i].fs);
		block_free(layout->places[i].block);
	}
	copies_free(steal(layout->copies));
	free(layout->places);
	layout->places = NULL;
	layout->n_places = 0;
}
