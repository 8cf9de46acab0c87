/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel of an appliance: the newest one of the host that may be read and has its modules. */
#ifndef COLDPATCH_APPLIANCE_KERNEL_H
#define COLDPATCH_APPLIANCE_KERNEL_H

#include "base/error.h"

struct host_kernel {
	char *path, *modules, *release; /* "/boot/vmlinuz-R", "/lib/modules/R", "R" */
};

/* ERROR_HOST says what to install. */
int host_kernel_find(struct host_kernel *ret, struct error *err);
void host_kernel_free(struct host_kernel *kernel);
#define CLEANUP_HOST_KERNEL __attribute__((cleanup(host_kernel_free)))

#endif
