/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/boot.h"

#include <string.h>
#include <strings.h>

#include "boot/kernels.h"
#include "boot/loader.h"

static const char esp_type[] = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
static const char bios_boot_type[] = "21686148-6449-6e6f-744e-656564454649";

static bool has_partition(const struct guest *guest, const char *type)
{
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const char *own = guest->filesystems[i].partition_type;

		if (own && strcasecmp(own, type) == 0)
			return true;
	}
	return false;
}

static const char *firmware_of(const struct guest *guest)
{
	bool uefi = has_partition(guest, esp_type) || has_partition(guest, "0xef");
	bool bios = has_partition(guest, bios_boot_type);

	for (size_t i = 0; i < guest->n_disks; i++)
		bios = bios || guest->disks[i].boot_code;
	if (bios && uefi)
		return "both";
	return bios ? "bios" : uefi ? "uefi" : "unknown";
}

static bool is_listed(const struct guest_boot *boot, const char *source)
{
	for (size_t i = 0; i < boot->n_missing; i++)
		if (strcmp(boot->missing[i], source) == 0)
			return true;
	return false;
}

/* A name that several file systems carry is not missing. */
static bool is_in_image(const struct guest *guest, const char *source)
{
	struct error ignored = {0};
	size_t index;

	return guest_find_filesystem(guest, source, &index, &ignored) != 0;
}

static void look_for(struct guest *guest, const char *source)
{
	struct guest_boot *boot = &guest->boot;

	if (strchr(source, '$') || is_in_image(guest, source) || is_listed(boot, source))
		return;
	*ARRAY_ADD(boot->missing, boot->n_missing) = xstrdup(source);
}

static int by_bytes(const void *a, const void *b)
{
	const char *const *string_a = a, *const *string_b = b;

	return strcmp(*string_a, *string_b);
}

static void find_missing(struct guest *guest, const struct menu *menu)
{
	struct guest_boot *boot = &guest->boot;

	for (size_t i = 0; i < menu->n_filesystems; i++)
		look_for(guest, menu->filesystems[i]);
	for (size_t i = 0; i < menu->n_items; i++) {
		const char *options = menu->items[i].options;
		CLEANUP_FREE char *root = options ? options_value(options, "root") : NULL;

		if (root)
			look_for(guest, root);
	}
	if (boot->n_missing)
		qsort(boot->missing, boot->n_missing, sizeof *boot->missing, by_bytes);
}

static int read_default(struct tree *tree, const struct menu *menu, struct guest_boot *boot,
			struct error *err)
{
	const struct menu_item *item = menu_default(menu);

	if (!item)
		return 0;
	if (loader_kernel_version(tree, item, &boot->default_kernel, err) < 0)
		return -1;
	if (item->options) {
		boot->default_options = xstrdup(item->options);
		boot->default_root = options_value(item->options, "root");
	}
	return 0;
}

static bool has_hidden_firmware(const struct guest *guest)
{
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];

		if (fs->mountpoint && !fs->mounted && guest_is_firmwares(fs->mountpoint))
			return true;
	}
	return false;
}

static void add_notes(struct guest *guest)
{
	const struct guest_boot *boot = &guest->boot;

	if (boot->elsewhere)
		guest_add_note(guest, "the boot menu, or its default, is on a file system that is "
				      "not mounted here, and is not known");

	for (size_t i = 0; i < boot->n_missing; i++)
		guest_add_note(guest, "the boot menu names %s, which is not in this image",
			       boot->missing[i]);
	for (size_t i = 0; i < boot->n_kernels; i++)
		if (boot->kernels[i].image && !boot->kernels[i].entry &&
		    strcmp(boot->loader, "none") != 0)
			guest_add_note(guest, "kernel %s is not in the boot menu",
				       boot->kernels[i].version);
}

int boot_inspect(struct tree *tree, const char *const *spare_names, struct guest *guest,
		 struct error *err)
{
	CLEANUP_MENU struct menu menu = {0};
	struct guest_boot *boot = &guest->boot;
	const char *loader;

	guest_boot_free(boot);
	if (loader_read(tree, &loader, &menu, err) < 0 ||
	    kernels_read(tree, spare_names, &menu, boot, err) < 0)
		return error_prefix(err, "boot setup");
	boot->elsewhere = has_hidden_firmware(guest) && boot->n_kernels > 0 &&
			  (menu.elsewhere || menu.n_items == 0);
	if (!boot->elsewhere && read_default(tree, &menu, boot, err) < 0)
		return error_prefix(err, "boot setup");
	boot->loader = xstrdup(loader);
	boot->firmware = xstrdup(firmware_of(guest));
	find_missing(guest, &menu);
	add_notes(guest);
	return 0;
}
