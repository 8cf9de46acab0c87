/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests/image/ext-*.sh: the file system interface as a program.
 *
 *   fs_tool probe IMAGE            type, readable, writable, why not
 *   fs_tool dump IMAGE             one line per path, for comparison with a kernel mount
 *   fs_tool apply IMAGE < SCRIPT   does what each line says, then flushes
 *   fs_tool read IMAGE             reads everything, prints counts
 *
 * Fields of a line are separated by blanks; paths, targets and values are in hexadecimal.
 */
#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "fs/tree.h"
#include "fs_block.h"

static void die(const struct error *err, const char *what)
{
	fprintf(stderr, "%s: %s\n", what, err->msg);
	exit(1);
}

static char *unhex(const char *hex, size_t *ret_len)
{
	size_t len = strlen(hex) / 2;
	char *bytes = xcalloc(1, len + 1);

	for (size_t i = 0; i < len; i++)
		sscanf(hex + 2 * i, "%2hhx", (unsigned char *)&bytes[i]);
	if (ret_len)
		*ret_len = len;
	return bytes;
}

static void print_hex(const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", ((const unsigned char *)bytes)[i]);
}

static void print_digest(const struct tree_node *node)
{
	struct digest_context *ctx = digest_new();
	struct error err = {0};
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];
	static char buf[1 << 20];
	uint64_t offset = 0;

	for (;;) {
		ssize_t n = fs_read(node->fs, node->ino, buf, sizeof buf, offset, &err);

		if (n < 0)
			die(&err, "read");
		if (n == 0)
			break;
		digest_update(ctx, buf, (size_t)n);
		offset += (uint64_t)n;
	}
	digest_finish(ctx, &digest);
	digest_to_hex(&digest, hex);
	printf(" sha256=%s", hex);
}

/* Where data lies, as SEEK_DATA would tell. */
static void print_extents(const struct tree_node *node)
{
	uint64_t offset = 0, start, end;
	struct error err = {0};

	printf(" data=");
	while (offset < node->stat.size) {
		if (fs_next_data(node->fs, node->ino, offset, &start, &end, &err) < 0)
			die(&err, "next_data");
		if (start == node->stat.size)
			break;
		printf("%" PRIu64 "-%" PRIu64 ",", start, end);
		offset = end;
	}
}

static void print_xattrs(const struct tree_node *node)
{
	struct fs_xattrs xattrs;
	struct error err = {0};

	if (fs_read_xattrs(node->fs, node->ino, &xattrs, &err) < 0)
		die(&err, "xattrs");
	for (size_t i = 0; i < xattrs.n_items; i++) {
		printf(" x:%s=", xattrs.items[i].name);
		print_hex(xattrs.items[i].value, xattrs.items[i].size);
	}
	fs_xattrs_free(&xattrs);
}

static int dump_node(void *opaque, const char *path, const struct tree_node *node,
		     struct error *err)
{
	const struct fs_stat *st = &node->stat;

	(void)opaque;
	print_hex(path, strlen(path));
	printf(" ino=%" PRIu64 " mode=%o nlink=%u owner=%u:%u mtime=%" PRId64 ".%09u flags=%x",
	       st->ino, st->mode, st->nlink, st->uid, st->gid, st->mtime.sec, st->mtime.nsec,
	       st->flags);
	if (S_ISREG(st->mode)) {
		printf(" size=%" PRIu64 " blocks=%" PRIu64, st->size, st->blocks);
		print_digest(node);
		print_extents(node);
	}
	if (S_ISCHR(st->mode) || S_ISBLK(st->mode))
		printf(" rdev=%u:%u", st->rdev_major, st->rdev_minor);
	if (S_ISLNK(st->mode)) {
		CLEANUP_FREE char *target = fs_read_link(node->fs, node->ino, err);

		if (!target)
			return -1;
		printf(" target=");
		print_hex(target, strlen(target));
	}
	print_xattrs(node);
	printf("\n");
	return 0;
}

static int read_node(void *opaque, const char *path, const struct tree_node *node,
		     struct error *err)
{
	static char buf[1 << 20];
	uint64_t *counts = opaque, offset = 0;

