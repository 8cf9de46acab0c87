/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making and removing names with what they stand for.  A directory counts a link for its own ".",
 * one for its name, and one for the ".." of each directory in it; past 65000 (feature dir_nlink)
 * the count is 1, which means "many", and stays so.
 */
#include <string.h>
#include <sys/stat.h>

#include "fs/ext.h"

#define MAX_DIR_LINKS 65000u

static int require_free(struct ext *ext, uint64_t dir, const char *name, struct error *err)
{
	const struct ext_dir *names = ext_dir_get(ext, dir, err);

	if (!names)
		return -1;
	if (ext_dir_find(names, name))
		return error_set(err, ERROR_BUG, "inode %llu: the name %s is taken",
				 (unsigned long long)dir, name);
	return 0;
}

static void set_device(union ext_inode *inode, const struct fs_stat *meta)
{
	uint32_t major = meta->rdev_major, minor = meta->rdev_minor;

	if (major < 256 && minor < 256)
		inode->small.i_block[0] = major << 8 | minor;
	else
		inode->small.i_block[1] = (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

static int parent_gains(struct ext *ext, uint64_t dir, struct error *err)
{
	union ext_inode inode;

	if (ext_inode_read(ext, dir, &inode, err) < 0)
		return -1;
	if (inode.small.i_links_count == 1)
		return 0;
	if (inode.small.i_links_count < MAX_DIR_LINKS)
		inode.small.i_links_count++;
	else if (ext2fs_has_feature_dir_nlink(ext->fs->super))
		inode.small.i_links_count = 1;
	else
		return error_set(err, ERROR_IMAGE, "inode %llu: too many directories in one",
				 (unsigned long long)dir);
	return ext_inode_write(ext, dir, &inode, err);
}

static int parent_loses(struct ext *ext, uint64_t dir, struct error *err)
{
	union ext_inode inode;

	if (ext_inode_read(ext, dir, &inode, err) < 0)
		return -1;
	if (inode.small.i_links_count <= 2)
		return 0;
	inode.small.i_links_count--;
	return ext_inode_write(ext, dir, &inode, err);
}

static int make_directory(struct ext *ext, uint64_t parent, uint64_t ino, union ext_inode *inode,
			  struct error *err)
{
	inode->small.i_links_count = 2;
	inode->small.i_size = ext->fs->blocksize;
	if (ext_inode_write(ext, ino, inode, err) < 0 ||
	    ext_blocks_append(ext, ino, inode, 0, 1, err) < 0 ||
	    ext_dir_initialize(ext, (uint32_t)ino, (uint32_t)parent, err) < 0)
		return -1;
	return parent_gains(ext, parent, err);
}

static int make_node(struct ext *ext, uint64_t dir, uint64_t ino, union ext_inode *inode,
		     const struct fs_stat *meta, struct error *err)
{
	if (S_ISDIR(meta->mode))
		return make_directory(ext, dir, ino, inode, err);
	inode->small.i_links_count = 1;
	if (S_ISCHR(meta->mode) || S_ISBLK(meta->mode))
		set_device(inode, meta);
	return ext_inode_write(ext, ino, inode, err);
}

int ext_create(struct fs *fs, uint64_t dir, const char *name, const struct fs_stat *meta,
	       uint64_t *ret_ino, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;
	uint64_t ino;

	switch (meta->mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return error_set(err, ERROR_BUG, "%s: not a type of file that is created so", name);
	}
	if (ext_pending_settle(ext, err) < 0 || require_free(ext, dir, name, err) < 0 ||
	    ext_inode_allocate(ext, dir, meta, &ino, &inode, err) < 0 ||
	    make_node(ext, dir, ino, &inode, meta, err) < 0 ||
	    ext_dir_add(ext, dir, name, (uint32_t)ino, meta->mode, err) < 0)
		return -1;
	*ret_ino = ino;
	return 0;
}

/* A target that does not fit the inode lies in one block, padded with zeros. */
static int make_slow_link(struct ext *ext, uint64_t ino, union ext_inode *inode, const char *target,
			  struct error *err)
{
	CLEANUP_FREE uint8_t *block = xcalloc(1, ext->fs->blocksize);
	const struct ext_map *map;
	size_t len = strlen(target);

	if (ext2fs_has_feature_extents(ext->fs->super))
		inode->small.i_flags |= EXT4_EXTENTS_FL;
	memcpy(block, target, len);
	if (ext_inode_write(ext, ino, inode, err) < 0 ||
	    ext_blocks_append(ext, ino, inode, 0, 1, err) < 0 ||
	    ext_map_get(ext, ino, inode, &map, err) < 0)
		return -1;
	return ext_io_write(ext->io, block, ext->fs->blocksize,
			    map->runs[0].pblk * ext->fs->blocksize, err);
}

static int make_link(struct ext *ext, uint64_t ino, union ext_inode *inode, const char *target,
		     struct error *err)
{
	size_t len = strlen(target);

	inode->small.i_links_count = 1;
	inode->small.i_size = (uint32_t)len;
	if (len >= sizeof inode->small.i_block)
		return make_slow_link(ext, ino, inode, target, err);
	memcpy(inode->small.i_block, target, len);
	return ext_inode_write(ext, ino, inode, err);
}

int ext_create_link(struct fs *fs, uint64_t dir, const char *name, const char *target,
		    const struct fs_stat *meta, uint64_t *ret_ino, struct error *err)
{
	struct ext *ext = ext_of(fs);
	struct fs_stat link = *meta;
	size_t len = strlen(target);
	union ext_inode inode;
	uint64_t ino;

	if (len == 0 || len >= ext->fs->blocksize || len >= 4096)
		return error_set(err, ERROR_IMAGE,
				 "%s: a symlink's target of %zu bytes does not fit", name, len);
	link.mode = S_IFLNK | 0777;
	if (ext_pending_settle(ext, err) < 0 || require_free(ext, dir, name, err) < 0 ||
	    ext_inode_allocate(ext, dir, &link, &ino, &inode, err) < 0 ||
	    make_link(ext, ino, &inode, target, err) < 0 ||
	    ext_dir_add(ext, dir, name, (uint32_t)ino, S_IFLNK, err) < 0)
		return -1;
	*ret_ino = ino;
	return 0;
}

int ext_link(struct fs *fs, uint64_t dir, const char *name, uint64_t ino, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;

	if (ext_pending_settle(ext, err) < 0 || ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	if (S_ISDIR(inode.small.i_mode))
		return error_set(err, ERROR_BUG, "%s: a directory has one name only", name);
	if (inode.small.i_links_count >= MAX_DIR_LINKS)
		return error_set(err, ERROR_IMAGE, "%s: an ext file has at most %u names", name,
				 MAX_DIR_LINKS);
	if (ext_dir_add(ext, dir, name, (uint32_t)ino, inode.small.i_mode, err) < 0)
		return -1;
	inode.small.i_links_count++;
	return ext_inode_write(ext, ino, &inode, err);
}

static int remove_directory(struct ext *ext, uint64_t dir, const char *name, uint64_t ino,
			    struct error *err)
{
	const struct ext_dir *names = ext_dir_get(ext, ino, err);

	if (!names)
		return -1;
	if (names->n_entries)
		return error_set(err, ERROR_BUG, "%s: the directory is not empty", name);
	if (ext_dir_remove(ext, dir, name, err) < 0 || ext_inode_release(ext, ino, err) < 0)
		return -1;
	return parent_loses(ext, dir, err);
}

static int remove_file(struct ext *ext, uint64_t dir, const char *name, uint64_t ino,
		       union ext_inode *inode, struct error *err)
{
	if (inode->small.i_links_count == 0)
		return ext_damaged(err, ino, "it has a name but no links");
	if (ext_dir_remove(ext, dir, name, err) < 0)
		return -1;
	if (inode->small.i_links_count == 1)
		return ext_inode_release(ext, ino, err);
	inode->small.i_links_count--;
	return ext_inode_write(ext, ino, inode, err);
}

int ext_unlink(struct fs *fs, uint64_t dir, const char *name, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;
	uint64_t ino;

	if (ext_pending_settle(ext, err) < 0 || ext_lookup(fs, dir, name, &ino, err) < 0)
		return -1;
	if (ino == 0)
		return error_set(err, ERROR_BUG, "inode %llu has no name %s",
				 (unsigned long long)dir, name);
	if (ino < EXT2_FIRST_INODE(ext->fs->super))
		return ext_damaged(err, ino, "a reserved inode has a name");
	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	if (S_ISDIR(inode.small.i_mode))
		return remove_directory(ext, dir, name, ino, err);
	return remove_file(ext, dir, name, ino, &inode, err);
}
