/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/build.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "mirror/manifest.h"

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
	for (size_t i = 0; i < build->n_roots; i++)
		close(build->roots[i]);
	free(build->roots);
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

/* What a mirror has added before it was refused. */
static void take_out(struct mirror_build *build, size_t n_sources, size_t n_wanted)
{
	while (build->n_sources > n_sources)
		mirror_source_free(&build->sources[--build->n_sources]);
	while (build->n_wanted > n_wanted)
		free(build->wanted[--build->n_wanted].path);
}

int mirror_build_read(struct mirror_build *build, const struct mirror_options *options,
		      struct error *err)
{
	size_t n_sources = build->n_sources, n_wanted = build->n_wanted;
	int root = open_mirror(options->path, err);

	if (root < 0)
		return -1;
	*ARRAY_ADD(build->roots, build->n_roots) = root;
	if (read_mirror(build, options, root, err) == 0)
		return 0;
	take_out(build, n_sources, n_wanted);
	return error_prefix(err, "mirror %s", options->path);
}

/* ---- their order ---- */

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

void mirror_build_sort(struct mirror_build *build)
{
	if (build->n_wanted)
		qsort(build->wanted, build->n_wanted, sizeof *build->wanted, by_content);
	if (build->n_sources)
		sort_sources(build);
}

bool mirror_build_is_repeated(const struct mirror_build *build, size_t i)
{
	return i && is_same(&build->wanted[i - 1], &build->wanted[i]);
}

static void take_digests(const struct mirror_build *build, struct mirror_snapshot *snapshot)
{
	for (size_t i = 0; i < build->n_wanted; i++)
		if (!i || !digest_equal(&build->wanted[i - 1].sha256, &build->wanted[i].sha256))
			*ARRAY_ADD(snapshot->packages, snapshot->n_packages) =
				build->wanted[i].sha256;
}

void mirror_build_finish(struct mirror_build *build, struct mirror_snapshot *snapshot)
{
	take_digests(build, snapshot);
	snapshot->sources = steal(build->sources);
	snapshot->n_sources = build->n_sources;
	build->n_sources = 0;
}
