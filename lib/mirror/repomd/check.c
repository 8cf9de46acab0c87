/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signatures of package files: by the user's keys for this mirror, or the user knows the file. */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "mirror/keyring.h"
#include "mirror/repomd/repomd.h"
#include "rpm/rpm_signature.h"

struct repomd_check {
	struct mirror_check base;
	const struct mirror_options *options; /* borrowed */
	struct rpm_keyring *keyring;
};

bool repomd_is_trusted(const char *const *digests, size_t n, const char *hex)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(digests[i], hex) == 0)
			return true;
	return false;
}

static int check(struct mirror_check *base, const struct mirror_wanted *wanted, int fd,
		 struct error *err)
{
	struct repomd_check *check = (struct repomd_check *)base;
	char hex[DIGEST_HEX_SIZE], advice[256];

	digest_to_hex(&wanted->sha256, hex);
	if (repomd_is_trusted(check->options->trust_packages, check->options->n_trust_packages,
			      hex))
		return rpm_signature_check(fd, NULL, err);
	if (rpm_signature_check(fd, check->keyring, err) == 0)
		return 0;
	if (err->kind != ERROR_TRUST)
		return -1;
	snprintf(advice, sizeof advice,
		 "; take it out of the mirror, sign it with a key of your own (rpmsign --addsign), "
		 "or, where you know what it is, trust package %s",
		 hex);
	strncat(err->msg, advice, sizeof err->msg - strlen(err->msg) - 1);
	return -1;
}

static void check_free(struct mirror_check *base)
{
	struct repomd_check *check = (struct repomd_check *)base;

	rpm_keyring_free(check->keyring);
	free(check);
}

static int read_keys(const struct mirror_options *options, struct rpm_keyring *keyring,
		     struct error *err)
{
	if (!options->n_keyrings)
		return error_set(err, ERROR_CONFIG,
				 "no keyring is pinned for this mirror; name the vendor's keys, "
				 "such as the file RPM-GPG-KEY-... that it publishes");
	for (size_t i = 0; i < options->n_keyrings; i++) {
		CLEANUP_BUFFER struct buffer keys = {0};

		if (keyring_read(options->keyrings[i], &keys, err) < 0)
			return -1;
		if (rpm_keyring_add(keyring, keys.data, keys.len, err) < 0)
			return error_prefix(err, "keyring %s", options->keyrings[i]);
	}
	return 0;
}

struct mirror_check *repomd_check_new(const struct mirror_options *options, struct error *err)
{
	CLEANUP(rpm_keyring_free)
	struct rpm_keyring *keyring = rpm_keyring_new();
	struct repomd_check *ret;

	if (read_keys(options, keyring, err) < 0)
		return NULL;
	ret = xcalloc(1, sizeof *ret);
	*ret = (struct repomd_check){{check, check_free}, options, steal(keyring)};
	return &ret->base;
}
