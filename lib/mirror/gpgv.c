/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verdict is made from gpgv's status lines (GnuPG, doc/DETAILS), never from its messages.  Each
 * signature opens with NEWSIG and has one of GOODSIG, EXPSIG, EXPKEYSIG, REVKEYSIG, BADSIG, ERRSIG;
 * VALIDSIG follows the first four and carries the digest algorithm.
 */
#include "mirror/gpgv.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "mirror/keyring.h"

static const char signed_mark[] = "-----BEGIN PGP SIGNED MESSAGE-----";

enum { MAX_TEXT = 64 << 20, MAX_STATUS = 1 << 20, MAX_WORDS = 12, DEADLINE_MS = 60000 };

void signers_free(struct signers *signers)
{
	for (size_t i = 0; i < signers->n_fingerprints; i++)
		free(signers->fingerprints[i]);
	free(signers->fingerprints);
	*signers = (struct signers){0};
}

/* RFC 4880, section 9.4 */
static const char *weak_digest_name(int algorithm)
{
	static const char *const names[] = {"an unknown digest", "MD5", "SHA-1", "RIPEMD-160"};

	if (algorithm >= 8 && algorithm <= 10)
		return NULL;
	return algorithm >= 1 && algorithm <= 3 ? names[algorithm] : names[0];
}

/* What the status lines said so far; the strings are the key of the last signature of that kind. */
struct verdict {
	bool good; /* the signature that is open is good as far as the key goes */
	char bad[48], missing[48], expired_key[48], expired[48], revoked[48], broken[48];
	char weak[24];
	struct signers signers;
};

static void remember(char *to, size_t size, const char *word)
{
	snprintf(to, size, "%s", word ? word : "?");
}
#define REMEMBER(to, word) remember((to), sizeof(to), (word))

static void take_valid(struct verdict *verdict, char *const *words, int n)
{
	const char *weak = weak_digest_name(n > 8 ? atoi(words[8]) : 0);

	if (!verdict->good || n < 9)
		return;
	verdict->good = false;
	if (weak) {
		REMEMBER(verdict->weak, weak);
		return;
	}
	*ARRAY_ADD(verdict->signers.fingerprints, verdict->signers.n_fingerprints) =
		xstrdup(n > 10 ? words[10] : words[1]);
}

static void take_unchecked(struct verdict *verdict, char *const *words, int n)
{
	enum { MISSING_KEY = 9 };
	const char *weak = weak_digest_name(n > 3 ? atoi(words[3]) : 0);

	if (n > 6 && atoi(words[6]) == MISSING_KEY)
		REMEMBER(verdict->missing, n > 7 && strlen(words[7]) > 8 ? words[7] : words[1]);
	else if (weak)
		REMEMBER(verdict->weak, weak);
	else
		REMEMBER(verdict->broken, words[1]);
}

static void take_line(struct verdict *verdict, char *const *words, int n)
{
	const char *keyword = words[0], *key = n > 1 ? words[1] : "?";

	if (strcmp(keyword, "NEWSIG") == 0)
		verdict->good = false;
	else if (strcmp(keyword, "GOODSIG") == 0)
		verdict->good = true;
	else if (strcmp(keyword, "VALIDSIG") == 0)
		take_valid(verdict, words, n);
	else if (strcmp(keyword, "BADSIG") == 0)
		REMEMBER(verdict->bad, key);
	else if (strcmp(keyword, "EXPKEYSIG") == 0)
		REMEMBER(verdict->expired_key, key);
	else if (strcmp(keyword, "EXPSIG") == 0)
		REMEMBER(verdict->expired, key);
	else if (strcmp(keyword, "REVKEYSIG") == 0)
		REMEMBER(verdict->revoked, key);
	else if (strcmp(keyword, "ERRSIG") == 0 && n > 1)
		take_unchecked(verdict, words, n);
}

static void take_status(struct verdict *verdict, char *status)
{
	static const char prefix[] = "[GNUPG:] ";
	char *save_line, *save_word;

	for (char *line = strtok_r(status, "\n", &save_line); line;
	     line = strtok_r(NULL, "\n", &save_line)) {
		char *words[MAX_WORDS];
		int n = 0;

		if (strncmp(line, prefix, sizeof prefix - 1) != 0)
			continue;
		for (char *word = strtok_r(line + sizeof prefix - 1, " ", &save_word);
		     word && n < MAX_WORDS; word = strtok_r(NULL, " ", &save_word))
			words[n++] = word;
		if (n)
			take_line(verdict, words, n);
	}
}

