/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree of the copies: what is asked goes to the scratch disk's file system, and what changes is
 * noted beside. */
#include <string.h>

#include "fs/copies_impl.h"

static struct copied *copied_of(struct fs *fs)
{
	return (struct copied *)fs;
}

static struct fs *ext_of_copy(struct fs *fs)
{
	return copied_of(fs)->copies->ext;
}

/* Nobody asks it for devices: copies.c makes these. */
static int copied_probe(struct block *block, struct fs_info *ret, struct error *err)
{
	(void)block, (void)ret, (void)err;
	return 0;
}

static struct fs *copied_open(struct block *block, bool writable, struct error *err)
{
	(void)block, (void)writable;
	error_set(err, ERROR_BUG, "a copy has no device");
	return NULL;
}

static void copied_free(struct fs *fs)
{
	copied_of(fs)->copies->n_open--;
	copies_free(copied_of(fs)->copies);
	free(fs);
}

static const struct fs_limits *copied_limits(const struct fs *fs)
{
	const struct copied *copied = (const struct copied *)fs;
	const struct copies *copies = copied->copies;
	size_t source = copies->trees[copied->tree].info.source;

	return copied_type_find(copies->sources[source].type)->limits;
}

static uint64_t copied_root(const struct fs *fs)
{
	const struct copied *copied = (const struct copied *)fs;

	return copied->copies->trees[copied->tree].root;
}

static int copied_stat(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err)
{
	return fs_stat(ext_of_copy(fs), ino, ret, err);
}

static int copied_lookup(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret_ino,
			 struct error *err)
{
	if (fs_lookup(ext_of_copy(fs), dir, name, ret_ino, err) < 0)
		return -1;
	if (*ret_ino && fs->writable)
		inode_names_set(copied_of(fs)->copies->names, *ret_ino, dir, name);
	return 0;
}

static int copied_read_directory(struct fs *fs, uint64_t dir, fs_entry_callback *callback,
				 void *opaque, struct error *err)
{
	return fs_read_directory(ext_of_copy(fs), dir, callback, opaque, err);
}

static char *copied_read_link(struct fs *fs, uint64_t ino, struct error *err)
{
	return fs_read_link(ext_of_copy(fs), ino, err);
}

static ssize_t copied_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t offset,
			   struct error *err)
{
	return fs_read(ext_of_copy(fs), ino, buf, len, offset, err);
}

static int copied_next_data(struct fs *fs, uint64_t ino, uint64_t offset, uint64_t *ret_start,
			    uint64_t *ret_end, struct error *err)
{
	return fs_next_data(ext_of_copy(fs), ino, offset, ret_start, ret_end, err);
}

static int copied_read_xattrs(struct fs *fs, uint64_t ino, struct fs_xattrs *ret, struct error *err)
{
	return fs_read_xattrs(ext_of_copy(fs), ino, ret, err);
}

static int copied_space(struct fs *fs, struct fs_space *ret, struct error *err)
{
	const struct copied *copied = copied_of(fs);

	(void)err;
	*ret = copied->copies->trees[copied->tree].info.space;
	return 0;
}

static void put_string(struct buffer *to, const char *string)
{
	buffer_append(to, string, strlen(string) + 1);
}

/* Ends with the path of an inode, as it is known by now. */
static int note(struct fs *fs, const char *kind, uint64_t ino, struct error *err)
{
	const struct copied *copied = copied_of(fs);
	struct copies *copies = copied->copies;
	CLEANUP_BUFFER struct buffer path = {0};
	CLEANUP_FREE char *tree = xasprintf("%zu", copied->tree);

	if (inode_names_path(copies->names, copied_root(fs), ino, &path, err) < 0)
		return -1;
	put_string(&copies->changes, kind);
	put_string(&copies->changes, tree);
	put_string(&copies->changes, path.data);
	copies->trees[copied->tree].changed = true;
	copies->new_node = 0;
	return 0;
}

static int note_new(struct fs *fs, uint64_t dir, const char *name, uint64_t ino, struct error *err)
{
	struct copies *copies = copied_of(fs)->copies;

	inode_names_set(copies->names, ino, dir, name);
	if (note(fs, "node", ino, err) < 0)
		return -1;
	copies->new_node = ino;
	return 0;
}

/* A new node is taken as it is in the end. */
static int note_unless_new(struct fs *fs, const char *kind, uint64_t ino, struct error *err)
{
	return ino == copied_of(fs)->copies->new_node ? 0 : note(fs, kind, ino, err);
}

