/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every rule compares with the guest before: patching must not take away what was there.  A defect
 * that the image brought along is not ours and does not stop its updates.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "boot/boot.h"
#include "boot/drivers.h"
#include "boot/initramfs.h"
#include "boot/kernels.h"
#include "boot/loader.h"

struct check {
	const struct guest_boot *before; /* or NULL */
	const struct guest *guest;	 /* after */
	const struct guest_boot *after;
	struct tree *tree;
	bool wants_initramfs;
};

static const struct guest_kernel *kernel_of(const struct guest_boot *boot, const char *version)
{
	for (size_t i = 0; boot && i < boot->n_kernels; i++)
		if (strcmp(boot->kernels[i].version, version) == 0 && boot->kernels[i].image)
			return &boot->kernels[i];
	return NULL;
}

static bool has_kernel(const struct guest_boot *boot)
{
	for (size_t i = 0; boot && i < boot->n_kernels; i++)
		if (boot->kernels[i].image)
			return true;
	return false;
}

static bool has_loader(const struct guest_boot *boot)
{
	return boot && boot->loader && strcmp(boot->loader, "none") != 0;
}

static bool had_initramfs(const struct guest_boot *boot)
{
	for (size_t i = 0; boot && i < boot->n_kernels; i++)
		if (boot->kernels[i].initramfs)
			return true;
	return false;
}

static int has_initramfs_tool(struct tree *tree, bool *ret, struct error *err)
{
	static const char *const tools[] = {"/usr/sbin/update-initramfs", "/usr/bin/dracut",
					    "/usr/sbin/dracut",		  "/usr/bin/mkinitcpio",
					    "/usr/bin/mkinitrd",	  "/sbin/mkinitrd"};

	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
		struct tree_node node;
		int found = tree_lookup(tree, tools[i], TREE_FOLLOW, &node, err);

		if (found < 0 && err->kind != ERROR_IMAGE)
			return -1;
		*ret = *ret || found == 1;
	}
	return 0;
}

static int check_archive(struct check *check, const char *path, struct error *err)
{
	char magic[INITRAMFS_MAGIC_SIZE];
	struct tree_node node;
	int found = tree_lookup(check->tree, path, TREE_FOLLOW, &node, err);
	ssize_t len;

	if (found < 0)
		return -1;
	if (!found || !S_ISREG(node.stat.mode))
		return error_set(err, ERROR_GUEST, "initramfs %s is no file", path);
	len = fs_read(node.fs, node.ino, magic, sizeof magic, 0, err);
	if (len < 0)
		return error_prefix(err, "%s", path);
	if (len == 0)
		return error_set(err, ERROR_GUEST, "initramfs %s is empty", path);
	if (!initramfs_is_plausible(magic, (size_t)len))
		return error_set(err, ERROR_GUEST,
				 "initramfs %s is neither a cpio archive nor a compressed one",
				 path);
	return 0;
}

static int check_kernel(struct check *check, const struct guest_kernel *kernel, struct error *err)
{
	const struct guest_kernel *old = kernel_of(check->before, kernel->version);

	if (!old && check->after->elsewhere)
		return error_set(
			err, ERROR_GUEST,
			"kernel %s is new, and the boot menu, or its default, is on a file "
			"system that was not mounted for the update: that the guest starts "
			"it is not known",
			kernel->version);

	if (check->wants_initramfs && !kernel->initramfs && (!old || old->initramfs))
		return error_set(err, ERROR_GUEST,
				 "kernel %s has no initramfs in /boot; see the log for why its "
				 "tool made none",
				 kernel->version);
	if (!kernel->modules && !kernel_is_rescue(kernel->version) && (!old || old->modules))
		return error_set(
			err, ERROR_GUEST,
			"kernel %s has no /lib/modules/%s/modules.dep; see the log for why "
			"depmod made none",
			kernel->version, kernel->version);
	if (has_loader(check->after) && !kernel->entry && (!old || old->entry))
		return error_set(err, ERROR_GUEST,
				 "kernel %s is not in the boot menu of %s; see the log for why the "
				 "menu was not made anew",
				 kernel->version, check->after->loader);
	if (!kernel->initramfs)
		return 0;
	if (check_archive(check, kernel->initramfs, err) < 0)
		return -1;
	return old ? 0 : drivers_check(check->tree, check->guest, kernel, err);
}

