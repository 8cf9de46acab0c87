/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a plan fit one guest now?  Nothing of this is part of the plan. */
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "plan/plan.h"

void fit_free(struct fit *fit)
{
	for (size_t i = 0; i < fit->n_space; i++)
		free(fit->space[i].mountpoint);
	for (size_t i = 0; i < fit->n_warnings; i++)
		free(fit->warnings[i]);
	free(fit->space);
	free(fit->warnings);
	*fit = (struct fit){0};
}

json_t *fit_to_json(const struct fit *fit)
{
	json_t *json = json_object(), *space = json_array();

	for (size_t i = 0; i < fit->n_space; i++) {
		json_t *item = json_object();

		json_put_bytes(item, "mountpoint", fit->space[i].mountpoint);
		json_put_u64(item, "needed_bytes", fit->space[i].needed_bytes);
		json_put_u64(item, "free_bytes", fit->space[i].free_bytes);
		json_put_u64(item, "needed_inodes", fit->space[i].needed_inodes);
		json_put_u64(item, "free_inodes", fit->space[i].free_inodes);
		json_array_append_new(space, item);
	}
	json_put(json, "space", space);
	json_put(json, "warnings", json_strings(fit->warnings, fit->n_warnings));
	return json;
}

/* What a file system mounted there may have to take.  One below /usr or /var is counted as if
 * everything went into it. */
static const struct plan_space *space_for(const struct plan *plan, const char *mountpoint)
{
	for (size_t i = 0; i < plan->n_space; i++) {
		const char *path = plan->space[i].path;

		if (strcmp(path, mountpoint) == 0)
			return &plan->space[i];
		if ((strcmp(path, "/usr") == 0 || strcmp(path, "/var") == 0) &&
		    path_is_below(mountpoint, path))
			return &plan->space[i];
	}
	return NULL;
}

static void add_space(struct fit *fit, const struct guest_filesystem *fs,
		      const struct plan_space *needed)
{
	struct fit_space *space = ARRAY_ADD(fit->space, fit->n_space);

	space->mountpoint = xstrdup(fs->mountpoint);
	space->needed_bytes = needed->bytes;
	space->needed_inodes = needed->inodes;
	space->free_bytes = fs->space.free_bytes;
	space->free_inodes = fs->space.free_inodes;
}

static bool has_own_filesystem(const struct guest *guest, const char *path)
{
	for (size_t i = 0; i < guest->n_filesystems; i++)
		if (guest->filesystems[i].mounted &&
		    strcmp(guest->filesystems[i].mountpoint, path) == 0)
			return true;
	return false;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* The root takes everything but what goes into file systems of their own. */
static struct plan_space space_of_root(const struct plan *plan, const struct guest *guest,
				       struct plan_space root)
{
	for (size_t i = 0; i < plan->n_space; i++) {
		const struct plan_space *part = &plan->space[i];

		if (strcmp(part->path, "/") != 0 && has_own_filesystem(guest, part->path)) {
			root.bytes = less(root.bytes, part->bytes);
			root.inodes = less(root.inodes, part->inodes);
		}
	}
	return root;
}

static void collect_space(const struct plan *plan, const struct guest *guest, struct fit *fit)
{
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];
		const struct plan_space *found;
		struct plan_space needed;

		if (!fs->mounted || fs->space.total_bytes == 0)
			continue;
		found = space_for(plan, fs->mountpoint);
		if (!found)
			continue;
		needed =
			strcmp(found->path, "/") == 0 ? space_of_root(plan, guest, *found) : *found;
		add_space(fit, fs, &needed);
	}
}

static uint64_t mebibytes(uint64_t bytes)
{
	return (bytes >> 20) + ((bytes & ((1 << 20) - 1)) != 0);
}

static int check_space(const struct fit_space *space, bool has_inodes, struct error *err)
{
	if (space->needed_bytes > space->free_bytes)
		return error_set(err, ERROR_IMAGE,
				 "guest file system %s is too small: needs %" PRIu64
				 " MiB, has %" PRIu64 " MiB free: grow the disk, or remove old "
				 "kernels and files",
				 space->mountpoint, mebibytes(space->needed_bytes),
				 space->free_bytes >> 20);
	if (has_inodes && space->needed_inodes > space->free_inodes)
		return error_set(err, ERROR_IMAGE,
				 "guest file system %s is too small: needs %" PRIu64
				 " inodes, has %" PRIu64 " free",
				 space->mountpoint, space->needed_inodes, space->free_inodes);
	return 0;
}

