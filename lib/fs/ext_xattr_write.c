/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replacing the extended attributes of an inode.
 *
 * The attribute block is taken off by hand before libext2fs looks: the block may be shared between
 * inodes, and the inodes that hold its large values are counted once for the block, not once for
 * each inode that shares it.  libext2fs, taking attributes off one by one, would count them down
 * while another inode still needs them.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "fs/ext.h"

static int put_value_inode(struct ext *ext, uint64_t ino, struct error *err)
{
	struct ext_xattr_area area;
	union ext_inode inode;
	uint64_t count;

	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	count = ext2fs_get_ea_inode_ref(&inode.small);
	if (!(inode.small.i_flags & EXT4_EA_INODE_FL) || count == 0 ||
	    ext2fs_file_acl_block(ext->fs, &inode.small) ||
	    ext_xattr_inode_area(ext, &inode, &area))
		return ext_damaged(err, ino, "it is used as an attribute's value but is none");
	ext2fs_set_ea_inode_ref(&inode.small, count - 1);
	if (ext_inode_write(ext, ino, &inode, err) < 0)
		return -1;
	return count > 1 ? 0 : ext_inode_release(ext, ino, err);
}

static int put_entry(void *opaque, const struct ext_xattr_entry *entry, struct error *err)
{
	struct ext *ext = opaque;

	return entry->value_ino ? put_value_inode(ext, entry->value_ino, err) : 0;
}

struct value_count {
	uint64_t cluster_size, clusters;
};

static int count_entry(void *opaque, const struct ext_xattr_entry *entry, struct error *err)
{
	struct value_count *count = opaque;

	(void)err;
	if (entry->value_ino)
		count->clusters +=
			(entry->value_size + count->cluster_size - 1) / count->cluster_size;
	return 0;
}

/* Clusters that large values of the inode take, as i_blocks counts them. */
static int count_large_values(struct ext *ext, uint64_t ino, const union ext_inode *inode,
			      uint64_t *ret, struct error *err)
{
	CLEANUP_FREE uint8_t *buf = xmalloc(ext->fs->blocksize);
	struct value_count count = {.cluster_size = EXT2_CLUSTER_SIZE(ext->fs->super)};
	struct ext_xattr_area area;

	if (ext_xattr_inode_area(ext, inode, &area) &&
	    ext_xattr_each(ino, &area, count_entry, &count, err) < 0)
		return -1;
	if (ext_xattr_block_area(ext, ino, inode, buf, &area, err) < 0)
		return -1;
	if (area.entries && ext_xattr_each(ino, &area, count_entry, &count, err) < 0)
		return -1;
	*ret = count.clusters;
	return 0;
}

static int drop_block(struct ext *ext, uint64_t ino, union ext_inode *inode, struct error *err)
{
	CLEANUP_FREE uint8_t *buf = xmalloc(ext->fs->blocksize);
	const struct ext2_ext_attr_header *header = (const void *)buf;
	struct ext_xattr_area area;
	errcode_t code;

	if (ext_xattr_block_area(ext, ino, inode, buf, &area, err) < 0)
		return -1;
	if (!area.entries)
		return 0;
	if (header->h_refcount == 0)
		return ext_damaged(err, ino, "its attribute block is not in use");
	if (header->h_refcount == 1 && ext_xattr_each(ino, &area, put_entry, ext, err) < 0)
		return -1;
	code = ext2fs_free_ext_attr(ext->fs, (ext2_ino_t)ino, &inode->large);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: free the attribute block",
				(unsigned long long)ino);
	return ext_inode_write(ext, ino, inode, err);
}

struct name_list {
	char **names;
	size_t n_names;
};

static int list_name(char *name, char *value, size_t size, void *opaque)
{
	struct name_list *list = opaque;

	(void)value;
	(void)size;
	if (strcmp(name, "system.data") != 0)
		*ARRAY_ADD(list->names, list->n_names) = xstrdup(name);
	return 0;
}

static errcode_t remove_all(struct ext2_xattr_handle *handle)
{
	struct name_list list = {0};
	errcode_t code = ext2fs_xattrs_iterate(handle, list_name, &list);

	for (size_t i = 0; i < list.n_names; i++) {
		if (!code)
			code = ext2fs_xattr_remove(handle, list.names[i]);
		free(list.names[i]);
	}
	free(list.names);
	return code;
}

/* ACLs are converted here (ext_acl.c); the handle takes every value as it is. */
static errcode_t handle_open(struct ext *ext, uint64_t ino, struct ext2_xattr_handle **ret)
{
	unsigned int raw = XATTR_HANDLE_FLAG_RAW;
	errcode_t code = ext2fs_xattrs_open(ext->fs, (ext2_ino_t)ino, ret);

	if (code)
		return code;
	code = ext2fs_xattrs_flags(*ret, &raw, NULL);
	if (!code)
		code = ext2fs_xattrs_read(*ret);
	if (code)
		ext2fs_xattrs_close(ret);
	return code;
}

