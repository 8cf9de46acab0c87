/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/key.h"
#include "base/process.h"
#include "suite.h"

static char directory[] = "/tmp/key_test.XXXXXX";

static void setup(void)
{
	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void teardown(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

static void openssl(const char *const *argv, struct buffer *ret)
{
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct process_spec spec = {.argv = argv, .output_limit = 1 << 16, .deadline_ms = 60000};
	struct error err = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_BUG, &result, &err) == 0, "%s", err.msg);
	if (ret)
		buffer_append(ret, result.out.data, result.out.len);
}

START_TEST(pair_is_as_openssl_has_it)
{
	CLEANUP_FREE char *secret = path_join(directory, "a.key");
	CLEANUP_FREE char *public = path_join(directory, "a.pub");
	CLEANUP_FREE char *id = NULL;
	CLEANUP_FREE char *again = NULL;
	CLEANUP_BUFFER struct buffer from_secret = {0};
	CLEANUP_BUFFER struct buffer from_public = {0};
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;
	struct error err = {0};
	struct stat st;

	ck_assert_int_eq(key_generate(directory, "a", &id, &err), 0);
	ck_assert_int_eq(stat(secret, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(public, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
	openssl((const char *[]){"openssl", "pkey", "-in", secret, "-pubout", "-outform", "DER",
				 NULL},
		&from_secret);
	openssl((const char *[]){"openssl", "pkey", "-pubin", "-in", public, "-outform", "DER",
				 NULL},
		&from_public);
	ck_assert_mem_eq(from_secret.data, from_public.data, from_public.len);
	digest_of(from_public.data, from_public.len, &digest);
	digest_to_hex(&digest, hex);
	ck_assert_str_eq(id, hex);
	again = key_id(public, &err);
	ck_assert_str_eq(again, hex);
}
END_TEST

START_TEST(signature_verifies_only_what_was_signed)
{
	CLEANUP_FREE char *secret = path_join(directory, "a.key");
	CLEANUP_FREE char *public = path_join(directory, "a.pub");
	CLEANUP_FREE char *other_public = path_join(directory, "b.pub");
	CLEANUP_BUFFER struct buffer signature = {0};
	struct error err = {0};

	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), 0);
	ck_assert_int_eq(key_generate(directory, "b", NULL, &err), 0);
	{
		CLEANUP(key_free)
		struct key *signer = key_open_private(secret, &err);
		CLEANUP(key_free)
		struct key *key = key_open_public(public, &err);
		CLEANUP(key_free)
		struct key *other = key_open_public(other_public, &err);

		ck_assert_str_eq(key_get_id(signer), key_get_id(key));
		ck_assert_int_eq(key_sign(signer, "text", 4, &signature, &err), 0);
		ck_assert(key_verify(key, "text", 4, signature.data, signature.len));
		ck_assert(!key_verify(key, "texu", 4, signature.data, signature.len));
		ck_assert(!key_verify(other, "text", 4, signature.data, signature.len));
		ck_assert(!key_verify(key, "text", 4, signature.data, signature.len - 1));
		signature.data[10] ^= 1;
		ck_assert(!key_verify(key, "text", 4, signature.data, signature.len));
		ck_assert_int_eq(key_sign(key, "text", 4, &signature, &err), -1);
		ck_assert_ptr_nonnull(strstr(err.msg, "cannot sign: is it a private key?"));
	}
}
END_TEST

START_TEST(existing_key_is_never_overwritten)
{
	CLEANUP_FREE char *secret = path_join(directory, "a.key");
	struct error err = {0};

	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), 0);
	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_DENIED);
	ck_assert_ptr_nonnull(strstr(err.msg, "a.pub: exists already"));
	ck_assert_int_eq(unlink(secret), 0);
	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), -1);
	ck_assert_int_eq(access(secret, F_OK), -1);
}
END_TEST

START_TEST(bad_names_are_refused)
{
	static const char *const names[] = {"", ".a", "../a", "a/b", "-a", "a b", "\xc3\xa4"};
	struct error err = {0};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		ck_assert_int_eq(key_generate(directory, names[i], NULL, &err), -1);
		ck_assert_int_eq(err.kind, ERROR_USAGE);
		ck_assert_ptr_nonnull(strstr(err.msg, "use letters, digits and . _ - only"));
	}
}
END_TEST

START_TEST(readable_secret_is_refused)
{
	CLEANUP_FREE char *secret = path_join(directory, "a.key");
	struct error err = {0};

	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), 0);
	ck_assert_int_eq(chmod(secret, 0640), 0);
	ck_assert_ptr_null(key_open_private(secret, &err));
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "others may read this private key (mode 0640)"));
	ck_assert_ptr_null(key_open_private(directory, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "not a key file"));
}
END_TEST

static void refuse(const char *const *make, const char *path)
{
	struct error err = {0};

	openssl(make, NULL);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_ptr_null(key_open_private(path, &err));
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "not an ECDSA P-256 key in PEM form"));
}

START_TEST(other_keys_are_refused)
{
	CLEANUP_FREE char *path = path_join(directory, "x.key");
	struct error err = {0};

	refuse((const char *[]){"openssl", "genpkey", "-algorithm", "ED25519", "-out", path, NULL},
	       path);
	refuse((const char *[]){"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
				"ec_paramgen_curve:P-384", "-out", path, NULL},
	       path);
	refuse((const char *[]){"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
				"ec_paramgen_curve:P-256", "-aes256", "-pass", "pass:x", "-out",
				path, NULL},
	       path);
	ck_assert_ptr_null(key_open_public("/nonexistent/a.pub", &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("key");
	TCase *tcase = tcase_create("key");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, pair_is_as_openssl_has_it);
	tcase_add_test(tcase, signature_verifies_only_what_was_signed);
	tcase_add_test(tcase, existing_key_is_never_overwritten);
	tcase_add_test(tcase, bad_names_are_refused);
	tcase_add_test(tcase, readable_secret_is_refused);
	tcase_add_test(tcase, other_keys_are_refused);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
