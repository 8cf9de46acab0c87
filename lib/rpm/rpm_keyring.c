/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rpm/rpm_keyring.h"

#include <rpm/rpmcrypto.h>
#include <rpm/rpmkeyring.h>
#include <rpm/rpmpgp.h>
#include <string.h>

struct key_id {
	uint8_t bytes[RPM_KEY_ID_SIZE];
};

struct rpm_keyring {
	rpmKeyring keys;
	struct key_id *ids; /* librpm does not tell which it has */
	size_t n_ids;
};

struct rpm_keyring *rpm_keyring_new(void)
{
	struct rpm_keyring *keyring = xcalloc(1, sizeof *keyring);

	rpmInitCrypto();
	keyring->keys = rpmKeyringNew();
	return keyring;
}

void rpm_keyring_free(struct rpm_keyring *keyring)
{
	if (!keyring)
		return;
	rpmKeyringFree(keyring->keys);
	free(keyring->ids);
	free(keyring);
}

void *rpm_keyring_handle(const struct rpm_keyring *keyring)
{
	return keyring->keys;
}

bool rpm_keyring_has(const struct rpm_keyring *keyring, const uint8_t id[static RPM_KEY_ID_SIZE])
{
	for (size_t i = 0; i < keyring->n_ids; i++)
		if (memcmp(keyring->ids[i].bytes, id, RPM_KEY_ID_SIZE) == 0)
			return true;
	return false;
}

/* One that is there already does no harm. */
static void add_key(struct rpm_keyring *keyring, rpmPubkey key)
{
	struct key_id *id = ARRAY_ADD(keyring->ids, keyring->n_ids);

	memcpy(id->bytes, pgpDigParamsSignID(rpmPubkeyPgpDigParams(key)), RPM_KEY_ID_SIZE);
	rpmKeyringAddKey(keyring->keys, key);
}

static void add_subkeys(struct rpm_keyring *keyring, rpmPubkey key)
{
	int n = 0;
	rpmPubkey *subkeys = rpmGetSubkeys(key, &n);

	for (int i = 0; i < n; i++) {
		add_key(keyring, subkeys[i]);
		rpmPubkeyFree(subkeys[i]);
	}
	free(subkeys);
}

/* How many were added. */
static size_t add_certificate(struct rpm_keyring *keyring, const uint8_t *bytes, size_t len)
{
	rpmPubkey key = rpmPubkeyNew(bytes, len);

	if (!key)
		return 0;
	add_key(keyring, key);
	add_subkeys(keyring, key);
	rpmPubkeyFree(key);
	return 1;
}

int rpm_keyring_add(struct rpm_keyring *keyring, const void *certificates, size_t len,
		    struct error *err)
{
	const uint8_t *at = certificates;
	size_t n = 0, one = 0;

	for (; len && pgpPubKeyCertLen(at, len, &one) == 0 && one && one <= len; len -= one) {
		n += add_certificate(keyring, at, one);
		at += one;
	}
	if (!n)
		return error_set(err, ERROR_CONFIG, "holds no public key that rpm can use");
	return 0;
}
