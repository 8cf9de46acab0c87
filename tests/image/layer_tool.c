/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the image tests: makes a layer from an image and a directory that is its view after a run,
 * and commits it.  The directory is scanned as a runner does it: touched is what has a newer ctime,
 * the guest's inodes are known by a map made before.
 *
 *     layer_tool map DIRECTORY MAP
 *     layer_tool make STORE DIRECTORY MAP [MOUNTPOINT IMAGE]...            prints the digest
 *     layer_tool commit STORE DIGEST [MOUNTPOINT IMAGE OVERLAY]...         applies and checks
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>

#include "base/file.h"
#include "commit/commit.h"
#include "disk/image.h"
#include "layer/layer.h"

enum { DISKS_MAX = 4, VALUE_MAX = 65536 };

static void die(const struct error *err)
{
	fprintf(stderr, "%s: %s\n", error_kind_name(err->kind), err->msg);
	exit(err->kind);
}

static void die_os(const char *what)
{
	perror(what);
	exit(1);
}

/* The map: origin of each inode, and the time from which on everything is a change. */
struct origin {
	uint64_t ino;
	char path[4096];
};

static struct {
	char *root;
	FILE *map_out;
	struct origin *origins;
	size_t n_origins;
	struct timespec since;
	struct capture capture;
	uint64_t spooled;
} scan;

static int map_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct origin origin = {.ino = st->st_ino};
	const char *inside = path + strlen(scan.root);

	(void)type;
	(void)ftw;
	snprintf(origin.path, sizeof origin.path, "%s", *inside ? inside : "/");
	if (fwrite(&origin, sizeof origin, 1, scan.map_out) != 1)
		die_os("map");
	return 0;
}

static int command_map(char **argv)
{
	scan.root = argv[0];
	scan.map_out = fopen(argv[1], "w");
	if (!scan.map_out || nftw(scan.root, map_one, 64, FTW_PHYS) != 0)
		die_os(argv[0]);
	usleep(50000);
	clock_gettime(CLOCK_REALTIME, &scan.since);
	if (fwrite(&scan.since, sizeof scan.since, 1, scan.map_out) != 1 ||
	    fclose(scan.map_out) != 0)
		die_os(argv[1]);
	usleep(50000);
	return 0;
}

static int compare_origins(const void *a, const void *b)
{
	const struct origin *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static void read_map(const char *path)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error err = {0};
	size_t size;

	if (file_read(path, 1 << 30, &text, &err) < 0)
		die(&err);
	size = text.len - sizeof scan.since;
	scan.n_origins = size / sizeof *scan.origins;
	scan.origins = xmemdup(text.data, size);
	memcpy(&scan.since, text.data + size, sizeof scan.since);
	qsort(scan.origins, scan.n_origins, sizeof *scan.origins, compare_origins);
}

static bool later(int64_t sec, uint32_t nsec)
{
	return sec > scan.since.tv_sec || (sec == scan.since.tv_sec && nsec > scan.since.tv_nsec);
}

static void read_xattrs(const char *path, struct fs_xattrs *ret)
{
	static char names[VALUE_MAX], value[VALUE_MAX];
	ssize_t len = llistxattr(path, names, sizeof names);

	if (len < 0)
		die_os(path);
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		ssize_t size = lgetxattr(path, name, value, sizeof value);
		struct fs_xattr *new = ARRAY_ADD(ret->items, ret->n_items);

		if (size < 0)
			die_os(path);
		*new = (struct fs_xattr){xstrdup(name), xmemdup(value, size), size};
	}
}

static void spool_range(int fd, struct capture_entry *entry, off_t start, off_t end)
{
	static char chunk[1 << 16];
	struct capture_extent *extent = ARRAY_ADD(entry->extents, entry->n_extents);

	*extent = (struct capture_extent){start, end - start, scan.spooled};
	while (start < end) {
		size_t want =
			end - start < (off_t)sizeof chunk ? (size_t)(end - start) : sizeof chunk;
		ssize_t n = pread(fd, chunk, want, start);

		if (n <= 0 || pwrite(scan.capture.spool, chunk, n, scan.spooled) != n)
			die_os("spool");
		start += n;
		scan.spooled += n;
	}
}