static int refusal(const char *name, const struct verdict *verdict, struct error *err)
{
	if (*verdict->bad)
		return error_set(err, ERROR_TRUST,
				 "%s: bad signature by key %s: it was changed after it was signed",
				 name, verdict->bad);
	if (*verdict->weak)
		return error_set(err, ERROR_TRUST,
				 "%s: signed over %s; SHA-256 or better is needed", name,
				 verdict->weak);
	if (*verdict->revoked)
		return error_set(err, ERROR_TRUST, "%s: signed by key %s, which is revoked", name,
				 verdict->revoked);
	if (*verdict->expired_key)
		return error_set(err, ERROR_TRUST,
				 "%s: signed by key %s, which has expired; pin the vendor's "
				 "current keyring",
				 name, verdict->expired_key);
	if (*verdict->expired)
		return error_set(err, ERROR_TRUST, "%s: the signature by key %s has expired", name,
				 verdict->expired);
	if (*verdict->missing)
		return error_set(err, ERROR_TRUST,
				 "%s: signed by key %s, which is not in the keyrings pinned for "
				 "this mirror",
				 name, verdict->missing);
	if (*verdict->broken)
		return error_set(err, ERROR_TRUST,
				 "%s: the signature by key %s cannot be checked by gpgv", name,
				 verdict->broken);
	return error_set(err, ERROR_TRUST, "%s: is not signed", name);
}

int gpgv_judge(const char *name, const char *status, int exit_code, struct signers *ret,
	       struct error *err)
{
	CLEANUP_FREE char *copy = xstrdup(status);
	struct verdict verdict = {0};
	bool excused;

	take_status(&verdict, copy);
	/* gpgv fails as soon as one of several signatures is by a key it does not have. */
	excused = *verdict.missing || *verdict.weak || *verdict.revoked || *verdict.expired_key ||
		  *verdict.expired || *verdict.broken;
	if (verdict.signers.n_fingerprints && !*verdict.bad && (exit_code == 0 || excused)) {
		*ret = verdict.signers;
		return 0;
	}
	signers_free(&verdict.signers);
	return refusal(name, &verdict, err);
}

/* The files of one call, in a private directory. */
struct call {
	char *text, *file, *signature; /* gpgv's output, what is checked, NULL or its signature */
	const char **argv;
	char **keyrings;
	size_t n_argv, n_keyrings;
};

static void call_free(struct call *call)
{
	for (size_t i = 0; i < call->n_keyrings; i++)
		free(call->keyrings[i]);
	free(call->keyrings);
	free(call->argv);
	free(call->text);
	free(call->file);
	free(call->signature);
}

static void argument(struct call *call, const char *word)
{
	*ARRAY_ADD(call->argv, call->n_argv) = word;
}

static int copy_keyrings(const struct gpgv *gpgv, struct call *call, struct error *err)
{
	if (!gpgv->n_keyrings)
		return error_set(err, ERROR_CONFIG,
				 "no keyring is pinned for this mirror; name the vendor's, for "
				 "Debian /usr/share/keyrings/debian-archive-keyring.gpg");
	for (size_t i = 0; i < gpgv->n_keyrings; i++) {
		/* In the home directory: gpgv takes a path with a colon for something else. */
		char *name = xasprintf("keyring-%zu.gpg", i);
		CLEANUP_FREE char *to = path_join(gpgv->directory, name);

		*ARRAY_ADD(call->keyrings, call->n_keyrings) = name;
		if (keyring_copy(gpgv->keyrings[i], to, err) < 0)
			return -1;
		argument(call, "--keyring");
		argument(call, name);
	}
	return 0;
}

