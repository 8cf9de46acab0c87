/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pass over the layer in its order: parents before what is in them, so a directory that goes
 * takes its old content with it before anything new is made there, and the first name of a hardlink
 * group exists before the others.  Space is freed before it is needed again, entry by entry.
 *
 * A changed file always becomes a new inode; a hardlink group is in the layer with all its names,
 * so every name moves along.  Directories get their times at the end, deepest first.
 */
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "commit/commit.h"
#include "commit/place.h"
#include "commit/remove.h"
#include "commit/seen.h"

enum { COPY_CHUNK = 1 << 18 };

struct pending_directory {
	struct fs *fs;
	uint64_t ino;
	struct fs_stat meta;
};

struct apply {
	struct tree *tree;
	const struct layer *layer;
	const struct monitor *monitor;
	struct commit_seen *seen; /* or NULL */
	uint64_t n_done;
	struct pending_directory *directories;
	size_t n_directories;
	/* The file whose content comes in. */
	struct fs *file_fs;
	uint64_t file_ino; /* 0: none */
	uint64_t file_size, file_written;
};

static int misfit(struct error *err, const struct layer_entry *entry, const char *what)
{
	return error_set(err, ERROR_BUG, "the layer does not fit: %s %s", entry->path, what);
}

/* A file that ends in a hole is shorter than it should be by now. */
static int finish_file(struct apply *apply, struct error *err)
{
	uint64_t ino = apply->file_ino;

	apply->file_ino = 0;
	if (ino == 0 || apply->file_written == apply->file_size)
		return 0;
	return fs_set_size(apply->file_fs, ino, apply->file_size, err);
}

static void defer_directory(struct apply *apply, const struct place *place,
			    const struct fs_stat *meta)
{
	struct pending_directory *new = ARRAY_ADD(apply->directories, apply->n_directories);

	*new = (struct pending_directory){place->fs, place->ino, *meta};
}

/* The layer's part of the inode over what is there: access and birth time stay. */
static int merged_meta(const struct place *place, const struct layer_entry *entry,
		       struct fs_stat *ret, struct error *err)
{
	if (fs_stat(place->fs, place->ino, ret, err) < 0)
		return -1;
	if ((ret->mode & S_IFMT) != (entry->stat.mode & S_IFMT))
		return misfit(err, entry, "is of another type");
	ret->mode = entry->stat.mode;
	ret->uid = entry->stat.uid;
	ret->gid = entry->stat.gid;
	ret->mtime = entry->stat.mtime;
	ret->flags = entry->stat.flags;
	ret->ctime = (struct fs_time){0};
	return 0;
}

/* The guest's own package manager would have failed on it. */
static int refuse_unchangeable(const struct place *place, const char *path, struct error *err)
{
	struct fs_stat stat;

	if (place->ino == 0)
		return 0;
	if (fs_stat(place->fs, place->ino, &stat, err) < 0)
		return -1;
	if (stat.flags & (FS_IMMUTABLE_FL | FS_APPEND_FL))
		return error_set(err, ERROR_GUEST,
				 "%s is %s, and the update would change it: hold its package or "
				 "take the flag away",
				 path,
				 stat.flags & FS_IMMUTABLE_FL
					 ? "immutable in the guest (chattr +i)"
					 : "append-only in the guest (chattr +a)");
	return 0;
}

static int apply_metadata(struct apply *apply, const struct place *place,
			  const struct layer_entry *entry, struct error *err)
{
	struct fs_stat meta;

	if (place->ino == 0)
		return misfit(err, entry, "is not there");
	if (refuse_unchangeable(place, entry->path, err) < 0)
		return -1;
	if (merged_meta(place, entry, &meta, err) < 0 ||
	    fs_set_xattrs(place->fs, place->ino, &entry->xattrs, err) < 0)
		return -1;
	if (!S_ISDIR(meta.mode))
		return fs_set_meta(place->fs, place->ino, &meta, err);
	defer_directory(apply, place, &meta);
	return 0;
}

