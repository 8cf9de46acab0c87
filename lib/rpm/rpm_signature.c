/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * librpm's verdict on a file is one bit, and a text for people.  The bit decides; for the message
 * the signatures are looked at one by one.
 */
#include "rpm/rpm_signature.h"

#include <errno.h>
#include <rpm/header.h>
#include <rpm/rpmcli.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmpgp.h>
#include <rpm/rpmts.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { KEY_ID_HEX = 17 };

/* What the signatures of a file are, as far as its header says. */
struct signatures {
	size_t n;
	char missing[KEY_ID_HEX], weak[KEY_ID_HEX], other[KEY_ID_HEX]; /* keys, or "" */
	const char *weak_digest;
};

static int be_silent(rpmlogRec record, rpmlogCallbackData data)
{
	(void)record;
	(void)data;
	return 0;
}

/* ---- one signature ---- */

static const char *weak_digest_name(unsigned algorithm)
{
	switch (algorithm) {
	case PGPHASHALGO_SHA256:
	case PGPHASHALGO_SHA384:
	case PGPHASHALGO_SHA512:
		return NULL;
	case PGPHASHALGO_MD5:
		return "MD5";
	case PGPHASHALGO_SHA1:
		return "SHA-1";
	case PGPHASHALGO_RIPEMD160:
		return "RIPEMD-160";
	default:
		return "an unknown digest";
	}
}

static void name_key(pgpDigParams signature, char ret[static KEY_ID_HEX])
{
	const uint8_t *id = pgpDigParamsSignID(signature);

	for (size_t i = 0; i < 8; i++)
		snprintf(ret + 2 * i, 3, "%02X", id[i]);
}

static void take_signature(const struct rpm_keyring *keyring, pgpDigParams signature,
			   struct signatures *ret)
{
	const char *weak = weak_digest_name(pgpDigParamsAlgo(signature, PGPVAL_HASHALGO));

	ret->n++;
	if (weak) {
		ret->weak_digest = weak;
		name_key(signature, ret->weak);
	} else if (!rpm_keyring_has(keyring, pgpDigParamsSignID(signature))) {
		name_key(signature, ret->missing);
	} else {
		name_key(signature, ret->other);
	}
}

static void read_signatures(const struct rpm_keyring *keyring, Header header,
			    struct signatures *ret)
{
	static const rpmTagVal tags[] = {RPMTAG_RSAHEADER, RPMTAG_DSAHEADER, RPMTAG_SIGPGP,
					 RPMTAG_SIGGPG};

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		struct rpmtd_s data;
		pgpDigParams signature = NULL;

		if (!headerGet(header, tags[i], &data, HEADERGET_MINMEM))
			continue;
		if (data.type == RPM_BIN_TYPE &&
		    pgpPrtParams(data.data, data.count, PGPTAG_SIGNATURE, &signature) == 0)
			take_signature(keyring, signature, ret);
		pgpDigParamsFree(signature);
		rpmtdFreeData(&data);
	}
}

/* ---- a file ---- */

static FD_t rewound(int fd, struct error *err)
{
	FD_t file;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_os(err, ERROR_IO, errno, "reading a package file"), NULL;
	file = fdDup(fd);
	if (!file)
		error_os(err, ERROR_IO, errno, "reading a package file");
	return file;
}

static int read_header(rpmts ts, int fd, Header *ret, struct error *err)
{
	FD_t file = rewound(fd, err);
	rpmRC verdict;

	if (!file)
		return -1;
	verdict = rpmReadPackageFile(ts, file, "package", ret);
	Fclose(file);
	if (verdict == RPMRC_OK && *ret)
		return 0;
	return error_set(err, ERROR_TRUST, "not a package that rpm can read, or damaged");
}

/* 1: all is well; 0: something is not; -1. */
static int ask(rpmts ts, int fd, struct error *err)
{
	struct rpmQVKArguments_s arguments = {0};
	FD_t file = rewound(fd, err);
	int verdict;

	if (!file)
		return -1;
	verdict = rpmVerifySignatures(&arguments, ts, file, "package");
	Fclose(file);
	return verdict == 0;
}

static int refuse_signature(const struct signatures *found, struct error *err)
{
	if (!found->n)
		return error_set(err, ERROR_TRUST, "is not signed");
	if (*found->weak)
		return error_set(err, ERROR_TRUST,
				 "signed by key %s over %s; SHA-256 or better is needed",
				 found->weak, found->weak_digest);
	if (*found->missing)
		return error_set(err, ERROR_TRUST,
				 "signed by key %s, which is not in the keyrings pinned for this "
				 "mirror",
				 found->missing);
	return error_set(err, ERROR_TRUST,
			 "bad signature by key %s, or a digest that does not fit: it was changed "
			 "after it was signed",
			 found->other);
}

static int check_signed(rpmts ts, int fd, const struct rpm_keyring *keyring, struct error *err)
{
	struct signatures found = {0};
	Header header = NULL;
	int good;

	if (read_header(ts, fd, &header, err) < 0)
		return -1;
	read_signatures(keyring, header, &found);
	headerFree(header);
	if (!found.n || *found.weak)
		return refuse_signature(&found, err);
	rpmtsSetKeyring(ts, rpm_keyring_handle(keyring));
	rpmtsSetVfyFlags(ts, RPMVSF_DEFAULT);
	rpmtsSetVfyLevel(ts, RPMSIG_VERIFIABLE_TYPE);
	good = ask(ts, fd, err);
	if (good == 0)
		return refuse_signature(&found, err);
	return good < 0 ? -1 : 0;
}

static int check_digests(rpmts ts, int fd, struct error *err)
{
	int good;

	rpmtsSetVfyFlags(ts, RPMVSF_MASK_NOSIGNATURES);
	rpmtsSetVfyLevel(ts, RPMSIG_DIGEST_TYPE);
	good = ask(ts, fd, err);
	if (good == 0)
		return error_set(err, ERROR_TRUST,
				 "not a package that rpm can read, or a digest in it does not fit: "
				 "damaged or tampered with");
	return good < 0 ? -1 : 0;
}

int rpm_signature_check(int fd, const struct rpm_keyring *keyring, struct error *err)
{
	CLEANUP(rpm_keyring_free)
	struct rpm_keyring *none = rpm_keyring_new();
	rpmlogCallback callback = rpmlogSetCallback(be_silent, NULL);
	rpmts ts = rpmtsCreate();
	int result;

	/* One that is set is not looked for in the host's database. */
	rpmtsSetKeyring(ts, rpm_keyring_handle(none));
	rpmtsSetVSFlags(ts, RPMVSF_MASK_NODIGESTS | RPMVSF_MASK_NOSIGNATURES);
	result = keyring ? check_signed(ts, fd, keyring, err) : check_digests(ts, fd, err);
	rpmtsFree(ts);
	rpmlogSetCallback(callback, NULL);
	return result;
}
