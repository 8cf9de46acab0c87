/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system of 64 nodes of one name and a few kilobytes each, in an array behind a magic word.
 * There are no links on it, so it lacks the calls for them. */
#include "dummy_fs.h"

#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

enum { N_NODES = 64, ROOT = 1, NODES_AT = 4096 };

struct node {
	struct fs_stat stat; /* ino 0: free */
	uint64_t dir;
	char name[64], data[4000];
};

struct dummy {
	struct fs base;
	struct block *block;
	struct node nodes[N_NODES]; /* node N is the inode N + 1 */
};

static struct node *node_of(struct fs *fs, uint64_t ino)
{
	return &((struct dummy *)fs)->nodes[ino - 1];
}

static int dummy_probe(struct block *block, struct fs_info *ret, struct error *err)
{
	char magic[8];

	if (block_size(block) < NODES_AT + sizeof(struct node[N_NODES]))
		return 0;
	if (block_read(block, magic, sizeof magic, 0, err) < 0)
		return -1;
	if (memcmp(magic, DUMMY_FS_MAGIC, sizeof magic) != 0)
		return 0;
	*ret = (struct fs_info){
		.type = "dummy", .uuid = "0000-dummy", .readable = true, .writable = true};
	return 1;
}

static struct fs *dummy_open(struct block *block, bool writable, struct error *err)
{
	struct dummy *dummy = xcalloc(1, sizeof *dummy);

	dummy->base = (struct fs){.ops = &dummy_fs_ops, .writable = writable};
	dummy->block = block;
	if (block_read(block, dummy->nodes, sizeof dummy->nodes, NODES_AT, err) == 0)
		return &dummy->base;
	free(dummy);
	return NULL;
}

static void dummy_free(struct fs *fs)
{
	free(fs);
}

static uint64_t dummy_root(const struct fs *fs)
{
	(void)fs;
	return ROOT;
}

static int dummy_stat(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err)
{
	(void)err;
	*ret = node_of(fs, ino)->stat;
	return 0;
}

static int dummy_lookup(struct fs *fs, uint64_t dir, const char *name, uint64_t *ret,
			struct error *err)
{
	(void)err;
	*ret = 0;
	for (uint64_t ino = 1; ino <= N_NODES; ino++)
		if (node_of(fs, ino)->dir == dir && strcmp(node_of(fs, ino)->name, name) == 0)
			*ret = ino;
	return 0;
}

static int dummy_read_directory(struct fs *fs, uint64_t dir, fs_entry_callback *callback,
				void *opaque, struct error *err)
{
	for (uint64_t ino = 1; ino <= N_NODES; ino++)
		if (node_of(fs, ino)->dir == dir &&
		    callback(opaque, node_of(fs, ino)->name, ino, err) < 0)
			return -1;
	return 0;
}

static ssize_t dummy_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t offset,
			  struct error *err)
{
	const struct node *node = node_of(fs, ino);
	uint64_t left = offset < node->stat.size ? node->stat.size - offset : 0;

	(void)err;
	len = len < left ? len : left;
	memcpy(buf, node->data + (left ? offset : 0), len);
	return (ssize_t)len;
}

static int dummy_next_data(struct fs *fs, uint64_t ino, uint64_t offset, uint64_t *ret_start,
			   uint64_t *ret_end, struct error *err)
{
	(void)err;
	*ret_end = node_of(fs, ino)->stat.size;
	*ret_start = offset < *ret_end ? offset : *ret_end;
	return 0;
}

static int dummy_read_xattrs(struct fs *fs, uint64_t ino, struct fs_xattrs *ret, struct error *err)
{
	(void)fs, (void)ino, (void)err;
	*ret = (struct fs_xattrs){0};
	return 0;
}

static int dummy_space(struct fs *fs, struct fs_space *ret, struct error *err)
{
	(void)fs, (void)err;
	*ret = (struct fs_space){4096, 64 << 20, 64 << 20, 10000, 10000};
	return 0;
}