static int remove_existing(struct apply *apply, const struct place *place,
			   const struct layer_entry *entry, struct error *err)
{
	if (place_holds_mount(apply->tree, entry->path))
		return misfit(err, entry, "holds a mount point");
	if (refuse_unchangeable(place, entry->path, err) < 0)
		return -1;
	return place_remove(place, err);
}

static int create(struct apply *apply, struct place *place, const struct layer_entry *entry,
		  struct error *err)
{
	struct fs_stat meta = entry->stat;

	meta.atime = meta.mtime;
	meta.size = 0;
	if (S_ISLNK(meta.mode)) {
		if (fs_create_link(place->fs, place->directory, place->name, entry->target, &meta,
				   &place->ino, err) < 0)
			return -1;
	} else if (fs_create(place->fs, place->directory, place->name, &meta, &place->ino, err) <
		   0) {
		return -1;
	}
	if (S_ISDIR(meta.mode))
		defer_directory(apply, place, &meta);
	if (entry->xattrs.n_items == 0)
		return 0;
	return fs_set_xattrs(place->fs, place->ino, &entry->xattrs, err);
}

static int is_directory(const struct place *place, bool *ret, struct error *err)
{
	struct fs_stat stat;

	*ret = false;
	if (place->ino == 0)
		return 0;
	if (fs_stat(place->fs, place->ino, &stat, err) < 0)
		return -1;
	*ret = S_ISDIR(stat.mode);
	return 0;
}

static int apply_replace(struct apply *apply, struct place *place, const struct layer_entry *entry,
			 struct error *err)
{
	bool directory;

	if (is_directory(place, &directory, err) < 0)
		return -1;
	if (directory && S_ISDIR(entry->stat.mode) && !entry->opaque)
		return apply_metadata(apply, place, entry, err);
	if (place->ino != 0 && remove_existing(apply, place, entry, err) < 0)
		return -1;
	if (create(apply, place, entry, err) < 0)
		return -1;
	if (!S_ISREG(entry->stat.mode))
		return 0;
	apply->file_fs = place->fs;
	apply->file_ino = place->ino;
	apply->file_size = entry->stat.size;
	apply->file_written = 0;
	return 0;
}

static int apply_remove(struct apply *apply, const struct place *place,
			const struct layer_entry *entry, struct error *err)
{
	if (place->ino == 0)
		return misfit(err, entry, "is not there to be removed");
	return remove_existing(apply, place, entry, err);
}

static int copy_range(struct fs *from, uint64_t source, struct fs *to, uint64_t target,
		      const uint64_t range[2], struct error *err)
{
	CLEANUP_FREE char *chunk = xmalloc(COPY_CHUNK);

	for (uint64_t at = range[0]; at < range[1];) {
		size_t want = range[1] - at < COPY_CHUNK ? range[1] - at : COPY_CHUNK;
		ssize_t n = fs_read(from, source, chunk, want, at, err);

		if (n < 0 || (n > 0 && fs_write(to, target, chunk, n, at, err) < 0))
			return -1;
		if (n == 0)
			return error_set(err, ERROR_IMAGE, "a file is shorter than its size");
		at += n;
	}
	return 0;
}

static int copy_content(const struct place *from, uint64_t size, const struct place *to,
			struct error *err)
{
	uint64_t range[2];

	for (uint64_t at = 0; at < size; at = range[1]) {
		if (fs_next_data(from->fs, from->ino, at, &range[0], &range[1], err) < 0)
			return -1;
		if (range[0] >= size)
			break;
		if (range[1] > size)
			range[1] = size;
		if (copy_range(from->fs, from->ino, to->fs, to->ino, range, err) < 0)
			return -1;
	}
	return fs_set_size(to->fs, to->ino, size, err);
}