int ext_xattrs_drop(struct ext *ext, uint64_t ino, union ext_inode *inode, struct error *err)
{
	struct ext2_xattr_handle *handle;
	struct ext_xattr_area area;
	uint64_t clusters;
	errcode_t code;

	if (count_large_values(ext, ino, inode, &clusters, err) < 0)
		return -1;
	if (clusters) {
		ext2fs_iblk_sub_blocks(ext->fs, &inode->small, clusters);
		if (ext_inode_write(ext, ino, inode, err) < 0)
			return -1;
	}
	if (drop_block(ext, ino, inode, err) < 0)
		return -1;
	if (!ext_xattr_inode_area(ext, inode, &area))
		return 0;
	code = handle_open(ext, ino, &handle);
	if (!code) {
		code = remove_all(handle);
		ext2fs_xattrs_close(&handle);
	}
	if (code)
		return ext_fail(ext, err, code, "inode %llu: remove attributes",
				(unsigned long long)ino);
	return ext_inode_read(ext, ino, inode, err);
}

static errcode_t set_one(struct ext2_xattr_handle *handle, const struct fs_xattr *xattr)
{
	CLEANUP_FREE void *disk = NULL;
	size_t size;

	if (!ext_acl_is_name(xattr->name))
		return ext2fs_xattr_set(handle, xattr->name, xattr->value, xattr->size);
	disk = ext_acl_to_disk(xattr->value, xattr->size, &size);
	return disk ? ext2fs_xattr_set(handle, xattr->name, disk, size) : EINVAL;
}

static bool name_known(const char *name)
{
	static const char *const known[] = {"user.", "trusted.", "security."};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t len = strlen(known[i]);

		if (strncmp(name, known[i], len) == 0)
			return name[len] && strlen(name) - len <= 255;
	}
	return ext_acl_is_name(name);
}

static int set_checked(struct ext *ext, struct ext2_xattr_handle *handle, uint64_t ino,
		       const struct fs_xattr *xattr, struct error *err)
{
	errcode_t code;

	if (!name_known(xattr->name))
		return error_set(err, ERROR_IMAGE, "inode %llu: ext4 has no attribute %s",
				 (unsigned long long)ino, xattr->name);
	code = set_one(handle, xattr);
	if (code == EXT2_ET_EA_NO_SPACE)
		return error_set(err, ERROR_IMAGE,
				 "inode %llu: no room for the attribute %s of %zu bytes",
				 (unsigned long long)ino, xattr->name, xattr->size);
	if (code == EINVAL)
		return error_set(err, ERROR_IMAGE, "inode %llu: malformed %s",
				 (unsigned long long)ino, xattr->name);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: set %s", (unsigned long long)ino,
				xattr->name);
	return 0;
}

static int set_all(struct ext *ext, uint64_t ino, const struct fs_xattrs *xattrs, struct error *err)
{
	struct ext2_xattr_handle *handle;
	int result = 0;
	errcode_t code;

	if (!ext2fs_has_feature_xattr(ext->fs->super)) {
		ext2fs_set_feature_xattr(ext->fs->super);
		ext2fs_mark_super_dirty(ext->fs);
	}
	code = handle_open(ext, ino, &handle);
	if (code)
		return ext_fail(ext, err, code, "inode %llu: attributes", (unsigned long long)ino);
	for (size_t i = 0; result == 0 && i < xattrs->n_items; i++)
		result = set_checked(ext, handle, ino, &xattrs->items[i], err);
	ext2fs_xattrs_close(&handle);
	return result;
}

static int add_large_values(struct ext *ext, uint64_t ino, struct error *err)
{
	union ext_inode inode;
	uint64_t clusters;

	if (ext_inode_read(ext, ino, &inode, err) < 0 ||
	    count_large_values(ext, ino, &inode, &clusters, err) < 0)
		return -1;
	if (!clusters)
		return 0;
	ext2fs_iblk_add_blocks(ext->fs, &inode.small, clusters);
	return ext_inode_write(ext, ino, &inode, err);
}

int ext_set_xattrs(struct fs *fs, uint64_t ino, const struct fs_xattrs *xattrs, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;

	if (ext_pending_settle(ext, err) < 0 || ext_inode_read(ext, ino, &inode, err) < 0 ||
	    ext_xattrs_drop(ext, ino, &inode, err) < 0)
		return -1;
	if (!xattrs->n_items)
		return 0;
	if (set_all(ext, ino, xattrs, err) < 0)
		return -1;
	return add_large_values(ext, ino, err);
}
