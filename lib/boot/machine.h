/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine to boot a guest in: QEMU with the guest's disks, whose writes go to a temporary file,
 * no network, and the serial console on its standard output. */
#ifndef COLDPATCH_BOOT_MACHINE_H
#define COLDPATCH_BOOT_MACHINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct machine {
	const char *const *sockets; /* of the disks' NBD exports, in the guest's order */
	size_t n_sockets;
	const char *work_dir; /* for what the guest writes; private, emptied by the caller */
	bool kvm;
	const char *firmware; /* a file, or NULL: BIOS */
	/* NULL: the guest's own boot loader is started; else this kernel */
	const char *kernel, *initramfs, *options;
};

/* What its UEFI needs, a static string; NULL with ERROR_HOST when it is not installed. */
const char *machine_uefi_firmware(struct error *err);

/* Starts it.  Its console goes to `console`, what QEMU itself has to say to `messages`. */
pid_t machine_start(const struct machine *machine, int console, int messages, struct error *err);

#endif
