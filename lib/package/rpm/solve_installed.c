/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one file where librpm's headers are given to libsolv. */
#include <rpm/header.h>
#include <rpm/rpmtag.h>
#include <solv/repo_rpmdb.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

/* Without one of these no rpm system works: a database without them was not read right. */
static const char *const vital[] = {"filesystem", "glibc", "rpm"};

static bool is_vital(const char *name)
{
	for (size_t i = 0; i < sizeof vital / sizeof *vital; i++)
		if (strcmp(name, vital[i]) == 0)
			return true;
	return false;
}

static int add_header(struct solve *solve, struct rpm_header *header, void *rpm, struct error *err)
{
	void *handle = rpm_byrpmh(rpm, rpm_header_handle(header));
	const char *label = headerGetString(rpm_header_handle(header), RPMTAG_MODULARITYLABEL);
	Id id = handle ? repo_add_rpm_handle(solve->installed, handle,
					     REPO_REUSE_REPODATA | REPO_NO_INTERNALIZE)
		       : 0;

	if (!id)
		return error_set(err, ERROR_IMAGE,
				 "libsolv cannot read the guest's package %s-%s: the package "
				 "database may be damaged",
				 rpm_header_name(header), rpm_header_evr(header));
	if (label && *label)
		*ARRAY_ADD(solve->labels, solve->n_labels) =
			(struct solve_label){id, xstrdup(label)};
	return 0;
}

static int add_headers(struct solve *solve, const struct rpm_packages *packages, void *rpm,
		       struct error *err)
{
	bool any_vital = false;

	for (size_t i = 0; i < packages->n_items; i++) {
		if (add_header(solve, packages->items[i], rpm, err) < 0)
			return -1;
		any_vital = any_vital || is_vital(rpm_header_name(packages->items[i]));
	}
	if (packages->n_items == 0)
		return error_set(err, ERROR_IMAGE,
				 "no package is installed: the guest's package database is empty "
				 "or damaged");
	if (!any_vital)
		return error_set(err, ERROR_IMAGE,
				 "none of filesystem, glibc and rpm is among the %zu installed "
				 "packages: the guest's package database is damaged",
				 packages->n_items);
	return 0;
}

int solve_add_installed(struct solve *solve, const struct package_state *state, struct error *err)
{
	CLEANUP_RPM_PACKAGES struct rpm_packages packages = {0};
	void *rpm;
	int result;

	if (rpm_packages_read(state, &packages, err) < 0)
		return -1;
	solve->installed = repo_create(solve->pool, "@System");
	pool_set_installed(solve->pool, solve->installed);
	rpm = rpm_state_create(solve->pool, NULL);
	result = add_headers(solve, &packages, rpm, err);
	rpm_state_free(rpm);
	repo_internalize(solve->installed);
	return result;
}
