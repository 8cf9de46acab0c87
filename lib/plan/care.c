/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person should know before approving a plan. */
#include "base/memory.h"
#include "plan/parts.h"

struct rule {
	enum package_role role;
	const char *code, *updated, *added;
};

static const char kernel_same[] = "a kernel is replaced by a newer build of the same version";
static const char kernel_new[] =
	"a kernel is installed beside the old ones and becomes the default";
static const char loader[] = "the boot loader's files are replaced; its boot code on disk is not "
			     "rewritten here: run grub-install or bootctl update on the machine";
static const char database[] = "the server is stopped while its programs are replaced; check the "
			       "release notes for steps after the first start";
static const char initramfs[] = "the initramfs of every installed kernel is made again";
static const char bookkeeper[] =
	"its own history does not get this update, nor why a new package is there; the package "
	"database has all of it";
static const char libc[] = "every program uses it";

/* Of several, the first is said. */
static const struct rule rules[] = {
	{PACKAGE_KERNEL, "kernel", kernel_same, kernel_new},
	{PACKAGE_BOOT_LOADER, "boot-loader", loader, loader},
	{PACKAGE_DATABASE_SERVER, "database", database, database},
	{PACKAGE_INITRAMFS_MAKER, "initramfs", initramfs, initramfs},
	{PACKAGE_C_LIBRARY, "libc", libc, libc},
};

static void add_care(struct plan *plan, const struct package_family *family,
		     const struct package_change *change)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct plan_care *care;

		if (!package_has_role(family, change->name, rules[i].role))
			continue;
		care = ARRAY_ADD(plan->care, plan->n_care);
		care->code = xstrdup(rules[i].code);
		care->package = xstrdup(change->name);
		care->detail = xstrdup(!change->to    ? "is removed"
				       : change->from ? rules[i].updated
						      : rules[i].added);
		return;
	}
}

/* The first installed one. */
static void add_bookkeeper(struct plan *plan, const struct package_family *family,
			   const struct guest_packages *packages)
{
	struct plan_care *care;

	for (size_t i = 0; i < packages->n_installed; i++) {
		const char *name = packages->installed[i].name;

		if (!package_has_role(family, name, PACKAGE_BOOKKEEPER))
			continue;
		care = ARRAY_ADD(plan->care, plan->n_care);
		care->code = xstrdup("history");
		care->package = xstrdup(name);
		care->detail = xstrdup(bookkeeper);
		return;
	}
}

void plan_add_care(struct plan *plan, const struct guest *guest)
{
	const struct package_family *family = package_family_by_name(plan->family);

	for (size_t i = 0; i < plan->resolution.n_changes; i++)
		add_care(plan, family, &plan->resolution.changes[i]);
	if (plan->resolution.n_changes)
		add_bookkeeper(plan, family, &guest->packages);
}