static int copied_create(struct fs *fs, uint64_t dir, const char *name, const struct fs_stat *meta,
			 uint64_t *ret_ino, struct error *err)
{
	uint64_t ino;

	if (fs_create(ext_of_copy(fs), dir, name, meta, &ino, err) < 0 ||
	    note_new(fs, dir, name, ino, err) < 0)
		return -1;
	*ret_ino = ino;
	return 0;
}

static int copied_create_link(struct fs *fs, uint64_t dir, const char *name, const char *target,
			      const struct fs_stat *meta, uint64_t *ret_ino, struct error *err)
{
	uint64_t ino;

	if (fs_create_link(ext_of_copy(fs), dir, name, target, meta, &ino, err) < 0 ||
	    note_new(fs, dir, name, ino, err) < 0)
		return -1;
	*ret_ino = ino;
	return 0;
}

static int copied_link(struct fs *fs, uint64_t dir, const char *name, uint64_t ino,
		       struct error *err)
{
	struct copies *copies = copied_of(fs)->copies;
	CLEANUP_BUFFER struct buffer first = {0};

	if (inode_names_path(copies->names, copied_root(fs), ino, &first, err) < 0 ||
	    fs_link(ext_of_copy(fs), dir, name, ino, err) < 0)
		return -1;
	inode_names_set(copies->names, ino, dir, name);
	if (note(fs, "link", ino, err) < 0)
		return -1;
	put_string(&copies->changes, first.data);
	return 0;
}

static int copied_unlink(struct fs *fs, uint64_t dir, const char *name, struct error *err)
{
	struct copies *copies = copied_of(fs)->copies;
	uint64_t ino;

	if (fs_lookup(ext_of_copy(fs), dir, name, &ino, err) < 0)
		return -1;
	if (ino) {
		inode_names_set(copies->names, ino, dir, name);
		if (note(fs, "gone", ino, err) < 0)
			return -1;
	}
	return fs_unlink(ext_of_copy(fs), dir, name, err);
}

static int copied_truncate(struct fs *fs, uint64_t ino, struct error *err)
{
	return note_unless_new(fs, "node", ino, err) < 0 ? -1
							 : fs_truncate(ext_of_copy(fs), ino, err);
}

static int copied_write(struct fs *fs, uint64_t ino, const void *buf, size_t len, uint64_t offset,
			struct error *err)
{
	if (note_unless_new(fs, "node", ino, err) < 0)
		return -1;
	return fs_write(ext_of_copy(fs), ino, buf, len, offset, err);
}

static int copied_set_size(struct fs *fs, uint64_t ino, uint64_t size, struct error *err)
{
	if (note_unless_new(fs, "node", ino, err) < 0)
		return -1;
	return fs_set_size(ext_of_copy(fs), ino, size, err);
}

static int copied_set_meta(struct fs *fs, uint64_t ino, const struct fs_stat *meta,
			   struct error *err)
{
	if (note_unless_new(fs, "metadata", ino, err) < 0)
		return -1;
	return fs_set_meta(ext_of_copy(fs), ino, meta, err);
}

static int copied_set_xattrs(struct fs *fs, uint64_t ino, const struct fs_xattrs *xattrs,
			     struct error *err)
{
	if (note_unless_new(fs, "metadata", ino, err) < 0)
		return -1;
	return fs_set_xattrs(ext_of_copy(fs), ino, xattrs, err);
}

/* With the last one that was opened for writing, all changes are made. */
static int copied_flush(struct fs *fs, struct error *err)
{
	struct copies *copies = copied_of(fs)->copies;

	if (++copies->n_flushed < copies->n_open)
		return 0;
	copies->n_flushed = 0;
	if (fs_flush(copies->ext, err) < 0)
		return -1;
	if (copies->changes.len == 0)
		return 0;
	if (copies_launch_in(copies, err) < 0)
		return -1;
	buffer_clear(&copies->changes);
	copies->new_node = 0;
	return 0;
}

const struct fs_ops copied_ops = {
	.probe = copied_probe,
	.open = copied_open,
	.free = copied_free,
	.limits = copied_limits,
	.root = copied_root,
	.stat = copied_stat,
	.lookup = copied_lookup,
	.read_directory = copied_read_directory,
	.read_link = copied_read_link,
	.read = copied_read,
	.next_data = copied_next_data,
	.read_xattrs = copied_read_xattrs,
	.space = copied_space,
	.create = copied_create,
	.create_link = copied_create_link,
	.link = copied_link,
	.unlink = copied_unlink,
	.truncate = copied_truncate,
	.write = copied_write,
	.set_size = copied_set_size,
	.set_meta = copied_set_meta,
	.set_xattrs = copied_set_xattrs,
	.flush = copied_flush,
};
