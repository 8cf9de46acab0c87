/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot is made in a stage: layouts read the mirrors into it, the packages they want are
 * copied, and only when all of it is verified is anything moved into the store.  The high-water
 * mark is raised last.
 */
#include "mirror/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "mirror/beneath.h"
#include "mirror/layout.h"
#include "mirror/manifest.h"
#include "mirror/store.h"

static const struct mirror_layout *const layouts[] = {&mirror_layout_apt, &mirror_layout_repomd};

void mirror_build_free(struct mirror_build *build)
{
	for (size_t i = 0; i < build->n_sources; i++)
		mirror_source_free(&build->sources[i]);
	free(build->sources);
	for (size_t i = 0; i < build->n_wanted; i++)
		free(build->wanted[i].path);
	free(build->wanted);
	for (size_t i = 0; i < build->n_checks; i++)
		build->checks[i]->free(build->checks[i]);
	free(build->checks);
	highwater_free(&build->before);
	highwater_free(&build->seen);
}

struct mirror_source *mirror_build_source(struct mirror_build *build)
{
	struct mirror_source *source = ARRAY_ADD(build->sources, build->n_sources);

	source->directory = xasprintf("incoming/%zu", build->n_sources - 1);
	source->priority = MIRROR_PRIORITY;
	return source;
}

void mirror_build_check(struct mirror_build *build, struct mirror_check *check)
{
	*ARRAY_ADD(build->checks, build->n_checks) = check;
}

int mirror_build_file(struct mirror_build *build, struct mirror_source *source, const char *path,
		      const struct buffer *content, struct error *err)
{
	CLEANUP_FREE char *staged = path_join(source->directory, path);
	const char *data = content->len ? content->data : "";
	struct mirror_file *file;

	if (stage_write(build->stage, staged, data, content->len, err) < 0)
		return -1;
	file = ARRAY_ADD(source->files, source->n_files);
	file->path = xstrdup(path);
	file->size = content->len;
	digest_of(data, content->len, &file->sha256);
	return 0;
}

/* ---- reading the mirrors ---- */

static int not_a_mirror(struct error *err)
{
	CLEANUP_BUFFER struct buffer reasons = {0};

	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
		buffer_printf(&reasons, "%s%s", i ? ", " : "", layouts[i]->missing);
	return error_set(err, ERROR_MIRROR, "not a mirror: %s", reasons.data);
}

/* The user's word on whose a mirror is goes before its own. */
static void set_system(struct mirror_source *source, const struct mirror_options *options)
{
	if (!options->os_id)
		return;
	free(source->os_id);
	free(source->os_version);
	source->os_id = xstrdup(options->os_id);
	source->os_version = options->os_version ? xstrdup(options->os_version) : NULL;
}

static int read_layout(struct mirror_build *build, const struct mirror_layout *layout,
		       const struct mirror_options *options, int root, struct error *err)
{
	size_t before = build->n_sources;

	if (layout->read(build, root, options, err) < 0)
		return -1;
	for (size_t i = before; i < build->n_sources; i++) {
		build->sources[i].layout = xstrdup(layout->name);
		if (!build->sources[i].path)
			build->sources[i].path = xstrdup(".");
		set_system(&build->sources[i], options);
	}
	return 0;
}

static int read_mirror(struct mirror_build *build, const struct mirror_options *options, int root,
		       struct error *err)
{
	for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
		if (layouts[i]->detect(root))
			return read_layout(build, layouts[i], options, root, err);
	}
	return not_a_mirror(err);
}

static int open_mirror(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_os(err, errno == ENOENT || errno == ENOTDIR ? ERROR_MISSING : ERROR_IO,
				errno, "mirror %s", path);
	return fd;
}

/* ---- copying the packages ---- */

static int by_content(const void *a, const void *b)
{
	const struct mirror_wanted *x = a, *y = b;
	int order = memcmp(x->sha256.bytes, y->sha256.bytes, DIGEST_SIZE);

	if (!order)
		order = strcmp(x->path, y->path);
	return order ? order : (x->root > y->root) - (x->root < y->root);
}