	(void)path;
	counts[0]++;
	while (S_ISREG(node->stat.mode) && offset < node->stat.size && counts[2]) {
		ssize_t n = fs_read(node->fs, node->ino, buf, sizeof buf, offset, err);

		if (n <= 0)
			return -1;
		offset += (uint64_t)n;
		counts[1] += (uint64_t)n;
	}
	return 0;
}

static int walk_image(struct block *block, tree_walk_callback *callback, void *opaque)
{
	struct error err = {0};
	struct fs *fs = fs_open(block, &err);
	struct tree *tree = tree_new();

	if (!fs || tree_mount(tree, "/", fs, &err) < 0 ||
	    tree_walk(tree, "/", callback, opaque, &err) < 0)
		die(&err, "walk");
	tree_free(tree);
	return 0;
}

static int probe(struct block *block)
{
	struct fs_info info;
	struct error err = {0};

	if (fs_probe(block, &info, &err) < 0)
		die(&err, "probe");
	printf("type=%s uuid=%s label=%s readable=%d writable=%d why_not=%s\n",
	       info.type ? info.type : "-", info.uuid, info.label ? info.label : "-", info.readable,
	       info.writable, info.why_not ? info.why_not : "-");
	fs_info_free(&info);
	return 0;
}

/* One line of a script. */
struct words {
	char *at[64];
	size_t n;
};

static struct words split(char *line)
{
	struct words words = {0};
	char *saved;

	line[strcspn(line, "\n")] = '\0';
	for (char *word = strtok_r(line, " ", &saved); word && words.n < 64;
	     word = strtok_r(NULL, " ", &saved))
		words.at[words.n++] = word;
	return words;
}

static uint64_t number(const struct words *words, size_t i)
{
	return i < words->n ? strtoull(words->at[i], NULL, 0) : 0;
}

/* MODE UID GID SEC NSEC FLAGS MAJOR MINOR from word i on. */
static struct fs_stat parse_meta(const struct words *words, size_t i)
{
	return (struct fs_stat){
		.mode = (mode_t)strtoul(words->at[i], NULL, 8),
		.uid = (uint32_t)number(words, i + 1),
		.gid = (uint32_t)number(words, i + 2),
		.mtime = {(int64_t)strtoll(words->at[i + 3], NULL, 0),
			  (uint32_t)number(words, i + 4)},
		.flags = (uint32_t)number(words, i + 5),
		.rdev_major = (uint32_t)number(words, i + 6),
		.rdev_minor = (uint32_t)number(words, i + 7),
	};
}

/* The directory of a path; *ret_name is its last component. */
static int resolve_parent(struct fs *fs, char *path, uint64_t *ret_dir, char **ret_name,
			  struct error *err)
{
	char *name = path, *slash;

	*ret_dir = fs_root(fs);
	while ((slash = strchr(name, '/'))) {
		*slash = '\0';
		if (fs_lookup(fs, *ret_dir, name, ret_dir, err) < 0)
			return -1;
		*slash = '/';
		name = slash + 1;
	}
	*ret_name = name;
	return 0;
}

static int resolve(struct fs *fs, const char *hex, uint64_t *ret, struct error *err)
{
	CLEANUP_FREE char *path = unhex(hex, NULL);
	char *name;

	if (!*path) {
		*ret = fs_root(fs);
		return 0;
	}
	if (resolve_parent(fs, path, ret, &name, err) < 0)
		return -1;
	return fs_lookup(fs, *ret, name, ret, err);
}

static int write_pattern(struct fs *fs, uint64_t ino, const struct words *words, struct error *err)
{
	uint64_t offset = number(words, 2), len = number(words, 3), seed = number(words, 4);
	CLEANUP_FREE unsigned char *buf = xmalloc(len);

	for (uint64_t i = 0; i < len; i++)
		buf[i] = (unsigned char)(seed * 31 + (offset + i) * 7 + ((offset + i) >> 8));
	return fs_write(fs, ino, buf, len, offset, err);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct fs_xattr *)a)->name, ((const struct fs_xattr *)b)->name);
}

