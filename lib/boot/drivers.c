/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/drivers.h"

#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "boot/initramfs.h"

enum { DEPENDENCIES_LIMIT = 32 << 20, INITRAMFS_LIMIT = 512 << 20, NAME_SIZE = 64 };

/* Of virtual machines and of common hardware, as modules are called ('-' is '_'). */
static const char *const disk_drivers[] = {
	"virtio_blk",	"virtio_scsi", "nvme",	   "xen_blkfront", "xen_scsifront",
	"hv_storvsc",	"vmw_pvscsi",  "mptspi",   "mptsas",	   "mpt3sas",
	"megaraid_sas", "ahci",	       "ata_piix", "usb_storage",  "uas",
	"mmc_block",	"virtio_mmio", "dasd_mod", "zfcp",	   "ibmvscsi",
};
enum { N_DRIVERS = sizeof disk_drivers / sizeof *disk_drivers, FILE_SYSTEM = N_DRIVERS };

/* Of the drivers above and, last, that of the root's file system. */
struct drivers {
	const char *file_system;
	bool *present;
	bool offered[N_DRIVERS + 1], held[N_DRIVERS + 1];
	/* Made by tools that we know, and such that it opens encrypted containers. */
	bool by_known_tool, opens_containers;
};

/* "kernel/drivers/block/xen-blkfront.ko.xz" -> "xen_blkfront"; false for what is no module. */
static bool module_name(const char *path, size_t len, char ret[NAME_SIZE])
{
	const char *slash = memrchr(path, '/', len);
	const char *name = slash ? slash + 1 : path;
	const char *suffix = memmem(name, len - (size_t)(name - path), ".ko", 3);
	size_t n = suffix ? (size_t)(suffix - name) : 0;

	if (n == 0 || n >= NAME_SIZE)
		return false;
	for (size_t i = 0; i < n; i++)
		ret[i] = name[i] == '-' ? '_' : name[i];
	ret[n] = '\0';
	return true;
}

static void note(struct drivers *drivers, const char *path, size_t len)
{
	char name[NAME_SIZE];

	if (!module_name(path, len, name))
		return;
	for (size_t i = 0; i < N_DRIVERS; i++)
		drivers->present[i] |= strcmp(disk_drivers[i], name) == 0;
	drivers->present[FILE_SYSTEM] |=
		drivers->file_system && strcmp(drivers->file_system, name) == 0;
}

/* The hook of initramfs-tools makes an empty table where it does not see that the root is in a
 * container; dracut puts in a program, which reads the kernel's command line. */
static void note_opener(struct drivers *drivers, const char *name, uint64_t size)
{
	static const char *const programs[] = {"systemd-cryptsetup", "cryptroot-ask"};
	const char *last = path_last(name);

	if (strcmp(name, "cryptroot/crypttab") == 0) {
		drivers->by_known_tool = true;
		drivers->opens_containers |= size > 0;
	}
	drivers->by_known_tool |= strstr(name, "lib/dracut/") != NULL;
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		drivers->opens_containers |= strcmp(last, programs[i]) == 0;
}

static void note_member(void *opaque, const char *name, uint64_t size)
{
	struct drivers *drivers = opaque;

	note(drivers, name, strlen(name));
	note_opener(drivers, name, size);
}

/* A line of modules.dep: "PATH: what it needs". */
static void note_offered(struct drivers *drivers, const struct buffer *dependencies)
{
	const char *at = dependencies->data, *end = at + dependencies->len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		const char *colon = memchr(at, ':', (size_t)(stop - at));

		if (colon)
			note(drivers, at, (size_t)(colon - at));
		at = stop + 1;
	}
}

static bool any(const bool *present)
{
	for (size_t i = 0; i < N_DRIVERS; i++)
		if (present[i])
			return true;
	return false;
}

static int judge(const struct drivers *drivers, const struct guest *guest,
		 const struct guest_kernel *kernel, struct error *err)
{
	const struct guest_filesystem *root = guest_filesystem_at(guest, "/");

	if (any(drivers->offered) && !any(drivers->held))
		return error_set(err, ERROR_GUEST,
				 "initramfs %s holds no driver of a disk; see the log for what its "
				 "tool said",
				 kernel->initramfs);
	if (drivers->offered[FILE_SYSTEM] && !drivers->held[FILE_SYSTEM])
		return error_set(err, ERROR_GUEST,
				 "initramfs %s lacks the driver of the root's file system, %s; see "
				 "the log for what its tool said",
				 kernel->initramfs, drivers->file_system);
	if (drivers->by_known_tool && !drivers->opens_containers && root &&
	    guest_container_of(guest, root))
		return error_set(err, ERROR_GUEST,
				 "initramfs %s does not open the encrypted container that the root "
				 "is in; see the log for what its tool said",
				 kernel->initramfs);
	return 0;
}

static int read_offered(struct tree *tree, const struct guest_kernel *kernel,
			struct drivers *drivers, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("/lib/modules/%s/modules.dep", kernel->version);
	CLEANUP_BUFFER struct buffer text = {0};

	if (tree_read_file(tree, path, DEPENDENCIES_LIMIT, &text, err) < 0)
		return error_prefix(err, "%s", path);
	drivers->present = drivers->offered;
	if (text.data)
		note_offered(drivers, &text);
	return 0;
}

static int read_held(struct tree *tree, const struct guest_kernel *kernel, struct drivers *drivers,
		     struct error *err)
{
	CLEANUP_BUFFER struct buffer archive = {0};
	struct tree_node node;
	int whole = tree_lookup(tree, kernel->initramfs, TREE_FOLLOW, &node, err);

	if (whole <= 0 || node.stat.size > INITRAMFS_LIMIT)
		return whole < 0 ? -1 : 0;
	if (tree_read_file(tree, kernel->initramfs, INITRAMFS_LIMIT, &archive, err) < 0)
		return error_prefix(err, "%s", kernel->initramfs);
	drivers->present = drivers->held;
	whole = initramfs_each_name(archive.data, archive.len, note_member, drivers, err);
	return whole < 0 ? error_prefix(err, "initramfs %s", kernel->initramfs) : whole;
}

int drivers_check(struct tree *tree, const struct guest *guest, const struct guest_kernel *kernel,
		  struct error *err)
{
	const struct guest_filesystem *root = guest_filesystem_at(guest, "/");
	struct drivers drivers = {.file_system = root ? root->type : NULL};
	int whole;

	if (!kernel->modules)
		return 0;
	if (read_offered(tree, kernel, &drivers, err) < 0)
		return -1;
	if (!any(drivers.offered) && !drivers.offered[FILE_SYSTEM])
		return 0;
	whole = read_held(tree, kernel, &drivers, err);
	return whole == 1 ? judge(&drivers, guest, kernel, err) : whole;
}
