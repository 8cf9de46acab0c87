/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys that may sign packages: those a user named, never those of the host's own database. */
#ifndef COLDPATCH_RPM_RPM_KEYRING_H
#define COLDPATCH_RPM_RPM_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

struct rpm_keyring;

struct rpm_keyring *rpm_keyring_new(void);
void rpm_keyring_free(struct rpm_keyring *keyring);
DEFINE_CLEANUP(struct rpm_keyring, rpm_keyring_free)

/* Adds the keys of a file of OpenPGP certificates, not armoured, with their subkeys.  One that rpm
 * cannot use (an old version, an algorithm that it does not know) is left out.  ERROR_CONFIG: it
 * can use none of them. */
int rpm_keyring_add(struct rpm_keyring *keyring, const void *certificates, size_t len,
		    struct error *err);

/* By a key's ID, the last 8 bytes of its fingerprint. */
enum { RPM_KEY_ID_SIZE = 8 };
bool rpm_keyring_has(const struct rpm_keyring *keyring, const uint8_t id[static RPM_KEY_ID_SIZE]);

/* An `rpmKeyring` of librpm, borrowed; for this directory. */
void *rpm_keyring_handle(const struct rpm_keyring *keyring);

#endif
