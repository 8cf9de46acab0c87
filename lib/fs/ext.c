/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ext2/3/4 back end: recognising, opening, flushing.  Everything else is in ext_*.c. */
#include "fs/ext.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int ext_fail(struct ext *ext, struct error *err, errcode_t code, const char *fmt, ...)
{
	const struct error *io = ext_io_error(ext->io);
	char context[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	if ((code == EXT2_ET_SHORT_READ || code == EXT2_ET_SHORT_WRITE) && io->kind != ERROR_NONE) {
		*err = *io;
		return error_prefix(err, "%s", context);
	}
	if (code == EXT2_ET_BLOCK_ALLOC_FAIL)
		return error_set(err, ERROR_IMAGE,
				 "%s: the guest's file system is too small: no free blocks left",
				 context);
	if (code == EXT2_ET_INODE_ALLOC_FAIL)
		return error_set(err, ERROR_IMAGE,
				 "%s: the guest's file system is too small: no free inodes left",
				 context);
	if (code == EXT2_ET_NO_MEMORY)
		abort();
	return error_set(err, ERROR_IMAGE, "%s: %s", context, error_message(code));
}

int ext_damaged(struct error *err, uint64_t ino, const char *what)
{
	return error_set(err, ERROR_IMAGE, "inode %llu: %s; run e2fsck on the file system",
			 (unsigned long long)ino, what);
}

/* Sizes that libext2fs would believe, or allocate by, before it looks at the device. */
#define MAX_DESCRIPTOR_BYTES (64u << 20)

/* Of a group: a power of two, which is divided by. */
static bool is_descriptor_size(unsigned size)
{
	return size >= EXT2_MIN_DESC_SIZE && size <= EXT2_MAX_DESC_SIZE && (size & (size - 1)) == 0;
}

static const char *geometry_problem(struct ext2_super_block *super, uint64_t device_size)
{
	uint64_t blocks = ext2fs_blocks_count(super), per_group = super->s_blocks_per_group;
	unsigned bits = 10 + super->s_log_block_size;

	if (blocks > device_size >> bits)
		return "the file system is larger than its device: it was truncated";
	if (per_group == 0 || !is_descriptor_size(EXT2_DESC_SIZE(super)) ||
	    blocks / per_group > MAX_DESCRIPTOR_BYTES / EXT2_DESC_SIZE(super))
		return "the superblock is damaged";
	if (EXT2_INODE_SIZE(super) > EXT_MAX_INODE_SIZE)
		return "its inodes are larger than 4096 bytes";
	return NULL;
}

static void refuse(struct fs_info *info, const char *problem)
{
	info->readable = info->writable = info->copied = false;
	free(info->why_not);
	info->why_not = xstrdup(problem);
}

static int probe(struct block *block, struct fs_info *ret, struct error *err)
{
	struct ext2_super_block super;
	const char *problem;

	if (block_size(block) < 1024 + sizeof super)
		return 0;
	if (block_read(block, &super, sizeof super, 1024, err) < 0)
		return -1;
	if (super.s_magic != EXT2_SUPER_MAGIC || super.s_log_block_size > 6)
		return 0;
	ext_features_judge(&super, ret);
	problem = geometry_problem(&super, block_size(block));
	if (problem)
		refuse(ret, problem);
	probe_format_uuid(super.s_uuid, ret->uuid);
	ret->label = probe_label(super.s_volume_name, sizeof super.s_volume_name);
	ret->size = ext2fs_blocks_count(&super) << (10 + super.s_log_block_size);
	return 1;
}

/* libext2fs tells what it dislikes to stderr through com_err; the library never prints. */
static void keep_quiet(const char *who, errcode_t code, const char *fmt, va_list ap)
{
	(void)who;
	(void)code;
	(void)fmt;
	(void)ap;
}

static void ext_free(struct fs *fs)
{
	struct ext *ext = ext_of(fs);

	ext_map_free_all(ext);
	ext_dir_free_all(ext);
	free(ext->pending.data);
	if (ext->fs)
		ext2fs_free(ext->fs);
	ext_io_free(ext->io);
	free(ext);
}

static int open_filsys(struct ext *ext, struct error *err)
{
	int flags = EXT2_FLAG_64BITS | EXT2_FLAG_SKIP_MMP | EXT2_FLAG_SOFTSUPP_FEATURES;
	char name[32];
	errcode_t code;

	if (ext->base.writable)
		flags |= EXT2_FLAG_RW;
	ext_io_name(ext->io, name, sizeof name);
	code = ext2fs_open2(name, NULL, flags, 0, 0, ext_io_manager, &ext->fs);
	if (code)
		return ext_fail(ext, err, code, "open the ext file system");
	return 0;
}

static int read_bitmaps(struct ext *ext, struct error *err)
{
	errcode_t code;

	if (!ext->base.writable)
		return 0;
	code = ext2fs_read_bitmaps(ext->fs);
	if (code)
		return ext_fail(ext, err, code, "read the allocation bitmaps");
	return 0;
}

static struct fs *ext_open(struct block *block, bool writable, struct error *err)
{
	struct ext *ext = xcalloc(1, sizeof *ext);

	initialize_ext2_error_table();
	set_com_err_hook(keep_quiet);
	ext->base.ops = &ext_ops;
	ext->base.writable = writable;
	ext->io = ext_io_new(block);
	if (open_filsys(ext, err) < 0 || read_bitmaps(ext, err) < 0) {
		ext_free(&ext->base);
		return NULL;
	}
	return &ext->base;
}

static uint64_t ext_root(const struct fs *fs)
{
	(void)fs;
	return EXT2_ROOT_INO;
}

static int ext_space(struct fs *fs, struct fs_space *ret, struct error *err)
{
	struct ext *ext = ext_of(fs);
	struct ext2_super_block *super = ext->fs->super;

	if (ext_pending_settle(ext, err) < 0)
		return -1;
	*ret = (struct fs_space){
		.block_size = ext->fs->blocksize,
		.free_bytes = ext2fs_free_blocks_count(super) * ext->fs->blocksize,
		.total_bytes = ext2fs_blocks_count(super) * ext->fs->blocksize,
		.free_inodes = super->s_free_inodes_count,
		.total_inodes = super->s_inodes_count,
	};
	return 0;
}

/* Bitmaps, descriptors and superblock, then everything that is dirty.  The state flag was "clean"
 * when the file system was opened (ext_features.c), and ext2fs_flush leaves it so. */
static int ext_flush(struct fs *fs, struct error *err)
{
	struct ext *ext = ext_of(fs);
	errcode_t code;

	if (ext_pending_settle(ext, err) < 0)
		return -1;
	if (ext->fs->flags & EXT2_FLAG_DIRTY) {
		code = ext2fs_flush(ext->fs);
		if (code)
			return ext_fail(ext, err, code, "flush the file system");
	}
	if (ext_io_flush(ext->io, err) < 0)
		return -1;
	return ext_io_sync(ext->io, err);
}

static const char *const chatter[] = {"e2fsck ", "Pass ", "Fix? ", "***", "Warning!", NULL};
#define CHECKED_BY_E2FSCK                                                                          \
	.grub = "ext2", .repair = "e2fsck", .check = {"e2fsck", "-fn"}, .chatter = chatter

static const struct fs_type types[] = {
	{.name = "ext4", .read_only = "ro,noload", CHECKED_BY_E2FSCK},
	{.name = "ext3", .read_only = "ro,noload", CHECKED_BY_E2FSCK},
	{.name = "ext2", .read_only = "ro", CHECKED_BY_E2FSCK},
	{0},
};

const struct fs_ops ext_ops = {
	.types = types,
	.probe = probe,
	.open = ext_open,
	.free = ext_free,
	.root = ext_root,
	.stat = ext_stat,
	.lookup = ext_lookup,
	.read_directory = ext_read_directory,
	.read_link = ext_read_link,
	.read = ext_read,
	.next_data = ext_next_data,
	.read_xattrs = ext_read_xattrs,
	.space = ext_space,
	.create = ext_create,
	.create_link = ext_create_link,
	.link = ext_link,
	.unlink = ext_unlink,
	.truncate = ext_truncate,
	.write = ext_write,
	.set_size = ext_set_size,
	.set_meta = ext_set_meta,
	.set_xattrs = ext_set_xattrs,
	.flush = ext_flush,
};
