/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person should know before approving a plan, by package name. */
#include <fnmatch.h>

#include "base/memory.h"
#include "plan/parts.h"

struct rule {
	const char *code, *pattern, *updated, *added;
};

static const char kernel_same[] = "a kernel is replaced by a newer build of the same version";
static const char kernel_new[] =
	"a kernel is installed beside the old ones and becomes the default";
static const char loader[] = "the boot loader's files are replaced; its boot code on disk is not "
			     "rewritten here: run grub-install or bootctl update on the machine";
static const char database[] = "the server is stopped while its programs are replaced; check the "
			       "release notes for steps after the first start";
static const char initramfs[] = "the initramfs of every installed kernel is made again";
static const char libc[] = "every program uses it";

static const struct rule rules[] = {
	{"kernel", "linux-image-[0-9]*", kernel_same, kernel_new},
	{"boot-loader", "grub-*", loader, loader},
	{"boot-loader", "grub2-*", loader, loader},
	{"boot-loader", "shim-*", loader, loader},
	{"boot-loader", "systemd-boot*", loader, loader},
	{"database", "postgresql-[0-9]*", database, database},
	{"database", "mysql-server*", database, database},
	{"database", "mariadb-server*", database, database},
	{"database", "default-mysql-server*", database, database},
	{"initramfs", "initramfs-tools*", initramfs, initramfs},
	{"initramfs", "dracut*", initramfs, initramfs},
	{"libc", "libc6", libc, libc},
};

static void add_care(struct plan *plan, const struct package_change *change)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct plan_care *care;

		if (fnmatch(rules[i].pattern, change->name, 0) != 0)
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

void plan_add_care(struct plan *plan)
{
	for (size_t i = 0; i < plan->resolution.n_changes; i++)
		add_care(plan, &plan->resolution.changes[i]);
}
