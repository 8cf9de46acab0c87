/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/kernels.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/loader.h"

enum { MAX_KERNELS = 256, MAX_VERSION = 128 };

bool kernel_is_rescue(const char *version)
{
	return strncmp(version, "0-rescue", 8) == 0;
}

struct collection {
	const char *const *spare_names;
	struct guest_boot *boot;
};

static bool matches(const char *const *patterns, const char *name)
{
	for (; patterns && *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

static struct guest_kernel *find(struct guest_boot *boot, const char *version)
{
	for (size_t i = 0; i < boot->n_kernels; i++)
		if (strcmp(boot->kernels[i].version, version) == 0)
			return &boot->kernels[i];
	return NULL;
}

static struct guest_kernel *find_or_add(struct guest_boot *boot, const char *version)
{
	struct guest_kernel *kernel = find(boot, version);

	if (kernel || boot->n_kernels >= MAX_KERNELS || strlen(version) > MAX_VERSION)
		return kernel;
	kernel = ARRAY_ADD(boot->kernels, boot->n_kernels);
	kernel->version = xstrdup(version);
	return kernel;
}

static int collect_image(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	static const char *const copies[] = {"*.old", "*.bak", NULL};
	const struct collection *collection = opaque;
	struct guest_kernel *kernel;

	(void)ino;
	(void)err;
	if ((strncmp(name, "vmlinuz-", 8) != 0 && strncmp(name, "vmlinux-", 8) != 0) || !name[8] ||
	    matches(copies, name) || matches(collection->spare_names, name))
		return 0;
	kernel = find_or_add(collection->boot, name + 8);
	if (kernel && !kernel->image)
		kernel->image = xasprintf("/boot/%s", name);
	return 0;
}

static int collect_modules(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	const struct collection *collection = opaque;

	(void)ino;
	(void)err;
	if (name[0] >= '0' && name[0] <= '9')
		find_or_add(collection->boot, name);
	return 0;
}

static int each_name(struct tree *tree, const char *directory, fs_entry_callback *callback,
		     struct collection *collection, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, directory, TREE_FOLLOW, &node, err);

	if (found < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (!found || !S_ISDIR(node.stat.mode))
		return 0;
	if (fs_read_directory(node.fs, node.ino, callback, collection, err) < 0)
		return error_prefix(err, "%s", directory);
	return 0;
}

static int is_file(struct tree *tree, const char *path, bool *ret, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, path, TREE_FOLLOW, &node, err);

	*ret = found == 1 && S_ISREG(node.stat.mode);
	return found < 0 && err->kind != ERROR_IMAGE ? -1 : 0;
}

static int find_initramfs(struct tree *tree, struct guest_kernel *kernel, struct error *err)
{
	static const char *const names[][2] = {
		{"initrd.img-", ""}, {"initramfs-", ".img"}, {"initrd-", ""}, {"initrd-", ".img"}};

	for (size_t i = 0; !kernel->initramfs && i < sizeof names / sizeof *names; i++) {
		CLEANUP_FREE char *path =
			xasprintf("/boot/%s%s%s", names[i][0], kernel->version, names[i][1]);
		bool found;

		if (is_file(tree, path, &found, err) < 0)
			return -1;
		kernel->initramfs = found ? steal(path) : NULL;
	}
	return 0;
}

static int find_modules(struct tree *tree, struct guest_kernel *kernel, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("/lib/modules/%s/modules.dep", kernel->version);

	return is_file(tree, path, &kernel->modules, err);
}

/* An entry that starts a kernel of this image; its files may lie where no naming scheme looks. */
static int join_entry(struct tree *tree, const struct menu_item *item, struct guest_boot *boot,
		      struct error *err)
{
	CLEANUP_FREE char *version = NULL, *image = NULL, *initrd = NULL;
	struct guest_kernel *kernel;

	if (loader_kernel_version(tree, item, &version, err) < 0)
		return -1;
	if (!version || loader_resolve(tree, item->kernel, &image, err) < 0)
		return version ? -1 : 0;
	kernel = image ? find_or_add(boot, version) : NULL;
	if (!kernel)
		return 0;
	kernel->entry = true;
	if (!kernel->image)
		kernel->image = steal(image);
	if (!item->initrd || kernel->initramfs)
		return 0;
	if (loader_resolve(tree, item->initrd, &initrd, err) < 0)
		return -1;
	kernel->initramfs = steal(initrd);
	return 0;
}

static int by_version(const void *a, const void *b)
{
	const struct guest_kernel *kernel_a = a, *kernel_b = b;

	return strcmp(kernel_a->version, kernel_b->version);
}

int kernels_read(struct tree *tree, const char *const *spare_names, const struct menu *menu,
		 struct guest_boot *boot, struct error *err)
{
	struct collection collection = {spare_names, boot};

	if (each_name(tree, "/boot", collect_image, &collection, err) < 0 ||
	    each_name(tree, "/lib/modules", collect_modules, &collection, err) < 0)
		return -1;
	for (size_t i = 0; i < boot->n_kernels; i++)
		if (find_initramfs(tree, &boot->kernels[i], err) < 0)
			return -1;
	for (size_t i = 0; i < menu->n_items; i++)
		if (join_entry(tree, &menu->items[i], boot, err) < 0)
			return -1;
	for (size_t i = 0; i < boot->n_kernels; i++)
		if (find_modules(tree, &boot->kernels[i], err) < 0)
			return -1;
	if (boot->n_kernels)
		qsort(boot->kernels, boot->n_kernels, sizeof *boot->kernels, by_version);
	return 0;
}
