/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded walk over a hostile image in memory: everything that reading can do, nothing may crash
 * or run away.  Used by the fuzzer tests/fuzz/fs_image.c and, over damaged copies of a real image,
 * by tests/unit/fs_test.c. */
#ifndef TESTS_FUZZ_FS_WALK_H
#define TESTS_FUZZ_FS_WALK_H

#include <string.h>
#include <sys/stat.h>

#include "disk/block_impl.h"
#include "fs/tree.h"

#define FUZZ_MAX_NODES 20000
#define FUZZ_MAX_BYTES (1u << 20)

struct memory_block {
	struct block base;
	const uint8_t *data;
};

static int memory_read(struct block *block, void *buf, size_t len, uint64_t offset,
		       struct error *err)
{
	(void)err;
	memcpy(buf, ((struct memory_block *)block)->data + offset, len);
	return 0;
}

static void memory_free(struct block *block)
{
	free(block);
}

static const struct block_ops memory_ops = {.read = memory_read, .free = memory_free};

/* Errors about one node are the point: they end that node only. */
static int fuzz_node(void *opaque, const char *path, const struct tree_node *node,
		     struct error *err)
{
	static uint8_t buf[65536];
	size_t *nodes = opaque;
	struct fs_xattrs xattrs = {0};
	struct error ignored = {0};
	uint64_t start, end;
	uint64_t total = 0;
	ssize_t n;

	(void)path;
	if (++*nodes > FUZZ_MAX_NODES)
		return error_set(err, ERROR_IMAGE, "enough");
	if (fs_read_xattrs(node->fs, node->ino, &xattrs, &ignored) == 0)
		fs_xattrs_free(&xattrs);
	free(fs_read_link(node->fs, node->ino, &ignored));
	for (; total < FUZZ_MAX_BYTES; total += (uint64_t)n) {
		n = fs_read(node->fs, node->ino, buf, sizeof buf, total, &ignored);
		if (n <= 0)
			break;
	}
	for (start = 0, total = 0; total < 1000; total++, start = end)
		if (fs_next_data(node->fs, node->ino, start, &start, &end, &ignored) < 0 ||
		    start >= end)
			break;
	return 0;
}

static inline void fuzz_image(const uint8_t *data, size_t len)
{
	struct memory_block *block = xcalloc(1, sizeof *block);
	struct tree *tree = tree_new();
	struct fs_info info;
	struct error err = {0};
	size_t nodes = 0;
	struct fs *fs;

	block->base.ops = &memory_ops;
	block->base.size = len;
	block->data = data;
	tree_own_block(tree, &block->base);
	if (fs_probe(&block->base, &info, &err) == 0)
		fs_info_free(&info);
	fs = fs_open(&block->base, &err);
	if (fs && tree_mount(tree, "/", fs, &err) == 0)
		(void)tree_walk(tree, "/", fuzz_node, &nodes, &err);
	tree_free(tree);
}

#endif