/* `entry`, in words, is to start with the guest's root, unless it names what the image's default
 * entry named before. */
static int check_root(struct check *check, const char *entry, const char *root, struct error *err)
{
	const struct guest_filesystem *fs;
	size_t index;
	int found;

	if (check->before && text_same(check->before->default_root, root))
		return 0;
	if (!root)
		return error_set(err, ERROR_GUEST, "%s has no root= in its options", entry);
	found = guest_find_filesystem(check->guest, root, &index, err);
	if (found < 0)
		return error_prefix(err, "%s has root=%s", entry, root);
	if (!found)
		return error_set(err, ERROR_GUEST, "%s has root=%s, which is not in this image",
				 entry, root);
	fs = &check->guest->filesystems[index];
	if (!fs->mountpoint || strcmp(fs->mountpoint, "/") != 0)
		return error_set(err, ERROR_GUEST, "%s has root=%s, which is not the guest's root",
				 entry, root);
	return 0;
}

static int check_default(struct check *check, struct error *err)
{
	const char *kernel = check->after->default_kernel;

	if (check->before && !check->before->default_kernel && !kernel)
		return 0;
	if (!kernel)
		return error_set(err, ERROR_GUEST,
				 "the boot menu of %s has no default entry that starts a kernel",
				 check->after->loader);
	if (!kernel_of(check->after, kernel) &&
	    !(check->before && text_same(check->before->default_kernel, kernel) &&
	      !kernel_of(check->before, kernel)))
		return error_set(err, ERROR_GUEST,
				 "the default boot entry starts kernel %s, which is not installed",
				 kernel);
	return check_root(check, "the default boot entry", check->after->default_root, err);
}

static int check_new_entry(struct check *check, const struct menu_item *item, struct error *err)
{
	CLEANUP_FREE char *version = NULL, *root = NULL, *entry = NULL;

	if (loader_kernel_version(check->tree, item, &version, err) < 0)
		return -1;
	if (!version || !kernel_of(check->after, version) || kernel_of(check->before, version))
		return 0;
	entry = xasprintf("the boot entry of kernel %s", version);
	root = item->options ? options_value(item->options, "root") : NULL;
	return check_root(check, entry, root, err);
}

/* Of kernels that were not there before. */
static int check_new_entries(struct check *check, struct error *err)
{
	CLEANUP_MENU struct menu menu = {0};
	const char *loader;
	int status = loader_read(check->tree, &loader, &menu, err);

	for (size_t i = 0; status == 0 && i < menu.n_items; i++)
		status = check_new_entry(check, &menu.items[i], err);
	return status;
}

static bool was_missing(const struct guest_boot *before, const char *source)
{
	for (size_t i = 0; before && i < before->n_missing; i++)
		if (strcmp(before->missing[i], source) == 0)
			return true;
	return false;
}

static int check_menu(struct check *check, struct error *err)
{
	if (!has_loader(check->after)) {
		if (!has_loader(check->before))
			return 0;
		return error_set(err, ERROR_GUEST, "the boot menu of %s is gone",
				 check->before->loader);
	}
	if (check_default(check, err) < 0)
		return -1;
	for (size_t i = 0; i < check->after->n_missing; i++)
		if (!was_missing(check->before, check->after->missing[i]))
			return error_set(err, ERROR_GUEST,
					 "the boot menu names %s, which is not in this image",
					 check->after->missing[i]);
	return check_new_entries(check, err);
}

int boot_check(const struct guest *before, const struct guest *after, struct tree *after_tree,
	       struct error *err)
{
	struct check check = {.before = before ? &before->boot : NULL,
			      .guest = after,
			      .after = &after->boot,
			      .tree = after_tree};

	if (!has_kernel(check.after)) {
		if (!has_kernel(check.before))
			return 0;
		return error_set(err, ERROR_GUEST, "the guest has no kernel any more");
	}
	check.wants_initramfs = had_initramfs(check.before);
	if (has_initramfs_tool(after_tree, &check.wants_initramfs, err) < 0)
		return -1;
	for (size_t i = 0; i < check.after->n_kernels; i++)
		if (check.after->kernels[i].image &&
		    check_kernel(&check, &check.after->kernels[i], err) < 0)
			return -1;
	return check_menu(&check, err);
}