static int dummy_create(struct fs *fs, uint64_t dir, const char *name, const struct fs_stat *meta,
			uint64_t *ret_ino, struct error *err)
{
	uint64_t ino = ROOT;

	while (ino <= N_NODES && node_of(fs, ino)->stat.ino)
		ino++;
	if (ino > N_NODES || strlen(name) >= sizeof node_of(fs, ino)->name)
		return error_set(err, ERROR_IMAGE, "the file system is too small");
	*node_of(fs, ino) = (struct node){.stat = *meta, .dir = dir};
	strcpy(node_of(fs, ino)->name, name);
	node_of(fs, ino)->stat.ino = ino;
	node_of(fs, ino)->stat.nlink = 1;
	node_of(fs, ino)->stat.size = 0;
	*ret_ino = ino;
	return 0;
}

static int dummy_write(struct fs *fs, uint64_t ino, const void *buf, size_t len, uint64_t offset,
		       struct error *err)
{
	struct node *node = node_of(fs, ino);

	if (offset > sizeof node->data || len > sizeof node->data - offset)
		return error_set(err, ERROR_IMAGE, "the file system is too small");
	memcpy(node->data + offset, buf, len);
	node->stat.size = offset + len;
	return 0;
}

static int dummy_unlink(struct fs *fs, uint64_t dir, const char *name, struct error *err)
{
	uint64_t ino;

	dummy_lookup(fs, dir, name, &ino, err);
	*node_of(fs, ino) = (struct node){0};
	return 0;
}

static int dummy_set_size(struct fs *fs, uint64_t ino, uint64_t size, struct error *err)
{
	(void)err;
	node_of(fs, ino)->stat.size = size;
	return 0;
}

static int dummy_truncate(struct fs *fs, uint64_t ino, struct error *err)
{
	memset(node_of(fs, ino)->data, 0, sizeof node_of(fs, ino)->data);
	return dummy_set_size(fs, ino, 0, err);
}

static int dummy_set_meta(struct fs *fs, uint64_t ino, const struct fs_stat *meta,
			  struct error *err)
{
	struct fs_stat *stat = &node_of(fs, ino)->stat, was = *stat;

	(void)err;
	*stat = *meta;
	stat->ino = ino;
	stat->nlink = was.nlink;
	stat->size = was.size;
	stat->mode = (was.mode & S_IFMT) | (meta->mode & 07777);
	return 0;
}

static int dummy_set_xattrs(struct fs *fs, uint64_t ino, const struct fs_xattrs *xattrs,
			    struct error *err)
{
	(void)fs, (void)ino;
	return xattrs->n_items ? error_set(err, ERROR_IMAGE, "no attributes here") : 0;
}

static int dummy_flush(struct fs *fs, struct error *err)
{
	struct dummy *dummy = (struct dummy *)fs;

	if (block_write(dummy->block, DUMMY_FS_MAGIC, 8, 0, err) < 0 ||
	    block_write(dummy->block, dummy->nodes, sizeof dummy->nodes, NODES_AT, err) < 0)
		return -1;
	return block_flush(dummy->block, err);
}

int dummy_fs_make(struct block *block, struct error *err)
{
	CLEANUP(fs_free)
	struct fs *fs = dummy_open(block, true, err);
	const struct fs_stat meta = {.mode = S_IFDIR | 0755};
	uint64_t root;

	if (!fs || dummy_create(fs, 0, "/", &meta, &root, err) < 0)
		return -1;
	return dummy_flush(fs, err);
}

/* The whole check: is the magic word there? */
static const struct fs_type types[] = {
	{.name = "dummy",
	 .check = {"grep", "-qa", DUMMY_FS_MAGIC},
	 .chatter = (const char *[]){NULL}},
	{0},
};

const struct fs_ops dummy_fs_ops = {
	.types = types,
	.probe = dummy_probe,
	.open = dummy_open,
	.free = dummy_free,
	.root = dummy_root,
	.stat = dummy_stat,
	.lookup = dummy_lookup,
	.read_directory = dummy_read_directory,
	.read = dummy_read,
	.next_data = dummy_next_data,
	.read_xattrs = dummy_read_xattrs,
	.space = dummy_space,
	.create = dummy_create,
	.unlink = dummy_unlink,
	.truncate = dummy_truncate,
	.write = dummy_write,
	.set_size = dummy_set_size,
	.set_meta = dummy_set_meta,
	.set_xattrs = dummy_set_xattrs,
	.flush = dummy_flush,
};
