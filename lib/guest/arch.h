/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The architecture of a guest, as `uname -m` of its kernel would say, from its own programs. */
#ifndef COLDPATCH_GUEST_ARCH_H
#define COLDPATCH_GUEST_ARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "fs/tree.h"

enum { ELF_HEADER_SIZE = 64 };

/* The architecture of an ELF header ("x86_64", "i686", "armhf", ...), NULL when it is none or not
 * known. */
const char *arch_of_elf(const unsigned char *buf, size_t len);
/* *ret is NULL when none of the guest's usual programs says; else a constant. */
int arch_of_tree(struct tree *tree, const char **ret, struct error *err);
/* Does a host whose uname(2) says `machine` run programs of `arch`? */
bool arch_runs_on(const char *arch, const char *machine);

#endif