static bool is_same(const struct mirror_wanted *a, const struct mirror_wanted *b)
{
	return digest_equal(&a->sha256, &b->sha256) && a->size == b->size && a->root == b->root &&
	       a->check == b->check && strcmp(a->path, b->path) == 0;
}

/* Each time: what lies in the store already may have been put there under other keys. */
static int check_package(const struct mirror_build *build, const struct mirror_wanted *wanted,
			 struct error *err)
{
	CLEANUP_CLOSE int fd = -1;

	if (!wanted->check)
		return 0;
	fd = stage_package_open(build->stage, &wanted->sha256, err);
	return fd < 0 ? -1 : wanted->check->check(wanted->check, wanted, fd, err);
}

static int copy_package(const struct mirror_build *build, const struct mirror_wanted *wanted,
			struct error *err)
{
	CLEANUP_CLOSE int fd = beneath_open(wanted->root, wanted->path, 0, err);

	if (fd < 0)
		return error_prefix(err, "mirror %s", wanted->mirror);
	if (stage_package(build->stage, fd, &wanted->sha256, wanted->size, err) < 0 ||
	    check_package(build, wanted, err) < 0)
		return error_prefix(err, "mirror %s: %s", wanted->mirror, wanted->path);
	return 0;
}

static int copy_packages(struct mirror_build *build, struct error *err)
{
	const struct mirror_wanted *wanted = build->wanted;

	if (build->n_wanted)
		qsort(build->wanted, build->n_wanted, sizeof *build->wanted, by_content);
	for (size_t i = 0; i < build->n_wanted; i++) {
		monitor_progress(build->monitor, "packages", wanted[i].path, i, build->n_wanted);
		if (i && is_same(&wanted[i - 1], &wanted[i]))
			continue;
		if (monitor_check(build->monitor, err) < 0 ||
		    copy_package(build, &wanted[i], err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the manifest ---- */

static int by_file_path(const void *a, const void *b)
{
	return strcmp(((const struct mirror_file *)a)->path, ((const struct mirror_file *)b)->path);
}

static int compare_files(const struct mirror_source *a, const struct mirror_source *b)
{
	if (a->n_files != b->n_files)
		return a->n_files < b->n_files ? -1 : 1;
	for (size_t i = 0; i < a->n_files; i++) {
		int order = strcmp(a->files[i].path, b->files[i].path);

		if (order)
			return order;
	}
	return 0;
}

static int compare_texts(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* Not the order of the user's mirrors: equal states are to give equal manifests. */
static int by_index(const void *a, const void *b)
{
	const struct mirror_source *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	if (!order)
		order = strcmp(x->index_path, y->index_path);
	if (!order)
		order = memcmp(x->index.bytes, y->index.bytes, DIGEST_SIZE);
	if (!order)
		order = compare_texts(x->os_id, y->os_id);
	if (!order)
		order = compare_texts(x->os_version, y->os_version);
	return order ? order : compare_files(x, y);
}

static int by_checksum(const void *a, const void *b)
{
	return strcmp(((const struct mirror_alias *)a)->checksum,
		      ((const struct mirror_alias *)b)->checksum);
}

static void sort_sources(struct mirror_build *build)
{
	size_t n = 0;

	for (size_t i = 0; i < build->n_sources; i++) {
		struct mirror_source *source = &build->sources[i];

		qsort(source->files, source->n_files, sizeof *source->files, by_file_path);
		if (source->n_aliases)
			qsort(source->aliases, source->n_aliases, sizeof *source->aliases,
			      by_checksum);
	}
	qsort(build->sources, build->n_sources, sizeof *build->sources, by_index);
	for (size_t i = 0; i < build->n_sources; i++) {
		if (n && by_index(&build->sources[n - 1], &build->sources[i]) == 0)
			mirror_source_free(&build->sources[i]);
		else
			build->sources[n++] = build->sources[i];
	}
	build->n_sources = n;
}

/* Gives the sources their final numbers. */
static int place_sources(struct mirror_build *build, struct error *err)
{
	const char *stage = build->stage->directory;
	CLEANUP_FREE char *parent = path_join(stage, "snapshot/sources");

	if (directory_make(parent, 0755, err) < 0)
		return -1;
	for (size_t i = 0; i < build->n_sources; i++) {
		CLEANUP_FREE char *from = path_join(stage, build->sources[i].directory);
		CLEANUP_FREE char *to = xasprintf("%s/%zu", parent, i);

		if (rename(from, to) < 0)
			return error_os(err, ERROR_IO, errno, "%s", to);
	}
	return 0;
}

static void take_digests(const struct mirror_build *build, struct mirror_snapshot *snapshot)
{
	for (size_t i = 0; i < build->n_wanted; i++)
		if (!i || !digest_equal(&build->wanted[i - 1].sha256, &build->wanted[i].sha256))
			*ARRAY_ADD(snapshot->packages, snapshot->n_packages) =
				build->wanted[i].sha256;
}

static int write_manifest(const struct mirror_build *build, const struct mirror_snapshot *snapshot,
			  char hex[static DIGEST_HEX_SIZE], struct error *err)
{
	CLEANUP_JSON json_t *json = manifest_to_json(snapshot);
	CLEANUP_FREE char *bytes = json_to_bytes(json);
	CLEANUP_FREE char *made = xasprintf("%" PRId64 "\n", snapshot->made);
	struct digest digest;

	digest_of(bytes, strlen(bytes), &digest);
	digest_to_hex(&digest, hex);
	if (stage_write(build->stage, "snapshot/manifest.json", bytes, strlen(bytes), err) < 0)
		return -1;
	return stage_write(build->stage, "snapshot/made", made, strlen(made), err);
}

static int publish(struct mirror_build *build, char hex[static DIGEST_HEX_SIZE], struct error *err)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = xcalloc(1, sizeof *snapshot);

	sort_sources(build);
	if (place_sources(build, err) < 0)
		return -1;
	snapshot->made = build->policy->now;
	take_digests(build, snapshot);
	snapshot->sources = steal(build->sources);
	snapshot->n_sources = build->n_sources;
	build->n_sources = 0;
	if (write_manifest(build, snapshot, hex, err) < 0)
		return -1;
	return stage_publish(build->stage, hex, err);
}

/* ---- the interface ---- */

struct roots {
	int *fds;
	size_t n_fds;
};

static void roots_free(struct roots *roots)
{
	for (size_t i = 0; i < roots->n_fds; i++)
		close(roots->fds[i]);
	free(roots->fds);
}

static int read_mirrors(struct mirror_build *build, const struct mirror_options *mirrors, size_t n,
			struct roots *roots, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		int root = open_mirror(mirrors[i].path, err);

		if (root < 0)
			return -1;
		*ARRAY_ADD(roots->fds, roots->n_fds) = root;
		if (read_mirror(build, &mirrors[i], root, err) < 0)
			return error_prefix(err, "mirror %s", mirrors[i].path);
	}
	return n ? 0 : error_set(err, ERROR_CONFIG, "no mirror is given");
}

static int make(struct mirror_build *build, const struct mirror_options *mirrors, size_t n,
		char hex[static DIGEST_HEX_SIZE], struct error *err)
{
	__attribute__((cleanup(roots_free))) struct roots roots = {0};
	const char *marks = build->policy->high_water_file;

	if (marks && highwater_read(marks, &build->before, err) < 0)
		return -1;
	if (read_mirrors(build, mirrors, n, &roots, err) < 0 || copy_packages(build, err) < 0 ||
	    publish(build, hex, err) < 0)
		return -1;
	return marks ? highwater_update(marks, &build->seen, err) : 0;
}

int mirror_snapshot_make(const char *store, const struct mirror_options *mirrors, size_t n_mirrors,
			 const struct mirror_policy *policy, const struct monitor *monitor,
			 struct mirror_snapshot **ret, struct error *err)
{
	CLEANUP_STAGE struct stage stage = {0};
	CLEANUP_MIRROR_BUILD struct mirror_build build = {
		.policy = policy, .monitor = monitor, .stage = &stage};
	char hex[DIGEST_HEX_SIZE];
	struct mirror_snapshot *snapshot;

	if (stage_open(store, monitor, &stage, err) < 0 ||
	    make(&build, mirrors, n_mirrors, hex, err) < 0)
		return -1;
	snapshot = mirror_snapshot_open(store, hex, err);
	if (!snapshot)
		return -1;
	*ret = snapshot;
	return 0;
}
