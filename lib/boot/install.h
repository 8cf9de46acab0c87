/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest's kernel-install is to find of its machine when a kernel is installed elsewhere than
 * on it: the command line it was started with, and its machine-id. */
#ifndef COLDPATCH_BOOT_INSTALL_H
#define COLDPATCH_BOOT_INSTALL_H

#include "base/error.h"
#include "fs/tree.h"
#include "guest/guest.h"

struct boot_install {
	/* What /proc/cmdline would say.  Of the default entry, else of the newest one with a root=,
	 * else the loader's own options, else what /etc/default/grub says and the root that we
	 * know.
	 */
	char *options;
	/* For the run of a guest that has boot entries of kernel-install's and no machine-id: the
	 * one by which its entries are named, so that new ones are named alike and a rescue entry
	 * is not made twice; else one made of the root's UUID.  NULL: none is needed. */
	char *machine_id;
	/* With a machine-id, and entries that systemd-boot reads: by what they are named.  Where
	 * that is the machine-id, kernel-install (since systemd 251) puts it on the command line,
	 * and all clones would have it; so then the machine-id is the one of the root's UUID. NULL:
	 * none, or the guest has a file that says it. */
	char *entry_token;
	/* For initramfs-tools, where the root or /usr is in an encrypted container: the guest's
	 * crypttab, such that the new initramfs opens it.  NULL: as it is. */
	char *crypttab;
};
void boot_install_free(struct boot_install *install);
#define CLEANUP_BOOT_INSTALL __attribute__((cleanup(boot_install_free)))

/* `guest` after boot_inspect.  What the files claim is never an error. */
int boot_install_read(struct tree *tree, const struct guest *guest, struct boot_install *ret,
		      struct error *err);

#endif
