/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signatures and digests of package files, judged by librpm as with `_pkgverify_level all`: header
 * and payload must both be under a digest and under a signature.  Macros, rpmrc and the key
 * database of the host are not read.
 */
#ifndef COLDPATCH_RPM_RPM_SIGNATURE_H
#define COLDPATCH_RPM_RPM_SIGNATURE_H

#include "rpm/rpm_keyring.h"

/* Reads the file from its start; the offset is moved.  `keyring` NULL: no signature is asked for,
 * only digests that fit.  Untrusted input.  ERROR_TRUST says which it is: not a package, not
 * signed, signed by a key that is not in the keyring (and which), signed over a weak digest, or
 * not what was signed.  librpm keeps global state: for a process of its own. */
int rpm_signature_check(int fd, const struct rpm_keyring *keyring, struct error *err);

#endif