static void spool_content(const char *path, struct capture_entry *entry)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	off_t end = 0, start;

	if (fd < 0)
		die_os(path);
	while ((start = lseek(fd, end, SEEK_DATA)) >= 0) {
		end = lseek(fd, start, SEEK_HOLE);
		spool_range(fd, entry, start, end);
	}
}

static int compare_xattrs(const void *a, const void *b)
{
	return strcmp(((const struct fs_xattr *)a)->name, ((const struct fs_xattr *)b)->name);
}

static void fill_touched(const char *path, const struct statx *st, struct capture_entry *entry)
{
	char target[4096] = "";

	entry->touched = true;
	entry->stat = (struct fs_stat){
		.ino = st->stx_ino,
		.mode = st->stx_mode,
		.nlink = st->stx_nlink,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
		.size = st->stx_size,
		.rdev_major = st->stx_rdev_major,
		.rdev_minor = st->stx_rdev_minor,
		.mtime = {st->stx_mtime.tv_sec, st->stx_mtime.tv_nsec},
	};
	read_xattrs(path, &entry->xattrs);
	if (entry->xattrs.n_items > 1)
		qsort(entry->xattrs.items, entry->xattrs.n_items, sizeof *entry->xattrs.items,
		      compare_xattrs);
	if (S_ISLNK(st->stx_mode)) {
		if (readlink(path, target, sizeof target - 1) < 0)
			die_os(path);
		entry->target = xstrdup(target);
	}
	if (S_ISREG(st->stx_mode))
		spool_content(path, entry);
}

static int capture_one(const char *path, const struct stat *unused, int type, struct FTW *ftw)
{
	const char *inside = path + strlen(scan.root);
	struct capture_entry *entry = ARRAY_ADD(scan.capture.entries, scan.capture.n_entries);
	struct origin key = {0}, *origin;
	struct statx st;

	(void)unused;
	(void)type;
	(void)ftw;
	if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st) < 0)
		die_os(path);
	entry->path = xstrdup(*inside ? inside : "/");
	entry->ino = st.stx_ino;
	if (!later(st.stx_ctime.tv_sec, st.stx_ctime.tv_nsec))
		return 0;
	key.ino = st.stx_ino;
	origin = bsearch(&key, scan.origins, scan.n_origins, sizeof key, compare_origins);
	if (origin && !later(st.stx_btime.tv_sec, st.stx_btime.tv_nsec))
		entry->origin_path = xstrdup(origin->path);
	fill_touched(path, &st, entry);
	return 0;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(((const struct capture_entry *)a)->path,
		      ((const struct capture_entry *)b)->path);
}

/* Content stays with the first name only. */
static void drop_repeated_content(void)
{
	struct capture *capture = &scan.capture;

	for (size_t i = 0; i < capture->n_entries; i++)
		for (size_t j = 0; j < i && capture->entries[i].n_extents; j++)
			if (capture->entries[j].ino == capture->entries[i].ino)
				capture->entries[i].n_extents = 0;
}

static void make_capture(char *root)
{
	FILE *spool = tmpfile();

	scan.root = root;
	scan.capture.spool = dup(fileno(spool));
	if (nftw(root, capture_one, 64, FTW_PHYS) != 0)
		die_os(root);
	qsort(scan.capture.entries, scan.capture.n_entries, sizeof *scan.capture.entries,
	      compare_paths);
	drop_repeated_content();
	fclose(spool);
}

/* One image, opened as deep as the command needs. */
struct disk {
	struct image *image;
	struct block *block;
};

static void attach(struct disk *disk, const char *path, const char *backing, bool writable)
{
	const char *const allowed[] = {backing};
	struct image_options options = {.backing = allowed, .n_backing = backing ? 1 : 0};
	struct error err = {0};
	char directory[] = "/tmp/layer-tool.XXXXXX";

	disk->image = image_open(path, &options, &err);
	if (!disk->image || !mkdtemp(directory))
		die(&err);
	disk->block = image_attach(disk->image, writable, directory, &err);
	if (!disk->block)
		die(&err);
	directory_remove(directory, &err);
}

