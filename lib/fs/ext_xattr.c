/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading extended attributes.  Entries lie behind the fixed part of the inode and, when those do
 * not suffice, in one block that several inodes may share.  A value lies in the same area, counted
 * from its first entry or from the start of the block, or (feature ea_inode) is the content of an
 * inode of its own.  Everything here is the guest's claim and checked before it is followed.
 */
#include <linux/limits.h>
#include <string.h>

#include "fs/ext.h"

/* Prefixes by name index; an index that is not here is no attribute that a user sees (9 is the
 * encryption context). */
static const char *const prefixes[] = {
	[1] = "user.",
	[2] = "system.posix_acl_access",
	[3] = "system.posix_acl_default",
	[4] = "trusted.",
	[6] = "security.",
	[7] = "system.",
	[8] = "system.richacl",
};

bool ext_xattr_is_data(const struct ext_xattr_entry *entry)
{
	return entry->name_index == 7 && strcmp(entry->name, "data") == 0;
}

bool ext_xattr_inode_area(struct ext *ext, const union ext_inode *inode, struct ext_xattr_area *ret)
{
	size_t size = EXT2_INODE_SIZE(ext->fs->super), start;
	uint32_t magic;

	if (size <= EXT2_GOOD_OLD_INODE_SIZE)
		return false;
	start = EXT2_GOOD_OLD_INODE_SIZE + inode->large.i_extra_isize;
	if (start + sizeof magic >= size || inode->large.i_extra_isize == 0)
		return false;
	memcpy(&magic, inode->bytes + start, sizeof magic);
	if (magic != EXT2_EXT_ATTR_MAGIC)
		return false;
	start += sizeof magic;
	ret->entries = ret->base = inode->bytes + start;
	ret->size = size - start;
	return true;
}

int ext_xattr_block_area(struct ext *ext, uint64_t ino, const union ext_inode *inode, void *buf,
			 struct ext_xattr_area *ret, struct error *err)
{
	const struct ext2_ext_attr_header *header = buf;
	blk64_t block = ext2fs_file_acl_block(ext->fs, &inode->small);
	errcode_t code;

	*ret = (struct ext_xattr_area){0};
	if (!block)
		return 0;
	if (block < ext->fs->super->s_first_data_block ||
	    block >= ext2fs_blocks_count(ext->fs->super))
		return ext_damaged(err, ino, "its attribute block does not exist");
	code = ext2fs_read_ext_attr3(ext->fs, block, buf, (ext2_ino_t)ino);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: attribute block",
				(unsigned long long)ino);
	if (header->h_magic != EXT2_EXT_ATTR_MAGIC)
		return ext_damaged(err, ino, "its attribute block is of an old format");
	ret->base = buf;
	ret->entries = ret->base + sizeof *header;
	ret->size = ext->fs->blocksize - sizeof *header;
	return 0;
}

static bool value_fits(const struct ext_xattr_area *area, const struct ext2_ext_attr_entry *raw)
{
	size_t total = area->size + (size_t)(area->entries - area->base);

	return raw->e_value_offs <= total && raw->e_value_size <= total - raw->e_value_offs;
}

/* The entry at `offset`; *ret_next is where the next begins, 0 when this was the end. */
static int parse_entry(uint64_t ino, const struct ext_xattr_area *area, size_t offset,
		       struct ext_xattr_entry *ret, size_t *ret_next, struct error *err)
{
	struct ext2_ext_attr_entry raw;
	uint32_t end;

	*ret_next = 0;
	if (area->size - offset < sizeof end)
		return ext_damaged(err, ino, "its attributes have no end");
	memcpy(&end, area->entries + offset, sizeof end);
	if (end == 0)
		return 0;
	if (area->size - offset < sizeof raw)
		return ext_damaged(err, ino, "an attribute is cut off");
	memcpy(&raw, area->entries + offset, sizeof raw);
	if (area->size - offset - sizeof raw < EXT2_EXT_ATTR_LEN(raw.e_name_len) - sizeof raw)
		return ext_damaged(err, ino, "the name of an attribute is cut off");
	if (raw.e_value_size > XATTR_SIZE_MAX || (!raw.e_value_inum && !value_fits(area, &raw)))
		return ext_damaged(err, ino, "the value of an attribute lies outside");
	*ret = (struct ext_xattr_entry){
		.name_index = raw.e_name_index,
		.value_ino = raw.e_value_inum,
		.value_size = raw.e_value_size,
	};
	memcpy(ret->name, area->entries + offset + sizeof raw, raw.e_name_len);
	if (!raw.e_value_inum && raw.e_value_size)
		ret->value = area->base + raw.e_value_offs;
	*ret_next = offset + EXT2_EXT_ATTR_LEN(raw.e_name_len);
	return 0;
}

