/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/check_packages.h"

#include <string.h>
#include <sys/stat.h>

#include "layer/content.h"
#include "run/job.h"

struct walk {
	const struct package_files_check *check;
	const struct package_change *change;
	struct commit_report *report;
};

static bool scripts_may_rewrite(const char *path)
{
	return strncmp(path, "/etc/", 5) == 0 || strncmp(path, "/var/", 5) == 0;
}

static bool is_cover(struct tree *tree, const char *directory)
{
	struct tree_node node, cover;
	struct error ignored;

	if (tree_lookup(tree, directory, TREE_FOLLOW, &node, &ignored) != 1)
		return false;
	for (size_t i = 0; i < N_JOB_COVERS; i++)
		if (tree_lookup(tree, job_covers[i], TREE_FOLLOW, &cover, &ignored) == 1 &&
		    cover.mount == node.mount && cover.ino == node.ino)
			return true;
	return false;
}

/* Below what the run mounts, by whatever name (/var/run), nothing came into the image. */
static bool is_covered(struct tree *tree, const char *path)
{
	CLEANUP_FREE char *directory = xstrdup(path);

	for (char *slash = directory + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		if (is_cover(tree, directory))
			return true;
	}
	return false;
}

/* Damage, a script of the package itself and an attack by another package's look the same, but for
 * who would have to answer for it. */
static int found_wrong(const struct walk *walk, const char *path, const char *what,
		       struct error *err)
{
	if (is_covered(walk->check->tree, path))
		return 0;
	if (!scripts_may_rewrite(path))
		return error_set(err, ERROR_GUEST,
				 "after the update %s of %s %s is %s: it was damaged, or a script "
				 "of the packages did it, which may be only below /etc and /var; "
				 "where that is how %s is made, hold it back (holds: in the "
				 "patchset)",
				 path, walk->change->name, walk->change->to, what,
				 walk->change->name);
	commit_report_warn(walk->report, "%s of %s %s is %s", path, walk->change->name,
			   walk->change->to, what);
	return 0;
}

/* Most was read back, and digested, when it was compared with the layer. */
static int digest_node(const struct commit_seen *seen, const struct tree_node *node,
		       struct digest *ret, struct error *err)
{
	const struct digest *known = commit_seen_content(seen, node->mount, node->ino);

	if (!known)
		return content_digest_file(node->fs, node->ino, node->stat.size, ret, err);
	*ret = *known;
	return 0;
}

static int check_file(const struct walk *walk, const struct package_file *file, struct error *err)
{
	const char *path = file->path;
	const struct ownership *ownership = walk->check->ownership;
	CLEANUP_FREE char *place = NULL;
	struct tree_node node;
	struct digest digest;
	int found;

	if (file->config || !ownership_of(ownership, walk->change, path) ||
	    ownership_excluded(ownership, path))
		return 0;
	place = ownership_place(ownership, walk->change->name, path);
	found = tree_lookup(walk->check->tree, place, TREE_NOFOLLOW, &node, err);
	if (found < 0)
		return -1;
	if (found == 0)
		return found_wrong(walk, place, "missing", err);
	if (!S_ISREG(node.stat.mode))
		return found_wrong(walk, place, "not a regular file", err);
	if (digest_node(walk->check->seen, &node, &digest, err) < 0)
		return error_prefix(err, "%s", place);
	if (!digest_equal(&digest, &file->sha256))
		return found_wrong(walk, place, "not what the package brings", err);
	return 0;
}

static int check_package(const struct package_files_check *check,
			 const struct package_change *change, struct commit_report *report,
			 struct error *err)
{
	struct walk walk = {.check = check, .change = change, .report = report};
	const struct package_payload *payload =
		package_payloads_find(check->payloads, &change->sha256);

	if (!payload)
		return error_set(err, ERROR_BUG, "nobody read its package");
	for (size_t i = 0; i < payload->n_files; i++)
		if (check_file(&walk, &payload->files[i], err) < 0)
			return -1;
	return 0;
}

int check_package_files(const struct package_files_check *check, struct commit_report *report,
			struct error *err)
{
	const struct resolution *resolution = &check->plan->resolution;

	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];

		if (change->to && check_package(check, change, report, err) < 0)
			return error_prefix(err, "checking the files of %s", change->name);
	}
	return 0;
}
