/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs/copies.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "fs/copies_impl.h"

enum { TREES_LIMIT = 1 << 20 };

static char *dup_or_null(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static void source_copy(struct copies_source *to, const struct copies_source *from)
{
	*to = *from;
	to->type = dup_or_null(from->type);
	to->uuid = dup_or_null(from->uuid);
	to->label = dup_or_null(from->label);
	to->partuuid = dup_or_null(from->partuuid);
	to->partlabel = dup_or_null(from->partlabel);
	if (from->n_nodes)
		to->nodes = xcalloc(from->n_nodes, sizeof *to->nodes);
	for (size_t i = 0; i < from->n_nodes; i++)
		((char **)(uintptr_t)to->nodes)[i] = xstrdup(from->nodes[i]);
}

static void source_free(struct copies_source *source)
{
	const char *const owned[] = {source->type, source->uuid, source->label, source->partuuid,
				     source->partlabel};

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free((char *)(uintptr_t)owned[i]);
	for (size_t i = 0; i < source->n_nodes; i++)
		free(source->nodes[i]);
	free((char **)(uintptr_t)source->nodes);
}

static struct copies *copies_new(const struct copies_host *host,
				 const struct copies_source *sources, size_t n_sources)
{
	struct copies *copies = xcalloc(1, sizeof *copies);

	copies->n_refs = 1;
	copies->host = *host;
	copies->host.work_dir = xstrdup(host->work_dir);
	copies->host.identity = xstrdup(host->identity);
	copies->host.runner = xstrdup(host->runner);
	copies->host.appliance_cache = xstrdup(host->appliance_cache);
	copies->sources = xcalloc(n_sources + 1, sizeof *sources);
	copies->n_sources = n_sources;
	for (size_t i = 0; i < n_sources; i++)
		source_copy(&copies->sources[i], &sources[i]);
	copies->directory = xasprintf("%s/copies.%s", host->work_dir, host->identity);
	copies->image_path = path_join(copies->directory, COPIES_IMAGE);
	return copies;
}

void copies_free(struct copies *copies)
{
	if (!copies || --copies->n_refs > 0)
		return;
	fs_free(copies->ext);
	block_free(copies->block);
	image_free(copies->overlay);
	image_free(copies->image);
	for (size_t i = 0; i < copies->n_trees; i++) {
		free(copies->trees[i].info.part);
		free(copies->trees[i].info.problem);
		free(copies->trees[i].directory);
	}
	free(copies->trees);
	for (size_t i = 0; i < copies->n_sources; i++)
		source_free(&copies->sources[i]);
	free(copies->sources);
	free((char *)(uintptr_t)copies->host.work_dir);
	free((char *)(uintptr_t)copies->host.identity);
	free((char *)(uintptr_t)copies->host.runner);
	free((char *)(uintptr_t)copies->host.appliance_cache);
	free(copies->directory);
	free(copies->image_path);
	buffer_free(&copies->changes);
	inode_names_free(copies->names);
	free(copies);
}

struct reading {
	struct copies *copies;
	size_t n_directories;
};

static int read_tree(struct json_reader *item, void *opaque)
{
	struct reading *reading = opaque;
	struct copies *copies = reading->copies;
	struct copies_tree *tree = ARRAY_ADD(copies->trees, copies->n_trees);
	uint64_t source = 0;

	json_get_u64(item, "volume", &source);
	json_get_nullable_bytes(item, "part", &tree->info.part);
	if (json_object_get(item->object, "problem")) {
		json_get_bytes(item, "problem", &tree->info.problem);
	} else {
		tree->directory = xasprintf("%zu", reading->n_directories++);
		json_get_u64(item, "block_size", &tree->info.space.block_size);
		json_get_u64(item, "free_bytes", &tree->info.space.free_bytes);
		json_get_u64(item, "total_bytes", &tree->info.space.total_bytes);
		json_get_u64(item, "free_inodes", &tree->info.space.free_inodes);
		json_get_u64(item, "total_inodes", &tree->info.space.total_inodes);
	}
	if (json_reader_result(item) < 0)
		return -1;
	if (source >= copies->n_sources)
		return error_set(item->err, ERROR_IMAGE, "the copies are of another image");
	tree->info.source = (size_t)source;
	return 0;
}

static int read_trees(struct copies *copies, struct error *err)
{
	CLEANUP_FREE char *path = path_join(copies->directory, COPIES_TREES);
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_JSON json_t *json = NULL;
	struct reading reading = {.copies = copies};
	struct json_reader reader = {NULL, "trees.json", ERROR_IMAGE, err, false};

	if (file_read(path, TREES_LIMIT, &text, err) < 0)
		return -1;
	json = json_parse(text.data ? text.data : "", text.len, path, ERROR_IMAGE, err);
	if (!json)
		return -1;
	reader.object = json;
	return json_get_items(&reader, "trees", read_tree, &reading);
}

/* The scratch disk stays as it is: the overlay goes with those who wrote to it. */
static int open_overlay(struct copies *copies, struct error *err)
{
	const struct image_options plain = {0};
	const char *backing[] = {copies->image_path};
	const struct image_options options = {.backing = backing, .n_backing = 1};
	CLEANUP_FREE char *path = path_join(copies->directory, "written.qcow2");

	if (unlink(path) < 0 && errno != ENOENT)
		return error_os(err, ERROR_IO, errno, "%s", path);
	copies->image = image_open(copies->image_path, &plain, err);
	if (!copies->image ||
	    image_create_overlay(copies->image, path, copies->image_path, err) < 0)
		return -1;
	copies->overlay = image_open(path, &options, err);
	if (!copies->overlay)
		return -1;
	copies->block = image_attach(copies->overlay, true, copies->directory, err);
	return copies->block ? 0 : -1;
}

static int open_disk(struct copies *copies, struct error *err)
{
	if (!copies->writable)
		copies->block = block_open_file(copies->image_path, err);
	else if (open_overlay(copies, err) < 0)
		return -1;
	if (!copies->block)
		return -1;
	copies->ext = copies->writable ? fs_open_writable(copies->block, err)
				       : fs_open(copies->block, err);
	return copies->ext ? 0 : -1;
}

static int find_roots(struct copies *copies, struct error *err)
{
	for (size_t i = 0; i < copies->n_trees; i++) {
		struct copies_tree *tree = &copies->trees[i];

		if (tree->info.problem)
			continue;
		if (fs_lookup(copies->ext, fs_root(copies->ext), tree->directory, &tree->root,
			      err) < 0)
			return -1;
		if (tree->root == 0)
			return error_set(err, ERROR_IMAGE, "the copies are not complete");
	}
	return 0;
}

/* Made under another name, so that what is there is whole. */
static int make(const struct copies *copies, const char *fstab, struct error *err)
{
	if (access(copies->directory, F_OK) == 0)
		return 0;
	if (!copies->host.may_launch && copies->host.ret_wanted)
		*copies->host.ret_wanted = true;
	if (!copies->host.may_launch)
		return error_set(err, ERROR_MISSING,
				 "its file systems are read by an appliance, which has not been "
				 "done yet");
	return copies_launch_out(copies, fstab, err);
}

struct copies *copies_open(const struct copies_host *host, const struct copies_source *sources,
			   size_t n_sources, const char *fstab, bool writable, struct error *err)
{
	CLEANUP(copies_free)
	struct copies *copies = copies_new(host, sources, n_sources);

	copies->writable = writable;
	copies->names = writable ? inode_names_new() : NULL;
	if (make(copies, fstab, err) < 0 || read_trees(copies, err) < 0 ||
	    open_disk(copies, err) < 0 || find_roots(copies, err) < 0)
		return NULL;
	return steal(copies);
}

size_t copies_n_trees(const struct copies *copies)
{
	return copies->n_trees;
}

const struct copied_tree *copies_tree(const struct copies *copies, size_t tree)
{
	return &copies->trees[tree].info;
}

struct fs *copies_fs(struct copies *copies, size_t tree, struct error *err)
{
	struct copied *copied;

	if (copies->trees[tree].info.problem) {
		error_set(err, ERROR_IMAGE, "%s", copies->trees[tree].info.problem);
		return NULL;
	}
	copied = xcalloc(1, sizeof *copied);
	copied->base.ops = &copied_ops;
	copied->base.writable = copies->writable;
	copied->copies = copies;
	copied->tree = tree;
	copies->n_refs++;
	copies->n_open++;
	return &copied->base;
}

const char *copied_part_option(const char *type)
{
	const struct copied_type *known = copied_type_find(type);

	return known ? known->part_option : NULL;
}

const char *fs_copy_disk(const struct fs *fs, const char **ret_directory)
{
	const struct copied *copied = (const struct copied *)fs;

	if (fs->ops != &copied_ops)
		return NULL;
	*ret_directory = copied->copies->trees[copied->tree].directory;
	return copied->copies->image_path;
}

bool fs_is_copy(const struct fs *fs)
{
	return fs->ops == &copied_ops;
}