int ext_xattr_each(uint64_t ino, const struct ext_xattr_area *area, ext_xattr_callback *callback,
		   void *opaque, struct error *err)
{
	struct ext_xattr_entry entry;
	size_t offset = 0, next;

	for (;; offset = next) {
		if (parse_entry(ino, area, offset, &entry, &next, err) < 0)
			return -1;
		if (!next)
			return 0;
		if (callback(opaque, &entry, err) < 0)
			return -1;
	}
}

struct xattr_reader {
	struct ext *ext;
	uint64_t ino;
	struct fs_xattrs xattrs;
};

static int read_value_inode(struct xattr_reader *reader, const struct ext_xattr_entry *entry,
			    uint8_t *value, struct error *err)
{
	struct ext *ext = reader->ext;
	union ext_inode inode;

	if (ext_inode_read(ext, entry->value_ino, &inode, err) < 0)
		return -1;
	if (!(inode.small.i_flags & EXT4_EA_INODE_FL) || inode.small.i_size != entry->value_size)
		return ext_damaged(err, reader->ino, "an attribute's value is in a wrong inode");
	if (ext_read_content(ext, entry->value_ino, &inode, value, entry->value_size, 0, err) < 0)
		return -1;
	if (ext2fs_crc32c_le(ext->fs->csum_seed, value, entry->value_size) != inode.small.i_atime)
		return ext_damaged(err, reader->ino, "an attribute's value has a wrong checksum");
	return 0;
}

static int read_value(struct xattr_reader *reader, const struct ext_xattr_entry *entry,
		      struct fs_xattr *ret, struct error *err)
{
	CLEANUP_FREE uint8_t *raw = xmalloc(entry->value_size);

	if (entry->value_ino) {
		if (read_value_inode(reader, entry, raw, err) < 0)
			return -1;
	} else if (entry->value) {
		memcpy(raw, entry->value, entry->value_size);
	}
	if (ext_acl_is_name(ret->name)) {
		ret->value = ext_acl_from_disk(raw, entry->value_size, &ret->size);
		if (!ret->value)
			return ext_damaged(err, reader->ino, "malformed ACL");
		return 0;
	}
	ret->size = entry->value_size;
	ret->value = steal(raw);
	return 0;
}

static int read_entry(void *opaque, const struct ext_xattr_entry *entry, struct error *err)
{
	struct xattr_reader *reader = opaque;
	const char *prefix = NULL;
	struct fs_xattr *xattr;

	if (entry->name_index < sizeof prefixes / sizeof *prefixes)
		prefix = prefixes[entry->name_index];
	if (!prefix || ext_xattr_is_data(entry))
		return 0;
	xattr = ARRAY_ADD(reader->xattrs.items, reader->xattrs.n_items);
	xattr->name = xasprintf("%s%s", prefix, entry->name);
	return read_value(reader, entry, xattr, err);
}

static int read_all(struct xattr_reader *reader, const union ext_inode *inode, void *buf,
		    struct error *err)
{
	struct ext_xattr_area area;

	if (ext_xattr_inode_area(reader->ext, inode, &area) &&
	    ext_xattr_each(reader->ino, &area, read_entry, reader, err) < 0)
		return -1;
	if (ext_xattr_block_area(reader->ext, reader->ino, inode, buf, &area, err) < 0)
		return -1;
	if (!area.entries)
		return 0;
	return ext_xattr_each(reader->ino, &area, read_entry, reader, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct fs_xattr *)a)->name, ((const struct fs_xattr *)b)->name);
}

int ext_read_xattrs(struct fs *fs, uint64_t ino, struct fs_xattrs *ret, struct error *err)
{
	struct ext *ext = ext_of(fs);
	struct xattr_reader reader = {.ext = ext, .ino = ino};
	CLEANUP_FREE uint8_t *buf = xmalloc(ext->fs->blocksize);
	union ext_inode inode;

	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	if (read_all(&reader, &inode, buf, err) < 0) {
		fs_xattrs_free(&reader.xattrs);
		return -1;
	}
	if (reader.xattrs.n_items)
		qsort(reader.xattrs.items, reader.xattrs.n_items, sizeof *reader.xattrs.items,
		      compare_names);
	*ret = reader.xattrs;
	return 0;
}