static int set_xattrs(struct fs *fs, uint64_t ino, const struct words *words, struct error *err)
{
	struct fs_xattrs xattrs = {0};
	int result;

	for (size_t i = 2; i < words->n; i++) {
		struct fs_xattr *xattr = ARRAY_ADD(xattrs.items, xattrs.n_items);
		char *equals = strchr(words->at[i], '=');

		xattr->name = xstrndup(words->at[i], (size_t)(equals - words->at[i]));
		xattr->value = unhex(equals + 1, &xattr->size);
	}
	if (xattrs.n_items)
		qsort(xattrs.items, xattrs.n_items, sizeof *xattrs.items, compare_names);
	result = fs_set_xattrs(fs, ino, &xattrs, err);
	fs_xattrs_free(&xattrs);
	return result;
}

/* create, symlink, hardlink, unlink */
static int apply_name(struct fs *fs, const struct words *words, struct error *err)
{
	CLEANUP_FREE char *path = unhex(words->at[1], NULL);
	CLEANUP_FREE char *target = NULL;
	struct fs_stat meta;
	uint64_t dir, ino;
	char *name;

	if (resolve_parent(fs, path, &dir, &name, err) < 0)
		return -1;
	switch (words->at[0][0]) {
	case 'C':
		meta = parse_meta(words, 2);
		return fs_create(fs, dir, name, &meta, &ino, err);
	case 'L':
		target = unhex(words->at[2], NULL);
		meta = parse_meta(words, 3);
		return fs_create_link(fs, dir, name, target, &meta, &ino, err);
	case 'H':
		if (resolve(fs, words->at[2], &ino, err) < 0)
			return -1;
		return fs_link(fs, dir, name, ino, err);
	default:
		return fs_unlink(fs, dir, name, err);
	}
}

static int apply_line(struct fs *fs, char *line, struct error *err)
{
	struct words words = split(line);
	struct fs_stat meta;
	uint64_t ino;

	if (strchr("CLHU", words.at[0][0]))
		return apply_name(fs, &words, err);
	if (resolve(fs, words.n > 1 ? words.at[1] : "", &ino, err) < 0)
		return -1;
	switch (words.at[0][0]) {
	case 'T':
		return fs_truncate(fs, ino, err);
	case 'W':
		return write_pattern(fs, ino, &words, err);
	case 'S':
		return fs_set_size(fs, ino, number(&words, 2), err);
	case 'M':
		meta = parse_meta(&words, 2);
		return fs_set_meta(fs, ino, &meta, err);
	case 'X':
		return set_xattrs(fs, ino, &words, err);
	default:
		return error_set(err, ERROR_USAGE, "what is %s", words.at[0]);
	}
}

static int apply(struct block *block)
{
	struct error err = {0};
	CLEANUP(fs_free)
	struct fs *fs = fs_open_writable(block, &err);
	static char line[1 << 20];

	if (!fs)
		die(&err, "open");
	while (fgets(line, sizeof line, stdin)) {
		char copy[200];

		snprintf(copy, sizeof copy, "%.199s", line);
		if (apply_line(fs, line, &err) < 0)
			die(&err, copy);
	}
	if (fs_flush(fs, &err) < 0)
		die(&err, "flush");
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t counts[3] = {0, 0, argc > 3};
	struct block *block;
	int result = 2;

	if (argc < 3)
		return 2;
	block = file_block_new(open(argv[2], strcmp(argv[1], "apply") == 0 ? O_RDWR : O_RDONLY));
	if (strcmp(argv[1], "probe") == 0)
		result = probe(block);
	else if (strcmp(argv[1], "dump") == 0)
		result = walk_image(block, dump_node, NULL);
	else if (strcmp(argv[1], "apply") == 0)
		result = apply(block);
	else if (strcmp(argv[1], "read") == 0) {
		result = walk_image(block, read_node, counts);
		printf("%" PRIu64 " nodes, %" PRIu64 " bytes\n", counts[0], counts[1]);
	}
	block_free(block);
	return result;
}