static int prepare(const struct gpgv *gpgv, const struct buffer *file,
		   const struct buffer *signature, struct call *call, struct error *err)
{
	call->file = path_join(gpgv->directory, "signed");
	call->text = path_join(gpgv->directory, "text");
	argument(call, "gpgv");
	argument(call, "--homedir");
	argument(call, gpgv->directory);
	argument(call, "--status-fd");
	argument(call, "1");
	if (copy_keyrings(gpgv, call, err) < 0 ||
	    file_replace(call->file, file->data, file->len, 0400, err) < 0)
		return -1;
	if (signature) {
		call->signature = path_join(gpgv->directory, "signature");
		if (file_replace(call->signature, signature->data, signature->len, 0400, err) < 0)
			return -1;
		argument(call, call->signature);
	} else {
		unlink(call->text);
		argument(call, "--output");
		argument(call, call->text);
	}
	argument(call, call->file);
	argument(call, NULL);
	return 0;
}

static int run(const struct gpgv *gpgv, const char *name, const struct call *call,
	       struct signers *ret, struct error *err)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct process_spec spec = {
		.argv = call->argv,
		.output_limit = MAX_STATUS,
		.deadline_ms = DEADLINE_MS,
		.monitor = gpgv->monitor,
	};

	if (process_run(&spec, &result, err) < 0)
		return -1;
	return gpgv_judge(name, result.out.data ? result.out.data : "", result.exit_code, ret, err);
}

/* Where a reader of a cleartext signature (RFC 4880, section 7) stands. */
enum frame { FRAME_START, FRAME_HEADERS, FRAME_TEXT, FRAME_SIGNATURE, FRAME_END, FRAME_BROKEN };

static enum frame frame_next(enum frame frame, const char *line)
{
	bool mark = strncmp(line, "-----", 5) == 0;

	switch (frame) {
	case FRAME_START:
		return strcmp(line, signed_mark) == 0 ? FRAME_HEADERS : FRAME_BROKEN;
	case FRAME_HEADERS:
		if (!*line)
			return FRAME_TEXT;
		return strncmp(line, "Hash:", 5) == 0 ? FRAME_HEADERS : FRAME_BROKEN;
	case FRAME_TEXT:
		if (strcmp(line, "-----BEGIN PGP SIGNATURE-----") == 0)
			return FRAME_SIGNATURE;
		return mark ? FRAME_BROKEN : FRAME_TEXT;
	case FRAME_SIGNATURE:
		if (strcmp(line, "-----END PGP SIGNATURE-----") == 0)
			return FRAME_END;
		return mark ? FRAME_BROKEN : FRAME_SIGNATURE;
	case FRAME_END:
		return *line ? FRAME_BROKEN : FRAME_END;
	case FRAME_BROKEN:
		break;
	}
	return FRAME_BROKEN;
}

/* One signed block from the first byte to the last, so that no other reader of the same file can
 * take unsigned text for signed. */
static int check_frame(const char *name, const struct buffer *file, struct error *err)
{
	CLEANUP_FREE char *copy = xmemdup(file->len ? file->data : "", file->len + 1);
	enum frame frame = FRAME_START;

	if (strlen(copy) != file->len)
		return error_set(err, ERROR_TRUST, "%s: has a NUL byte in it", name);
	if (!strstr(copy, signed_mark))
		return error_set(err, ERROR_TRUST, "%s: is not signed", name);
	for (char *line = copy, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		frame = frame_next(frame, line);
		if (frame == FRAME_BROKEN)
			return error_set(err, ERROR_TRUST, "%s: text outside the signed block",
					 name);
	}
	if (frame != FRAME_END)
		return error_set(err, ERROR_TRUST, "%s: the signed block is cut off", name);
	return 0;
}

int gpgv_verify_inline(const struct gpgv *gpgv, const char *name, const struct buffer *file,
		       struct buffer *ret_text, struct signers *ret, struct error *err)
{
	__attribute__((cleanup(call_free))) struct call call = {0};
	CLEANUP_SIGNERS struct signers signers = {0};

	if (check_frame(name, file, err) < 0 || prepare(gpgv, file, NULL, &call, err) < 0 ||
	    run(gpgv, name, &call, &signers, err) < 0 ||
	    file_read(call.text, MAX_TEXT, ret_text, err) < 0)
		return -1;
	*ret = signers;
	signers = (struct signers){0};
	return 0;
}

int gpgv_verify_detached(const struct gpgv *gpgv, const char *name, const struct buffer *file,
			 const struct buffer *signature, struct signers *ret, struct error *err)
{
	__attribute__((cleanup(call_free))) struct call call = {0};

	if (prepare(gpgv, file, signature, &call, err) < 0)
		return -1;
	return run(gpgv, name, &call, ret, err);
}
