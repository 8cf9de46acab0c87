/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Space an update needs below the directories that people give a file system of their own.
 *
 * Packages say how large they are unpacked, not where, so each directory is counted as if all of
 * that landed in it; "/" holds the rest's too (fit.c takes off what has a
 * file system of its own).  Old versions are still there while new ones are
 * unpacked, so nothing is subtracted.
 */
#include "base/memory.h"
#include "plan/parts.h"

static const uint64_t MIB = UINT64_C(1) << 20;

enum {
	INITRAMFS_MIB = 64,	    /* one image, with every driver */
	KERNEL_MIB = 32,	    /* vmlinuz, System.map, config */
	DATABASE_MIB = 16,	    /* the package manager and its helpers rewrite theirs */
	DATABASE_PACKAGE_KIB = 128, /* what it keeps of one package */
	BYTES_PER_INODE = 8192,
	KERNEL_BYTES_PER_INODE = 65536, /* packages average more per file */
	INODES_PER_PACKAGE = 16
};

struct totals {
	uint64_t bytes, inodes;
	uint64_t n_packages, n_kernels;
	bool initramfs; /* the images of installed kernels are made again */
};

/* Sizes come from an index; a sum that overflows can only be nonsense and fits nowhere. */
static uint64_t sum(uint64_t a, uint64_t b)
{
	uint64_t result;

	return __builtin_add_overflow(a, b, &result) ? UINT64_MAX : result;
}

static uint64_t inodes_of(const struct package_change *change, bool is_kernel)
{
	uint64_t bytes = is_kernel ? KERNEL_BYTES_PER_INODE : BYTES_PER_INODE;

	return change->installed_size / bytes + INODES_PER_PACKAGE;
}

static struct totals count(const struct plan *plan)
{
	const struct package_family *family = package_family_by_name(plan->family);
	const struct resolution *resolution = &plan->resolution;
	struct totals totals = {0};

	for (size_t i = 0; i < resolution->n_changes; i++) {
		const struct package_change *change = &resolution->changes[i];
		bool is_kernel = package_has_role(family, change->name, PACKAGE_KERNEL);

		if (!change->to)
			continue;
		totals.n_packages++;
		totals.bytes = sum(totals.bytes, change->installed_size);
		totals.n_kernels += is_kernel;
		totals.inodes = sum(totals.inodes, inodes_of(change, is_kernel));
		totals.initramfs = totals.initramfs ||
				   package_has_role(family, change->name, PACKAGE_IN_INITRAMFS);
	}
	return totals;
}

static void add(struct plan *plan, const char *path, uint64_t bytes, uint64_t inodes)
{
	struct plan_space *space = ARRAY_ADD(plan->space, plan->n_space);

	space->path = xstrdup(path);
	space->bytes = bytes;
	space->inodes = inodes;
}

void plan_add_space(struct plan *plan)
{
	struct totals totals = count(plan);
	uint64_t boot = totals.n_kernels * (KERNEL_MIB + INITRAMFS_MIB) * MIB;
	uint64_t var = DATABASE_MIB * MIB + totals.n_packages * DATABASE_PACKAGE_KIB * 1024;

	if (plan_is_empty(plan))
		return;
	if (totals.initramfs)
		boot += INITRAMFS_MIB * MIB;
	add(plan, "/", sum(totals.bytes, boot + var), totals.inodes);
	add(plan, "/boot", boot, totals.n_kernels * 4 + totals.initramfs);
	add(plan, "/usr", totals.bytes, totals.inodes);
	add(plan, "/var", var, totals.n_packages * INODES_PER_PACKAGE);
}
