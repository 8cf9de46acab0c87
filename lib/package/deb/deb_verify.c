/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state after the run must be the state before it with the plan's changes made, and nothing
 * else: every package the plan names is there in its new version or gone, every other one is as it
 * was, and all are settled.
 *
 * A package may be gone that nobody planned to remove: dpkg forgets one, and says so
 * (deb_progress.c), when other packages have taken over all of its files ("disappear").  Then the
 * plan has a package that replaces it.
 */
#include <string.h>

#include "base/memory.h"
#include "package/deb/deb.h"

static int compare(const char *name, const char *arch, const struct deb_package *to)
{
	int order = strcmp(name, to->name);

	/* dpkg takes "all" and the native architecture for one and the same package. */
	if (order || strcmp(arch, "all") == 0 || strcmp(to->architecture, "all") == 0)
		return order;
	return strcmp(arch, to->architecture);
}

static int compare_packages(const void *a, const void *b)
{
	const struct deb_package *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : strcmp(left->architecture, right->architecture);
}

static int read_sorted(const struct package_state *state, const char *what, struct deb_status *ret,
		       struct error *err)
{
	const struct buffer *text = package_state_file(state, "status");

	if (!text)
		return error_set(err, ERROR_GUEST, "dpkg's status file %s is not there", what);
	if (deb_status_parse(text, ret, err) < 0) {
		err->kind = ERROR_GUEST;
		return error_prefix(err, "%s", what);
	}
	if (ret->n_packages)
		qsort(ret->packages, ret->n_packages, sizeof *ret->packages, compare_packages);
	return 0;
}

/* The first index whose name is not below. */
static size_t lower_bound(const struct deb_status *status, const char *name)
{
	size_t low = 0, high = status->n_packages;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(status->packages[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct deb_package *find(const struct deb_status *status, const char *name,
				      const char *arch)
{
	for (size_t i = lower_bound(status, name); i < status->n_packages; i++) {
		if (strcmp(status->packages[i].name, name) != 0)
			break;
		if (compare(name, arch, &status->packages[i]) == 0)
			return &status->packages[i];
	}
	return NULL;
}

static const struct package_change *find_change(const struct resolution *resolution,
						const struct deb_package *package)
{
	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];

		if (compare(change->name, change->architecture, package) == 0)
			return change;
	}
	return NULL;
}

/* Is `name` in a field like "a (<< 2), b"?  In dpkg's check, the version says nothing of a package
 * whose files are taken over as leftovers (obsolete conffiles), nor does it here. */
static bool lists(const char *field, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = field; at && *at; at = strchr(at, ',')) {
		at += strspn(at, ", \t\n");
		if (strncmp(at, name, len) == 0 && strchr(" \t\n,(:", at[len]))
			return true;
	}
	return false;
}

/* Did dpkg forget a package of this name, which is not there any more, by itself? */
static bool may_have_disappeared(const struct resolution *resolution, const char *name,
				 const struct deb_status *after)
{
	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];
		const struct deb_package *now =
			change->to ? find(after, change->name, change->architecture) : NULL;

		if (now && now->replaces && lists(now->replaces, name))
			return true;
	}
	return false;
}

static int check_change(const struct resolution *resolution, const struct package_change *change,
			const struct deb_status *after, struct error *err)
{
	const struct deb_package *now = find(after, change->name, change->architecture);
	const char *version = now && now->version ? now->version : "not installed";

	if (!now && may_have_disappeared(resolution, change->name, after))
		return 0;
	if (!change->to && now)
		return error_set(err, ERROR_GUEST, "package %s should be gone, but is %s",
				 change->name, version);
	if (change->to && strcmp(version, change->to) != 0)
		return error_set(err, ERROR_GUEST, "package %s should be %s, but is %s",
				 change->name, change->to, version);
	return 0;
}

static int check_settled(const struct deb_status *after, struct error *err)
{
	for (size_t i = 0; i < after->n_packages; i++) {
		const struct deb_package *now = &after->packages[i];

		if (!deb_package_is_settled(now))
			return error_set(err, ERROR_GUEST, "package %s is %s after the run",
					 now->name, now->status);
	}
	return 0;
}

static int check_removed(const struct deb_status *before, const struct deb_status *after,
			 const struct resolution *resolution, struct error *err)
{
	for (size_t i = 0; i < before->n_packages; i++) {
		const struct deb_package *package = &before->packages[i];

		if (!find_change(resolution, package) &&
		    !find(after, package->name, package->architecture) &&
		    !may_have_disappeared(resolution, package->name, after))
			return error_set(err, ERROR_GUEST,
					 "package %s was removed, which is not planned",
					 package->name);
	}
	return 0;
}

static int check_unplanned(const struct deb_status *before, const struct deb_status *after,
			   const struct resolution *resolution, struct error *err)
{
	for (size_t i = 0; i < after->n_packages; i++) {
		const struct deb_package *package = &after->packages[i];
		const struct deb_package *old = find(before, package->name, package->architecture);

		if (find_change(resolution, package))
			continue;
		if (!old)
			return error_set(err, ERROR_GUEST,
					 "package %s was installed, which is not planned",
					 package->name);
		if (strcmp(package->version ? package->version : "",
			   old->version ? old->version : "") != 0)
			return error_set(err, ERROR_GUEST,
					 "package %s changed its version, which is not planned",
					 package->name);
	}
	return 0;
}

int deb_verify(const struct package_state *before, const struct package_state *after,
	       const struct resolution *resolution, struct error *err)
{
	CLEANUP_DEB_STATUS struct deb_status old = {0}, now = {0};

	if (read_sorted(before, "before the run", &old, err) < 0 ||
	    read_sorted(after, "after the run", &now, err) < 0)
		return -1;
	for (size_t i = 0; i < resolution->n_changes; i++)
		if (check_change(resolution, &resolution->changes[i], &now, err) < 0)
			return -1;
	if (check_settled(&now, err) < 0 || check_removed(&old, &now, resolution, err) < 0)
		return -1;
	return check_unplanned(&old, &now, resolution, err);
}
