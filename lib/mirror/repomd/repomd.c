/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The repomd layout (createrepo_c; what yum, dnf and zypper read).
 *
 * Trust goes one way: pinned key -> repomd.xml -> checksum of primary.xml -> checksum of a package
 * file; and each package file must be signed by a pinned key besides.  A mirror is a tree with one
 * repository or several in it.  A partial one is fine: packages may be absent, but no index of a
 * repository that is there.
 */
#include "mirror/repomd/repomd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/directory.h"
#include "base/file.h"
#include "mirror/beneath.h"

enum { MAX_DEPTH = 8, MAX_REPOSITORIES = 1000, MAX_DIRECTORIES = 100000 };

char *repository_place(const char *repository, const char *path)
{
	return strcmp(repository, ".") == 0 ? xstrdup(path) : path_join(repository, path);
}

/* One that is there and cannot be opened counts: reading it says why. */
static bool has_index(int root, const char *path)
{
	CLEANUP_FREE char *index = repository_place(path, REPOMD_INDEX);
	struct error problem;
	CLEANUP_CLOSE int fd = beneath_open(root, index, 0, &problem);

	return fd >= 0 || problem.kind != ERROR_MISSING;
}

/* The looking about in one mirror; anybody may name a directory with anything in it. */
struct finding {
	int root;
	struct beneath_list *found;
	size_t n_directories;
};

static int find(struct finding *finding, const char *path, int depth, struct error *err);

/* Symbolic links are other names ("9" of "9.4"), so they are left out. */
static int find_below(struct finding *finding, const char *path, int depth, struct error *err)
{
	int fd = beneath_open(finding->root, path, O_DIRECTORY, err);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (fd < 0)
		return -1;
	if (!dir) {
		error_os(err, ERROR_IO, errno, "%s", path);
		close(fd);
		return -1;
	}
	while (result == 0 && (entry = directory_next(dir, path, &result, err))) {
		CLEANUP_FREE char *child = repository_place(path, entry->d_name);

		if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
		    *entry->d_name != '.' && beneath_is_safe(child))
			result = find(finding, child, depth, err);
	}
	closedir(dir);
	return result;
}

static bool is_directory(int root, const char *path)
{
	struct error ignored;
	CLEANUP_CLOSE int fd = beneath_open(root, path, O_DIRECTORY, &ignored);

	return fd >= 0;
}

/* What lies below a repository is its own. */
static int find(struct finding *finding, const char *path, int depth, struct error *err)
{
	struct beneath_list *found = finding->found;

	if (++finding->n_directories > MAX_DIRECTORIES || found->n_paths == MAX_REPOSITORIES)
		return error_set(err, ERROR_MIRROR,
				 "more than %d directories, or %d repositories, in it: name those "
				 "that are meant",
				 MAX_DIRECTORIES, MAX_REPOSITORIES);
	if (has_index(finding->root, path)) {
		*ARRAY_ADD(found->paths, found->n_paths) = xstrdup(path);
		return 0;
	}
	if (depth >= MAX_DEPTH || !is_directory(finding->root, path))
		return 0;
	return find_below(finding, path, depth + 1, err);
}

/* What goes wrong is told when it is read. */
static bool detect(int root)
{
	CLEANUP_BENEATH_LIST struct beneath_list found = {0};
	struct finding finding = {.root = root, .found = &found};
	struct error problem;

	return find(&finding, ".", 0, &problem) < 0 || found.n_paths;
}

static int named_repositories(const struct repomd *repomd, struct beneath_list *ret,
			      struct error *err)
{
	for (size_t i = 0; i < repomd->options->n_suites; i++) {
		const char *name = repomd->options->suites[i];

		if (strcmp(name, ".") != 0 && !beneath_is_safe(name))
			return error_set(err, ERROR_CONFIG,
					 "suite %s: not the directory of a repository", name);
		if (!has_index(repomd->root, name))
			return error_set(err, ERROR_MIRROR, "%s: no such repository: it has no %s",
					 name, REPOMD_INDEX);
		*ARRAY_ADD(ret->paths, ret->n_paths) = xstrdup(name);
	}
	return 0;
}

static int list_repositories(const struct repomd *repomd, struct beneath_list *ret,
			     struct error *err)
{
	struct finding finding = {.root = repomd->root, .found = ret};

	if (repomd->options->n_suites)
		return named_repositories(repomd, ret, err);
	if (find(&finding, ".", 0, err) < 0)
		return -1;
	beneath_list_sort(ret);
	return 0;
}

static int read_repository(const struct repomd *repomd, const char *path, struct error *err)
{
	CLEANUP_REPOSITORY struct repository repository = {.path = xstrdup(path)};

	monitor_progress(repomd->build->monitor, "mirror", path, 0, 0);
	if (repository_read(repomd, &repository, err) < 0)
		return -1;
	return repomd_data_read(repomd, &repository, err);
}

static int read_mirror(struct mirror_build *build, int root, const struct mirror_options *options,
		       struct error *err)
{
	CLEANUP_BENEATH_LIST struct beneath_list repositories = {0};
	struct repomd repomd = {.build = build, .options = options, .root = root};

	if (list_repositories(&repomd, &repositories, err) < 0)
		return -1;
	repomd.check = repomd_check_new(options, err);
	if (!repomd.check)
		return -1;
	mirror_build_check(build, repomd.check);
	for (size_t i = 0; i < repositories.n_paths; i++)
		if (read_repository(&repomd, repositories.paths[i], err) < 0)
			return -1;
	return 0;
}

const struct mirror_layout mirror_layout_repomd = {
	.name = "repomd",
	.missing = "no directory in it has repodata/repomd.xml, as a repomd mirror has",
	.detect = detect,
	.read = read_mirror,
};