static void mount(struct tree *tree, const char *mountpoint, struct disk *disk, bool writable)
{
	struct error err = {0};
	struct fs *fs = writable ? fs_open_writable(disk->block, &err) : fs_open(disk->block, &err);

	if (!fs || tree_mount(tree, mountpoint, fs, &err) < 0)
		die(&err);
}

static void detach(struct disk *disks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		block_free(disks[i].block);
		image_free(disks[i].image);
	}
}

static int command_make(char **argv)
{
	struct disk disks[DISKS_MAX] = {0};
	struct tree *tree = tree_new();
	struct error err = {0};
	char hex[DIGEST_HEX_SIZE];
	struct layer *layer;
	size_t n = 0;

	read_map(argv[2]);
	make_capture(argv[1]);
	for (char **at = argv + 3; *at && n < DISKS_MAX; at += 2, n++) {
		attach(&disks[n], at[1], NULL, false);
		mount(tree, at[0], &disks[n], false);
	}
	layer = layer_make(argv[0], tree, &scan.capture, NULL, &err);
	if (!layer)
		die(&err);
	digest_to_hex(&layer->digest, hex);
	puts(hex);
	layer_free(layer);
	tree_free(tree);
	detach(disks, n);
	return 0;
}

static void apply(char **argv, const struct layer *layer, struct commit_seen *seen)
{
	struct disk disks[DISKS_MAX] = {0};
	struct tree *tree = tree_new();
	struct error err = {0};
	size_t n = 0;

	for (char **at = argv; *at && n < DISKS_MAX; at += 3, n++) {
		struct image *base = image_open(at[1], NULL, &err);

		if (!base || image_create_overlay(base, at[2], at[1], &err) < 0)
			die(&err);
		image_free(base);
		attach(&disks[n], at[2], at[1], true);
		mount(tree, at[0], &disks[n], true);
	}
	if (commit_apply_layer(tree, layer, NULL, seen, &err) < 0)
		die(&err);
	tree_free(tree);
	for (size_t i = 0; i < n; i++)
		if (block_flush(disks[i].block, &err) < 0)
			die(&err);
	detach(disks, n);
}

static void check(char **argv, struct commit_seen *seen)
{
	struct disk parents[DISKS_MAX] = {0}, results[DISKS_MAX] = {0};
	struct tree *parent = tree_new(), *result = tree_new();
	struct error err = {0};
	size_t n = 0;

	for (char **at = argv; *at && n < DISKS_MAX; at += 3, n++) {
		attach(&parents[n], at[1], NULL, false);
		attach(&results[n], at[2], at[1], false);
		mount(parent, at[0], &parents[n], false);
		mount(result, at[0], &results[n], false);
		if (commit_check_filesystem(results[n].block, "ext4", "/tmp", &err) < 0 ||
		    image_check(results[n].image, &err) < 0)
			die(&err);
	}
	if (commit_check_tree(&(struct commit_comparison){.parent = parent, .result = result}, seen,
			      &err) < 0)
		die(&err);
	tree_free(parent);
	tree_free(result);
	detach(parents, n);
	detach(results, n);
}

static int command_commit(char **argv)
{
	struct error err = {0};
	struct digest digest;
	struct layer *layer;
	struct commit_seen seen = {0};

	if (!digest_from_hex(argv[1], &digest))
		return 64;
	layer = layer_open(argv[0], &digest, &err);
	if (!layer)
		die(&err);
	apply(argv + 2, layer, &seen);
	check(argv + 2, &seen);
	commit_seen_free(&seen);
	layer_free(layer);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "map") == 0)
		return command_map(argv + 2);
	if (argc >= 7 && strcmp(argv[1], "make") == 0)
		return command_make(argv + 2);
	if (argc >= 7 && strcmp(argv[1], "commit") == 0)
		return command_commit(argv + 2);
	fprintf(stderr, "usage: layer_tool map|make|commit ...\n");
	return 64;
}
