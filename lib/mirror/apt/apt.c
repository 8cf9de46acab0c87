/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The apt layout (https://wiki.debian.org/DebianRepository/Format).
 *
 * Trust goes one way: pinned key -> InRelease -> SHA-256 of a Packages file -> SHA-256 of a package
 * file.  Each file is read once, into memory or into our own copy, and what was read is what was
 * verified.  A partial mirror is fine: architectures, components and packages may be absent, but
 * not every index of a suite.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/directory.h"
#include "base/file.h"
#include "mirror/apt/apt.h"
#include "mirror/beneath.h"

enum { MAX_SUITE_DEPTH = 3 };

static bool detect(int root)
{
	struct error ignored;
	CLEANUP_CLOSE int fd = beneath_open(root, "dists", O_DIRECTORY, &ignored);

	return fd >= 0;
}

/* Directories of a suite that hold no suites; some have an unsigned Release of their own. */
static bool is_inner(const char *name)
{
	static const char *const prefixes[] = {
		"binary-",    "source",		  "i18n", "dep11", "by-hash",
		"installer-", "debian-installer", "."};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int find_suites(int root, const char *directory, int depth, struct beneath_list *ret,
		       struct error *err);

/* Symbolic links are other names of suites ("stable"), so they are left out. */
static int find_below(int root, const char *directory, int depth, struct beneath_list *ret,
		      struct error *err)
{
	int fd = beneath_open(root, directory, O_DIRECTORY, err);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (fd < 0)
		return -1;
	if (!dir) {
		error_os(err, ERROR_IO, errno, "%s", directory);
		close(fd);
		return -1;
	}
	while (result == 0 && (entry = directory_next(dir, directory, &result, err))) {
		CLEANUP_FREE char *path = path_join(directory, entry->d_name);

		if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
		    !is_inner(entry->d_name) && beneath_is_safe(path))
			result = find_suites(root, path, depth, ret, err);
	}
	closedir(dir);
	return result;
}

static int find_suites(int root, const char *directory, int depth, struct beneath_list *ret,
		       struct error *err)
{
	if (apt_has_file(root, directory, "InRelease") || apt_has_file(root, directory, "Release"))
		*ARRAY_ADD(ret->paths, ret->n_paths) = xstrdup(directory);
	if (depth >= MAX_SUITE_DEPTH)
		return 0;
	if (!apt_has_file(root, directory, ".")) /* a plain file, where the type was unknown */
		return 0;
	return find_below(root, directory, depth + 1, ret, err);
}

static int named_suites(const struct mirror_options *options, struct beneath_list *ret,
			struct error *err)
{
	for (size_t i = 0; i < options->n_suites; i++) {
		if (!beneath_is_safe(options->suites[i]))
			return error_set(err, ERROR_CONFIG, "suite %s: not the name of a suite",
					 options->suites[i]);
		*ARRAY_ADD(ret->paths, ret->n_paths) = path_join("dists", options->suites[i]);
	}
	return 0;
}

static int list_suites(const struct apt *apt, struct beneath_list *ret, struct error *err)
{
	if (apt->options->n_suites)
		return named_suites(apt->options, ret, err);
	if (find_below(apt->root, "dists", 1, ret, err) < 0)
		return -1;
	if (!ret->n_paths)
		return error_set(err, ERROR_MIRROR,
				 "dists: no suite in it has an InRelease or a "
				 "Release file");
	beneath_list_sort(ret);
	return 0;
}

static int read_suite(struct apt *apt, const char *path, struct error *err)
{
	CLEANUP_APT_SUITE struct apt_suite suite = {.path = xstrdup(path)};

	monitor_progress(apt->build->monitor, "mirror", path, 0, 0);
	if (apt_suite_read(apt, &suite, err) < 0)
		return -1;
	return apt_index_read(apt, &suite, err);
}

static int check_options(const struct mirror_options *options, struct error *err)
{
	const char *key = options->priority	      ? "priority"
			  : options->module_hotfixes  ? "module-hotfixes"
			  : options->n_excludes	      ? "exclude"
			  : options->n_trust_digests  ? "trust-digests"
			  : options->n_trust_packages ? "trust-packages"
						      : NULL;

	return key ? error_set(err, ERROR_CONFIG,
			       "%s: said of an apt mirror, which has no use for it", key)
		   : 0;
}

static int read_mirror(struct mirror_build *build, int root, const struct mirror_options *options,
		       struct error *err)
{
	CLEANUP_BENEATH_LIST struct beneath_list suites = {0};
	struct apt apt = {.build = build, .options = options, .root = root, .pool = {.root = root}};
	int result = check_options(options, err);

	if (result == 0)
		result = list_suites(&apt, &suites, err);

	for (size_t i = 0; result == 0 && i < suites.n_paths; i++)
		result = read_suite(&apt, suites.paths[i], err);
	pool_forget(&apt.pool);
	return result;
}

const struct mirror_layout mirror_layout_apt = {
	.name = "apt",
	.missing = "it has no dists directory, as an apt mirror has",
	.detect = detect,
	.read = read_mirror,
};
