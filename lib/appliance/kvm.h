/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does KVM really work?  A /dev/kvm that opens, and even creates a virtual machine, may still hang
 * as soon as a guest kernel runs (nested and paravirtual hosts), so the question is answered by
 * booting one, under a deadline.
 */
#ifndef COLDPATCH_APPLIANCE_KVM_H
#define COLDPATCH_APPLIANCE_KVM_H

#include "base/error.h"

/*
 * 0 when the kernel that an appliance would have boots under KVM here; -1 with ERROR_HOST saying
 * why not.  The answer is kept in CACHE_DIR/kvm.json for as long as boot id, QEMU program and that
 * kernel stay the same; cache_dir is
 * made when missing.  NULL: /run/coldpatch, or below /run/user for who is not root.  Takes up to 20
 * s when asked anew.
 */
int kvm_usable(const char *cache_dir, struct error *err);

#endif