static bool has_inodes(const struct guest *guest, const char *mountpoint)
{
	for (size_t i = 0; i < guest->n_filesystems; i++)
		if (guest->filesystems[i].mountpoint &&
		    strcmp(guest->filesystems[i].mountpoint, mountpoint) == 0)
			return guest->filesystems[i].space.total_inodes > 0;
	return false;
}

static int check_all_space(const struct guest *guest, const struct fit *fit, struct error *err)
{
	for (size_t i = 0; i < fit->n_space; i++)
		if (check_space(&fit->space[i], has_inodes(guest, fit->space[i].mountpoint), err) <
		    0)
			return -1;
	return 0;
}

/* Some installed package of that name has that version. */
static bool is_installed(const struct guest_packages *packages, const struct package_change *change)
{
	for (size_t i = 0; i < packages->n_installed; i++)
		if (!strcmp(packages->installed[i].name, change->name) &&
		    !strcmp(packages->installed[i].version, change->from))
			return true;
	return false;
}

/* A plan from a file may say anything; what it says of the guest ends in the record. */
static int check_claims(const struct plan *plan, const struct guest *guest, struct error *err)
{
	if (!text_same(plan->os_id, guest->os.id) ||
	    !text_same(plan->os_version_id, guest->os.version_id) ||
	    !text_same(plan->architecture, guest->packages.architecture))
		return error_set(err, ERROR_BUSY,
				 "the plan is for another system than the guest's: plan again");
	for (size_t i = 0; i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];

		if (change->from && !is_installed(&guest->packages, change))
			return error_set(err, ERROR_BUSY,
					 "the plan takes %s from version %s, which the guest does "
					 "not have: plan again",
					 change->name, change->from);
	}
	return 0;
}

static int check_identity(const struct plan *plan, const struct guest *guest, struct error *err)
{
	if (guest->n_blockers)
		return error_set(err, ERROR_IMAGE, "%s", guest->blockers[0].msg);
	if (!digest_equal(&plan->package_state, &guest->packages.state))
		return error_set(err, ERROR_BUSY,
				 "the plan was made for another package state than the guest's: "
				 "plan again");
	return check_claims(plan, guest, err);
}

static void warn(struct fit *fit, char *text)
{
	*ARRAY_ADD(fit->warnings, fit->n_warnings) = text;
}

static void collect_warnings(const struct plan *plan, const struct guest *guest, struct fit *fit)
{
	const char *who =
		plan->resolution.n_changes
			? "the run will finish it"
			: "nothing is run here that would finish it; the guest's own package "
			  "manager will";

	for (size_t i = 0; i < guest->packages.n_broken; i++)
		warn(fit, xasprintf("package %s: %s", guest->packages.broken[i], who));
	for (size_t i = 0; i < plan->n_care; i++)
		if (strcmp(plan->care[i].code, "kernel") == 0 && guest->boot.loader &&
		    strcmp(guest->boot.loader, "none") == 0) {
			warn(fit, xstrdup("a kernel is updated, but no boot loader is known to "
					  "start it"));
			break;
		}
}

static bool names_package(const char *name, const struct guest_package *package)
{
	CLEANUP_FREE char *colon = xasprintf("%s:%s", package->name, package->architecture);
	CLEANUP_FREE char *dot = xasprintf("%s.%s", package->name, package->architecture);

	return fnmatch(name, package->name, 0) == 0 || fnmatch(name, colon, 0) == 0 ||
	       fnmatch(name, dot, 0) == 0;
}

static bool names_any(const char *name, const struct guest_packages *packages)
{
	for (size_t i = 0; i < packages->n_installed; i++)
		if (names_package(name, &packages->installed[i]))
			return true;
	return false;
}

void fit_add_absent(const struct patchset *patchset, const struct guest *guest, struct fit *fit)
{
	for (size_t i = 0; i < patchset->n_packages; i++)
		if (!names_any(patchset->packages[i], &guest->packages))
			warn(fit, xasprintf("patchset %s: package %s is not installed, so nothing "
					    "is done about it",
					    patchset->name, patchset->packages[i]));
}

int fit_check(const struct plan *plan, const struct guest *guest, struct fit *ret,
	      struct error *err)
{
	struct fit fit = {0};

	if (check_identity(plan, guest, err) < 0)
		return -1;
	collect_space(plan, guest, &fit);
	if (check_all_space(guest, &fit, err) < 0) {
		fit_free(&fit);
		return -1;
	}
	collect_warnings(plan, guest, &fit);
	*ret = fit;
	return 0;
}