/* No link crosses a mount: the name gets an inode of its own that is the same. */
static int copy_across(struct apply *apply, const struct place *from, struct place *to,
		       const struct layer_entry *entry, struct error *err)
{
	struct layer_entry copy = {.action = LAYER_REPLACE, .path = entry->path};
	int status = -1;

	if (fs_stat(from->fs, from->ino, &copy.stat, err) < 0)
		return -1;
	copy.stat.ctime = (struct fs_time){0};
	if (S_ISLNK(copy.stat.mode) && !(copy.target = fs_read_link(from->fs, from->ino, err)))
		return -1;
	if (fs_read_xattrs(from->fs, from->ino, &copy.xattrs, err) == 0) {
		uint64_t size = copy.stat.size;

		status = create(apply, to, &copy, err);
		if (status == 0 && S_ISREG(copy.stat.mode))
			status = copy_content(from, size, to, err);
	}
	fs_xattrs_free(&copy.xattrs);
	free(copy.target);
	return status;
}

static int apply_link(struct apply *apply, struct place *place, const struct layer_entry *entry,
		      struct error *err)
{
	struct place first;

	if (place_find(apply->tree, entry->target, &first, err) < 0)
		return -1;
	if (first.ino == 0)
		return misfit(err, entry, "links to what is not there");
	if (first.mount == place->mount && first.ino == place->ino)
		return 0;
	if (place->ino != 0 && remove_existing(apply, place, entry, err) < 0)
		return -1;
	if (first.mount != place->mount)
		return copy_across(apply, &first, place, entry, err);
	return fs_link(place->fs, place->directory, place->name, first.ino, err);
}

static int apply_at(struct apply *apply, struct place *place, const struct layer_entry *entry,
		    struct error *err)
{
	bool directory = entry->action != LAYER_LINK && S_ISDIR(entry->stat.mode);

	if (place->directory == 0 && (!directory || entry->opaque))
		return misfit(err, entry, "is a mount point");
	switch (entry->action) {
	case LAYER_REMOVE:
		return apply_remove(apply, place, entry, err);
	case LAYER_METADATA:
		return apply_metadata(apply, place, entry, err);
	case LAYER_REPLACE:
		return apply_replace(apply, place, entry, err);
	case LAYER_LINK:
		break;
	}
	return apply_link(apply, place, entry, err);
}

static int apply_entry(void *opaque, const struct layer_entry *entry, struct error *err)
{
	struct apply *apply = opaque;
	struct place place;

	monitor_progress(apply->monitor, "commit", entry->path, apply->n_done++,
			 apply->layer->n_entries);
	if (monitor_check(apply->monitor, err) < 0 || finish_file(apply, err) < 0 ||
	    place_find(apply->tree, entry->path, &place, err) < 0)
		return -1;
	if (apply_at(apply, &place, entry, err) < 0)
		return error_prefix(err, "writing %s", entry->path);
	if (apply->seen)
		commit_seen_add_entry(apply->seen, entry);
	return 0;
}

static int apply_content(void *opaque, const void *data, size_t len, uint64_t offset,
			 struct error *err)
{
	struct apply *apply = opaque;

	apply->file_written = offset + len;
	return fs_write(apply->file_fs, apply->file_ino, data, len, offset, err);
}

static int finish(struct apply *apply, struct error *err)
{
	if (finish_file(apply, err) < 0)
		return -1;
	for (size_t i = apply->n_directories; i-- > 0;) {
		const struct pending_directory *directory = &apply->directories[i];

		if (fs_set_meta(directory->fs, directory->ino, &directory->meta, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < tree_n_mounts(apply->tree); i++)
		if (fs_flush(tree_fs(apply->tree, i), err) < 0)
			return -1;
	return 0;
}

int commit_apply_layer(struct tree *tree, const struct layer *layer, const struct monitor *monitor,
		       struct commit_seen *ret, struct error *err)
{
	struct apply apply = {.tree = tree, .layer = layer, .monitor = monitor, .seen = ret};
	struct layer_visitor visitor = {apply_entry, apply_content, &apply};
	int status = layer_read(layer, &visitor, err);

	if (status == 0)
		status = finish(&apply, err);
	free(apply.directories);
	return status;
}
