/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/indexes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "fetch/layout.h"
#include "mirror/apt/apt.h"
#include "mirror/repomd/repomd.h"

void indexes_free(struct indexes *indexes)
{
	for (size_t i = 0; i < indexes->n_files; i++) {
		free(indexes->files[i].suite);
		free(indexes->files[i].path);
	}
	free(indexes->files);
	*indexes = (struct indexes){0};
}

static struct checksum checksum_of_digest(const struct digest *sha256)
{
	struct checksum checksum = {.type = CHECKSUM_SHA256};

	digest_to_hex(sha256, checksum.hex);
	return checksum;
}

/* The smallest first. */
static void add_index(const struct apt_suite *suite, const char *name, const char *component,
		      const char *architecture, struct indexes *ret)
{
	static const char *const forms[] = {".xz", ".zst", ".gz", ""};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		CLEANUP_FREE char *path =
			xasprintf("%s/binary-%s/Packages%s", component, architecture, forms[i]);
		const struct release_file *file = release_find(&suite->release, path);

		if (!file)
			continue;
		*ARRAY_ADD(ret->files, ret->n_files) = (struct index_file){
			.layout = FETCH_APT,
			.suite = xstrdup(name),
			.path = steal(path),
			.size = file->size,
			.checksum = checksum_of_digest(&file->sha256),
			.by_hash = suite->release.by_hash,
		};
		return;
	}
}

/* Are packages for all architectures in an index of their own, and only there? */
static bool has_index_of_all(const struct apt_suite *suite)
{
	static const char both[] = "\nNo-Support-for-Architecture-all: Packages";

	for (size_t i = 0; i < suite->release.n_architectures; i++)
		if (strcmp(suite->release.architectures[i], "all") == 0)
			return !memmem(suite->text.data, suite->text.len, both, sizeof both - 1);
	return false;
}

static void add_indexes(const struct apt_suite *suite, const struct indexes_request *request,
			struct indexes *ret)
{
	const struct mirror_source *source = suite->source;

	for (size_t c = 0; c < source->n_components; c++) {
		for (size_t a = 0; a < request->n_architectures; a++)
			add_index(suite, request->suite, source->components[c],
				  request->architectures[a], ret);
		if (has_index_of_all(suite))
			add_index(suite, request->suite, source->components[c], "all", ret);
	}
}

static int read_apt(const struct indexes_request *request, struct mirror_build *build, int root,
		    struct indexes *ret, struct error *err)
{
	CLEANUP_APT_SUITE struct apt_suite suite = {.path = path_join("dists", request->suite)};
	const struct apt apt = {.build = build, .options = &request->mirror, .root = root};
	size_t before = ret->n_files;

	if (apt_suite_read(&apt, &suite, err) < 0)
		return -1;
	add_indexes(&suite, request, ret);
	if (ret->n_files == before)
		return error_set(err, ERROR_MIRROR,
				 "%s: lists no index of packages for architecture %s",
				 suite.index_path, request->architectures[0]);
	return 0;
}

static int read_repomd(const struct indexes_request *request, struct mirror_build *build, int root,
		       struct indexes *ret, struct error *err)
{
	CLEANUP_REPOSITORY struct repository repository = {.path = xstrdup(request->suite)};
	const struct repomd repomd = {.build = build, .options = &request->mirror, .root = root};

	if (repository_read(&repomd, &repository, err) < 0)
		return -1;
	for (size_t i = 0; i < REPOMD_TYPES; i++) {
		const struct repomd_file *file = &repository.index.files[i];

		if (file->href)
			*ARRAY_ADD(ret->files, ret->n_files) = (struct index_file){
				.layout = FETCH_REPOMD,
				.suite = xstrdup(request->suite),
				.path = xstrdup(file->href),
				.size = file->size,
				.checksum = file->checksum,
			};
	}
	return 0;
}

static int read_suite(const struct indexes_request *request, struct mirror_build *build, int root,
		      struct indexes *ret, struct error *err)
{
	if (strcmp(request->layout, FETCH_REPOMD) == 0)
		return read_repomd(request, build, root, ret, err);
	return read_apt(request, build, root, ret, err);
}

int indexes_list(const struct indexes_request *request, const struct monitor *monitor,
		 struct indexes *ret, struct error *err)
{
	CLEANUP_STAGE struct stage stage = {0};
	CLEANUP_MIRROR_BUILD struct mirror_build build = {
		.policy = request->policy, .monitor = monitor, .stage = &stage};
	CLEANUP_CLOSE int root = open(request->mirror.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return error_os(err, ERROR_IO, errno, "%s", request->mirror.path);
	if (highwater_read(request->policy->high_water_file, &build.before, err) < 0 ||
	    stage_open(request->scratch, monitor, &stage, err) < 0)
		return -1;
	return read_suite(request, &build, root, ret, err);
}
