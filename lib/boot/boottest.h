/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a guest really boot?  It is started in QEMU with its disks read-only below a throw-away
 * overlay, without network, until its serial console asks for a login.  This runs the guest. */
#ifndef COLDPATCH_BOOT_BOOTTEST_H
#define COLDPATCH_BOOT_BOOTTEST_H

#include <stdbool.h>

#include "base/monitor.h"
#include "disk/image.h"
#include "fs/tree.h"
#include "guest/guest.h"

enum boot_accelerator { BOOT_ACCELERATOR_KVM, BOOT_ACCELERATOR_TCG };
const char *boot_accelerator_name(enum boot_accelerator accelerator); /* "kvm", "tcg" */

/* KVM where it works; else emulation, which is no boundary, only for an image of a domain that may
 * be trusted so (`sandbox_ok`); else ERROR_HOST. */
int boot_test_choose(bool sandbox_ok, enum boot_accelerator *ret, struct error *err);

struct boot_test {
	const struct image *const *images; /* in the guest's order */
	size_t n_images;
	const struct guest *guest; /* of these images, after boot_inspect */
	struct tree *tree;
	enum boot_accelerator accelerator;
	const char *work_dir;	  /* scratch of the caller */
	const char *console_path; /* where what the console said is kept; replaced */
	unsigned deadline_s;	  /* 0: what fits the accelerator */
	const struct monitor *monitor;
};

struct boot_test_result {
	unsigned seconds;
	bool direct; /* its own boot loader was not used: its console is not a serial line */
};

/* What can be known before anything is started: ERROR_HOST when this host lacks what this guest
 * needs, ERROR_IMAGE when there is nothing to boot. */
int boot_test_possible(const struct guest *guest, struct error *err);

/* 0 when the login prompt came.  ERROR_IMAGE when it did not, with the last line and where the
 * console's log is; ERROR_HOST when the machine could not be started; ERROR_BUSY "interrupted". */
int boot_test_run(const struct boot_test *test, struct boot_test_result *ret, struct error *err);

#endif
