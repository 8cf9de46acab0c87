/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is the same for all back ends. */
#include "fs/fs.h"

#include <string.h>

#include "fs/copied_type.h"
#include "fs/fs_ops.h"

static int probe_back_ends(struct block *block, struct fs_info *info, const struct fs_ops **ret_ops,
			   struct error *err)
{
	for (size_t i = 0; fs_back_ends[i]; i++) {
		int found = fs_back_ends[i]->probe(block, info, err);

		if (found < 0)
			return -1;
		if (found) {
			*ret_ops = fs_back_ends[i];
			return 0;
		}
	}
	*ret_ops = NULL;
	if (probe_superblock(block, info, err) < 0)
		return -1;
	info->copied = copied_type_find(info->type) != NULL;
	if (info->type)
		info->why_not = xasprintf("file system type %s", info->type);
	return 0;
}

int fs_probe(struct block *block, struct fs_info *ret, struct error *err)
{
	struct fs_info info = {0};
	const struct fs_ops *ops;

	if (probe_back_ends(block, &info, &ops, err) < 0) {
		fs_info_free(&info);
		return -1;
	}
	if (!info.size)
		info.size = block_size(block);
	*ret = info;
	return 0;
}

void fs_info_free(struct fs_info *info)
{
	free(info->label);
	free(info->why_not);
	free(info->features);
	*info = (struct fs_info){0};
}

static struct fs *open_known(struct block *block, bool writable, const struct fs_info *info,
			     const struct fs_ops *ops, struct error *err)
{
	if (!info->type) {
		error_set(err, ERROR_IMAGE, "no file system recognised");
		return NULL;
	}
	if (!ops || !info->readable) {
		error_set(err, ERROR_IMAGE, "file system type %s cannot be read here (%s)",
			  info->type, info->why_not);
		return NULL;
	}
	if (writable && !info->writable) {
		error_set(err, ERROR_IMAGE, "%s file system %s cannot be written directly: %s",
			  info->type, info->uuid, info->why_not);
		return NULL;
	}
	return ops->open(block, writable, err);
}

static struct fs *open_mode(struct block *block, bool writable, struct error *err)
{
	struct fs_info info = {0};
	const struct fs_ops *ops;
	struct fs *fs = NULL;

	if (probe_back_ends(block, &info, &ops, err) == 0)
		fs = open_known(block, writable, &info, ops, err);
	fs_info_free(&info);
	return fs;
}

struct fs *fs_open(struct block *block, struct error *err)
{
	return open_mode(block, false, err);
}

struct fs *fs_open_writable(struct block *block, struct error *err)
{
	return open_mode(block, true, err);
}

void fs_free(struct fs *fs)
{
	if (fs)
		fs->ops->free(fs);
}

const struct fs_limits *fs_limits(const struct fs *fs)
{
	return fs->ops->limits ? fs->ops->limits(fs) : NULL;
}

uint64_t fs_root(const struct fs *fs)
{
	return fs->ops->root(fs);
}

int fs_stat(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err)
{
	return fs->ops->stat(fs, ino, ret, err);
}

int fs_lookup(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret_ino, struct error *err)
{
	return fs->ops->lookup(fs, dir, name, ret_ino, err);
}

int fs_read_directory(struct fs *fs, uint64_t dir, fs_entry_callback *callback, void *opaque,
		      struct error *err)
{
	return fs->ops->read_directory(fs, dir, callback, opaque, err);
}

char *fs_read_link(struct fs *fs, uint64_t ino, struct error *err)
{
	return fs->ops->read_link(fs, ino, err);
}

ssize_t fs_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t offset,
		struct error *err)
{
	return fs->ops->read(fs, ino, buf, len, offset, err);
}

int fs_next_data(struct fs *fs, uint64_t ino, uint64_t offset, uint64_t *ret_start,
		 uint64_t *ret_end, struct error *err)
{
	return fs->ops->next_data(fs, ino, offset, ret_start, ret_end, err);
}

int fs_read_xattrs(struct fs *fs, uint64_t ino, struct fs_xattrs *ret, struct error *err)
{
	return fs->ops->read_xattrs(fs, ino, ret, err);
}

int fs_space(struct fs *fs, struct fs_space *ret, struct error *err)
{
	return fs->ops->space(fs, ret, err);
}

/* Every writing call comes through here first. */
static int require_writable(const struct fs *fs, struct error *err)
{
	if (!fs->writable)
		return error_set(err, ERROR_BUG, "the file system was opened for reading only");
	return 0;
}

static int require_name(const char *name, struct error *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > 255 || strchr(name, '/') || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return error_set(err, ERROR_IMAGE, "%.300s: not a file name", name);
	return 0;
}

static int require_new_name(const struct fs *fs, const char *name, struct error *err)
{
	if (require_writable(fs, err) < 0)
		return -1;
	return require_name(name, err);
}

int fs_create(struct fs *fs, uint64_t dir, const char *name, const struct fs_stat *meta,
	      uint64_t *ret_ino, struct error *err)
{
	if (require_new_name(fs, name, err) < 0)
		return -1;
	return fs->ops->create(fs, dir, name, meta, ret_ino, err);
}

int fs_create_link(struct fs *fs, uint64_t dir, const char *name, const char *target,
		   const struct fs_stat *meta, uint64_t *ret_ino, struct error *err)
{
	if (require_new_name(fs, name, err) < 0)
		return -1;
	return fs->ops->create_link(fs, dir, name, target, meta, ret_ino, err);
}

int fs_link(struct fs *fs, uint64_t dir, const char *name, uint64_t ino, struct error *err)
{
	if (require_new_name(fs, name, err) < 0)
		return -1;
	return fs->ops->link(fs, dir, name, ino, err);
}

int fs_unlink(struct fs *fs, uint64_t dir, const char *name, struct error *err)
{
	if (require_new_name(fs, name, err) < 0)
		return -1;
	return fs->ops->unlink(fs, dir, name, err);
}

int fs_truncate(struct fs *fs, uint64_t ino, struct error *err)
{
	if (require_writable(fs, err) < 0)
		return -1;
	return fs->ops->truncate(fs, ino, err);
}

int fs_write(struct fs *fs, uint64_t ino, const void *buf, size_t len, uint64_t offset,
	     struct error *err)
{
	if (require_writable(fs, err) < 0)
		return -1;
	return fs->ops->write(fs, ino, buf, len, offset, err);
}

int fs_set_size(struct fs *fs, uint64_t ino, uint64_t size, struct error *err)
{
	if (require_writable(fs, err) < 0)
		return -1;
	return fs->ops->set_size(fs, ino, size, err);
}

int fs_set_meta(struct fs *fs, uint64_t ino, const struct fs_stat *meta, struct error *err)
{
	if (require_writable(fs, err) < 0)
		return -1;
	return fs->ops->set_meta(fs, ino, meta, err);
}

int fs_set_xattrs(struct fs *fs, uint64_t ino, const struct fs_xattrs *xattrs, struct error *err)
{
	if (require_writable(fs, err) < 0)
		return -1;
	return fs->ops->set_xattrs(fs, ino, xattrs, err);
}

int fs_flush(struct fs *fs, struct error *err)
{
	if (require_writable(fs, err) < 0)
		return -1;
	return fs->ops->flush(fs, err);
}
