/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/layout.h"

#include <string.h>

enum { SECTOR = 512, BOOT_CODE_SIZE = 440 };

static const size_t page_sizes[] = {4096, 16384, 65536};

static const char *image_name(const struct layout *layout, size_t disk)
{
	const char *path = layout->images[disk]->files[0].path;
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *layout_place(const struct layout *layout, size_t volume)
{
	const struct guest_filesystem *fs = &layout->guest->filesystems[volume];

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

static void describe(struct guest_filesystem *fs, const struct fs_info *info)
{
	fs->type = text_or_null(info->type);
	fs->uuid = text_or_null(info->uuid);
	fs->label = text_or_null(info->label);
	fs->features = text_or_null(info->features);
	fs->readable = info->readable;
	fs->writable = info->writable;
	fs->why_not = info->writable ? NULL : text_or_null(info->why_not);
}

/* A file system that claims to be readable and does not open is remembered, not fatal: only the
 * guest's fstab says whether it is needed. */
static int open_volume(struct volume *volume, struct guest_filesystem *fs, struct error *err)
{
	volume->fs = fs_open(volume->block, err);
	if (!volume->fs) {
		if (err->kind != ERROR_IMAGE)
			return -1;
		volume->open_error = *err;
		fs->readable = false;
		return 0;
	}
	return fs_space(volume->fs, &fs->space, err);
}

static int probe_contents(struct volume *volume, struct guest_filesystem *fs, struct error *err)
{
	struct fs_info info = {0};

	if (fs_probe(volume->block, &info, err) < 0)
		return -1;
	describe(fs, &info);
	fs_info_free(&info);
	if (!fs->type || strncmp(fs->type, "sw", 2) == 0)
		return probe_hibernation(volume->block, &volume->hibernated, err);
	return fs->readable ? open_volume(volume, fs, err) : 0;
}

/* `partition` is NULL for a disk without a table. */
static int add_volume(struct layout *layout, size_t disk, const struct partition *partition,
		      struct error *err)
{
	struct block *parent = layout->blocks[disk];
	uint64_t offset = partition ? partition->offset : 0;
	uint64_t size = partition ? partition->size : block_size(parent);
	struct guest *guest = layout->guest;
	struct guest_filesystem *fs = ARRAY_ADD(guest->filesystems, guest->n_filesystems);
	struct volume *volume = ARRAY_ADD(layout->volumes, layout->n_volumes);
	CLEANUP_FREE char *place = NULL;

	*fs = (struct guest_filesystem){.disk = disk, .offset = offset, .size = size};
	if (partition) {
		fs->partition = partition->number;
		fs->partition_type = text_or_null(partition->type);
		fs->partuuid = text_or_null(partition->uuid);
		fs->partlabel = text_or_null(partition->label);
	}
	volume->block = block_slice(parent, offset, size, err);
	if (volume->block && probe_contents(volume, fs, err) == 0)
		return 0;
	place = layout_place(layout, layout->n_volumes - 1);
	return error_prefix(err, "%s", place);
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
		return add_volume(layout, disk, NULL, err);
	for (size_t i = 0; i < table->n_partitions; i++)
		if (!is_extended(&table->partitions[i]) &&
		    add_volume(layout, disk, &table->partitions[i], err) < 0)
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

int layout_probe(struct layout *layout, struct error *err)
{
	for (size_t i = 0; i < layout->n_disks; i++)
		if (probe_disk(layout, i, err) < 0)
			return -1;
	return 0;
}

struct fs *layout_take_fs(struct layout *layout, size_t index, bool writable, struct error *err)
{
	struct volume *volume = &layout->volumes[index];
	CLEANUP_FREE char *place = NULL;
	struct fs *fs;

	if (!writable)
		return steal(volume->fs);
	fs_free(steal(volume->fs));
	fs = fs_open_writable(volume->block, err);
	if (fs)
		return fs;
	place = layout_place(layout, index);
	return error_prefix(err, "%s", place), NULL;
}

void layout_free(struct layout *layout)
{
	for (size_t i = 0; i < layout->n_volumes; i++) {
		fs_free(layout->volumes[i].fs);
		block_free(layout->volumes[i].block);
	}
	free(layout->volumes);
	layout->volumes = NULL;
	layout->n_volumes = 0;
}
