/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parsers below lib/mirror, on bytes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/decompress.h"
#include "mirror/apt/packages.h"
#include "mirror/apt/release.h"
#include "mirror/beneath.h"
#include "mirror/gpgv.h"
#include "mirror/highwater.h"
#include "mirror/keyring.h"
#include "mirror/mirror.h"
#include "suite.h"

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
#define ZEROS	     "0000000000000000000000000000000000000000000000000000000000000000"
#define MIXED_CASE   "aB00000000000000000000000000000000000000000000000000000000000000"
#define ONES	     "1111111111111111111111111111111111111111111111111111111111111111"

static const char release_text[] = "Origin: Debian\n"
				   "Label: Debian-Security \r\n"
				   "suite: oldstable-security\n"
				   "Codename: bookworm-security\n"
				   "Version: 12\n"
				   "Date: Sat, 14 Jun 2025 09:33:10 UTC\n"
				   "Valid-Until: Sat, 21 Jun 2025 09:33:10 UTC\n"
				   "Acquire-By-Hash: yes\n"
				   "Components: main\tcontrib\n"
				   "Architectures: amd64 arm64\n"
				   "Description: of\n"
				   " two lines\n"
				   "MD5Sum:\n"
				   " 00000000000000000000000000000000 5 ../evil\n"
				   "SHA256:\n"
				   " " ONES "     2500 main/b\n"
				   " " MIXED_CASE " 7 main/a b\n"
				   "\n\n";

static const struct {
	char *origin, *codename;
	const char *os_id, *guest_codename;
	bool suits;
} suits[] = {
	{"Debian", "bookworm", "debian", "bookworm", true},
	{"Debian", "bookworm-security", "debian", "bookworm", true},
	{"Debian", "trixie-security", "debian", "bookworm", false},
	{"Debian", "bookwormish", "debian", "bookworm", false},
	{"Ubuntu", "noble", "debian", "bookworm", true}, /* somebody else's: the user's choice */
	{"coldpatch", "stable", "debian", "bookworm", true},
	{NULL, "trixie", "debian", "bookworm", true},
	{"Debian", NULL, "debian", "bookworm", true},
	{"Debian", "trixie", "debian", NULL, true},
	{"Debian", "trixie", "debian", "", true},
	{"Debian", "trixie", NULL, "bookworm", true},
};

START_TEST(source_suits)
{
	const struct mirror_source source = {.origin = suits[_i].origin,
					     .codename = suits[_i].codename};

	const struct mirror_guest guest = {.os_id = suits[_i].os_id,
					   .codename = suits[_i].guest_codename};

	ck_assert(mirror_source_suits(&source, &guest) == suits[_i].suits);
}
END_TEST

START_TEST(release_is_read)
{
	CLEANUP_RELEASE struct release release = {0};
	struct error err = {0};

	ck_assert_msg(release_parse(release_text, strlen(release_text), &release, &err) == 0, "%s",
		      err.msg);
	ck_assert_str_eq(release.origin, "Debian");
	ck_assert_str_eq(release.label, "Debian-Security");
	ck_assert_str_eq(release.suite, "oldstable-security");
	ck_assert_str_eq(release.codename, "bookworm-security");
	ck_assert_str_eq(release.version, "12");
	ck_assert_int_eq(release.date, 1749893590);
	ck_assert_int_eq(release.valid_until, 1749893590 + 7 * 86400);
	ck_assert(release.by_hash);
	ck_assert_uint_eq(release.n_components, 2);
	ck_assert_str_eq(release.components[1], "contrib");
	ck_assert_uint_eq(release.n_architectures, 2);
	ck_assert_uint_eq(release.n_files, 2);
	ck_assert_str_eq(release.files[0].path, "main/a b");
	ck_assert_uint_eq(release.files[0].sha256.bytes[0], 0xab);
	ck_assert_uint_eq(release_find(&release, "main/b")->size, 2500);
	ck_assert_ptr_null(release_find(&release, "main/c"));
}
END_TEST

static const struct bad {
	const char *text, *message;
} bad_releases[] = {
	{"", "has no Date"},
	{"SHA256:\n " ZEROS " 1 a\n", "has no Date"},
	{"Date: Sat, 14 Jun 2025 09:33:10 UTC\n",
	 "has no SHA256 digests; weaker ones are not relied on"},
	{"Date: yesterday\n", "field Date: not a date in UTC: yesterday"},
	{"Valid-Until: Sat, 14 Jun 2025 09:33:10 CEST\n",
	 "field Valid-Until: not a date in UTC: Sat, 14 Jun 2025 09:33:10 CEST"},
	{"Date: Sat, 14 Jun 2025 09:33:10 UTC\nDate: Sat, 14 Jun 2025 09:33:10 UTC\n",
	 "field Date is there twice"},
	{"Origin: a\norigin: b\n", "field origin is there twice"},
	{"SHA256:\n " ZEROS " 1 a\nSHA256:\n " ZEROS " 1 b\n", "field SHA256 is there twice"},
	{"Date: Sat, 14 Jun 2025 09:33:10 UTC\nSHA256:\n " ZEROS " 1 a\n " ONES " 1 a\n",
	 "SHA256: a is listed twice"},
	{"SHA256:\n " ZEROS " 1 /etc/passwd\n", "SHA256: path leads out of the suite: /etc/passwd"},
	{"SHA256:\n " ZEROS " 1 a/../../b\n", "SHA256: path leads out of the suite: a/../../b"},
	{"SHA256:\n " ZEROS " 1\n", "SHA256: not a digest, a size and a path: " ZEROS " 1"},
	{"SHA256:\n " ZEROS " -1 a\n", "SHA256: not a digest, a size and a path: " ZEROS " -1 a"},
	{"SHA256:\n " ZEROS " 999999999999999 a\n",
	 "SHA256: not a digest, a size and a path: " ZEROS " 999999999999999 a"},
	{"SHA256:\n x" ZEROS " 1 a\n", "SHA256: not a digest, a size and a path: x" ZEROS " 1 a"},
	{"no field\n", "a line is not a field: no field"},
	{" leading\n", "a line is not a field:  leading"},
	{"Origin: a\n\nOrigin: b\n", "more than one paragraph"},
};

START_TEST(bad_release_is_refused)
{
	const struct bad *bad = &bad_releases[_i];
	struct release release = {0};
	struct error err = {0};

	ck_assert_int_eq(release_parse(bad->text, strlen(bad->text), &release, &err), -1);
	ck_assert_str_eq(err.msg, bad->message);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_null(release.files);
}
END_TEST

START_TEST(release_with_a_nul_is_refused)
{
	struct release release = {0};
	struct error err = {0};

	ck_assert_int_eq(release_parse("Origin: a\0b\n", 12, &release, &err), -1);
	ck_assert_str_eq(err.msg, "has a NUL byte in it");
}
END_TEST

START_TEST(dates_are_utc)
{
	static const char *const good[] = {
		"Sat, 14 Jun 2025 09:33:10 UTC",   "Sat, 14 Jun 2025 09:33:10 GMT",
		"Sat, 14 Jun 2025  9:33:10 +0000", "14 Jun 2025 09:33:10 Z",
		"Sat, 14 Jun 2025 09:33:10 -0000",
	};
	static const char *const bad[] = {
		"",
		"Sat, 14 Jun 2025 09:33:10",
		"Sat, 14 Jun 2025 09:33:10 UTC+1",
		"Sat, 14 Jun 2025 09:33:10 UTC x",
		"Sat, 14 unJ 2025 09:33:10 UTC",
		"Sat, 0 Jun 2025 09:33:10 UTC",
		"Sat, 32 Jun 2025 09:33:10 UTC",
		"Sat, 14 Jun 1925 09:33:10 UTC",
		"Sat, 14 Jun 2025 24:33:10 UTC",
		"Sat, 14 Jun 2025 09:60:10 UTC",
		"Sat, 14 Jun 2025 09:33:61 UTC",
		"Sat, 14 Jun 2025 -9:33:10 UTC",
	};
	int64_t date = 0;

	for (int i = 0; i < COUNT(good); i++) {
		ck_assert_msg(release_parse_date(good[i], &date), "%s", good[i]);
		ck_assert_int_eq(date, 1749893590);
	}
	for (int i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!release_parse_date(bad[i], &date), "%s", bad[i]);
}
END_TEST

START_TEST(safe_paths)
{
	static const char *const good[] = {"a", "a/b", "..a/b..", "a b", ".a"};
	static const char *const bad[] = {"",	  "/",	  "/a",	   "a/",     "a//b", ".",
					  "./a",  "a/.",  "..",	   "../a",   "a/..", "a/../b",
					  "a\nb", "a\tb", "a\x7f", "a/\x01b"};

	for (int i = 0; i < COUNT(good); i++)
		ck_assert_msg(beneath_is_safe(good[i]), "%s", good[i]);
	for (int i = 0; i < COUNT(bad); i++)
		ck_assert_msg(!beneath_is_safe(bad[i]), "%s", bad[i]);
}
END_TEST

static int collect(void *opaque, const struct packages_entry *entry, struct error *err)
{
	char hex[DIGEST_HEX_SIZE];

	(void)err;
	digest_to_hex(&entry->sha256, hex);
	buffer_printf(opaque, "%.*s %llu %.2s;", (int)entry->path_len, entry->path,
		      (unsigned long long)entry->size, hex);
	return 0;
}

START_TEST(packages_are_read)
{
	static const char text[] =
		"\n\nPackage: a\nFilename: ./pool/a.deb\nSHA256: " ONES
		"\nSize: 12\nDescription: x\n Size: 99\n Filename: ../evil\n\n\n"
		"Package: b\r\nsize:3\r\nSHA256:\t" ZEROS "\r\nFilename: b.deb \r\n\r\n"
		"Package: c\nFilename: c\nSize: 0\nSHA256: " ONES;
	CLEANUP_BUFFER struct buffer found = {0};
	struct error err = {0};

	ck_assert_msg(packages_parse(text, strlen(text), collect, &found, &err) == 0, "%s",
		      err.msg);
	ck_assert_str_eq(found.data, "pool/a.deb 12 11;b.deb 3 00;c 0 11;");
	ck_assert_int_eq(packages_parse("", 0, collect, &found, &err), 0);
}
END_TEST

static const struct bad bad_packages[] = {
	{"Package: a\nSize: 1\nSHA256: " ONES "\n", "package a: no Filename"},
	{"Filename: a\nSize: 1\nSHA256: " ONES "x\n",
	 "package : no valid SHA256; weaker digests are not relied on"},
	{"Package: a\nFilename: a\nSize: 1234567890123456\nSHA256: " ONES "\n",
	 "package a: no valid Size"},
	{"Package: a\nFilename: a/../../b\nSize: 1\nSHA256: " ONES "\n",
	 "package a: Filename leads out of the mirror"},
};

START_TEST(bad_packages_are_refused)
{
	const struct bad *bad = &bad_packages[_i];
	CLEANUP_BUFFER struct buffer found = {0};
	struct error err = {0};

	ck_assert_int_eq(packages_parse(bad->text, strlen(bad->text), collect, &found, &err), -1);
	ck_assert_str_eq(err.msg, bad->message);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
}
END_TEST

#define GOOD_A                                                                                     \
	"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG AAAA Name of the key\n"                                 \
	"[GNUPG:] VALIDSIG SUBA 2025-06-14 1 0 4 0 1 10 01 FPRA\n"
#define MISSING_B                                                                                  \
	"[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG BBBB 1 8 01 1 9 FPRB12345678\n[GNUPG:] NO_PUBKEY BBBB\n"

/* What gpgv 2.2 and 2.4 write; NULL: accepted. */
static const struct judgement {
	const char *status;
	int exit_code;
	const char *message;
} judgements[] = {
	{GOOD_A, 0, NULL},
	{GOOD_A MISSING_B, 2, NULL},
	{MISSING_B GOOD_A, 2, NULL},
	{GOOD_A, 2, "x: is not signed"},
	{"", 0, "x: is not signed"},
	{"[GNUPG:] NODATA 1\n", 1, "x: is not signed"},
	{MISSING_B, 2,
	 "x: signed by key FPRB12345678, which is not in the keyrings pinned for this mirror"},
	{GOOD_A "[GNUPG:] NEWSIG\n[GNUPG:] BADSIG BBBB Name\n", 1,
	 "x: bad signature by key BBBB: it was changed after it was signed"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG A N\n[GNUPG:] VALIDSIG F 2025 1 0 4 0 1 2 01 P\n", 0,
	 "x: signed over SHA-1; SHA-256 or better is needed"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG A N\n[GNUPG:] VALIDSIG F 2025 1 0 4 0 1 3 01 P\n", 0,
	 "x: signed over RIPEMD-160; SHA-256 or better is needed"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG A N\n[GNUPG:] VALIDSIG F 2025 1 0 4 0 1 11 01 P\n", 0,
	 "x: signed over an unknown digest; SHA-256 or better is needed"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG A 1 1 01 1 5 F\n", 2,
	 "x: signed over MD5; SHA-256 or better is needed"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG A 99 8 01 1 4 F\n", 2,
	 "x: the signature by key A cannot be checked by gpgv"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] EXPKEYSIG A N\n[GNUPG:] VALIDSIG F 2025 1 0 4 0 1 8 01 P\n", 0,
	 "x: signed by key A, which has expired; pin the vendor's current keyring"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] EXPSIG A N\n[GNUPG:] VALIDSIG F 2025 1 0 4 0 1 8 01 P\n", 0,
	 "x: the signature by key A has expired"},
	{"[GNUPG:] NEWSIG\n[GNUPG:] REVKEYSIG A N\n[GNUPG:] VALIDSIG F 2025 1 0 4 0 1 8 01 P\n", 0,
	 "x: signed by key A, which is revoked"},
	{"[GNUPG:] GOODSIG A N\n[GNUPG:] NEWSIG\n[GNUPG:] VALIDSIG F 2025 1 0 4 0 1 8 01 P\n", 0,
	 "x: is not signed"},
	{"gpgv: GOODSIG A N\nVALIDSIG F 2025 1 0 4 0 1 8 01 P\n", 0, "x: is not signed"},
};

START_TEST(status_of_gpgv_is_judged)
{
	const struct judgement *judgement = &judgements[_i];
	CLEANUP_SIGNERS struct signers signers = {0};
	struct error err = {0};
	int result = gpgv_judge("x", judgement->status, judgement->exit_code, &signers, &err);

	if (judgement->message) {
		ck_assert_int_eq(result, -1);
		ck_assert_int_eq(err.kind, ERROR_TRUST);
		ck_assert_str_eq(err.msg, judgement->message);
		ck_assert_uint_eq(signers.n_fingerprints, 0);
	} else {
		ck_assert_msg(result == 0, "%s", err.msg);
		ck_assert_uint_eq(signers.n_fingerprints, 1);
		ck_assert_str_eq(signers.fingerprints[0], "FPRA");
	}
}
END_TEST

#define BEGIN_KEY "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
#define END_KEY	  "-----END PGP PUBLIC KEY BLOCK-----\n"

START_TEST(armour_is_taken_off)
{
	static const char armour[] =
		"comment\n" BEGIN_KEY "Version: 1\n\naGVs\nbG8=\n=AbCd\n" END_KEY BEGIN_KEY
		"\nIHdvcmxk\n" END_KEY;
	CLEANUP_BUFFER struct buffer keys = {0};
	struct error err = {0};

	ck_assert_int_eq(keyring_dearmour(armour, strlen(armour), &keys, &err), 0);
	ck_assert_str_eq(keys.data, "hello world");
	buffer_clear(&keys);
	ck_assert_int_eq(keyring_dearmour("\x99\x01", 2, &keys, &err), 0);
	ck_assert_uint_eq(keys.len, 2);
	ck_assert_int_eq(keyring_dearmour("\x99\x01\n" BEGIN_KEY, 40, &keys, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_str_eq(err.msg, "holds binary keys and ASCII-armoured ones, of which only one "
				  "sort would be read: put them into files of their own");
	ck_assert_int_eq(keyring_dearmour(BEGIN_KEY "\naGVs", 41, &keys, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_str_eq(err.msg, "the ASCII armour is damaged");
}
END_TEST

START_TEST(decompression_has_a_limit)
{
	static const unsigned char gzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
					     0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x86,
					     0xa6, 0x10, 0x36, 0x05, 0x00, 0x00, 0x00};
	CLEANUP_BUFFER struct buffer out = {0};
	struct error err = {0};

	buffer_puts(&out, "x");
	ck_assert_msg(decompress(gzip, sizeof gzip, COMPRESSION_GZIP, 5, ERROR_TRUST, &out, &err) ==
			      0,
		      "%s", err.msg);
	ck_assert_str_eq(out.data, "xhello");
	ck_assert_int_eq(
		decompress(gzip, sizeof gzip, COMPRESSION_GZIP, 4, ERROR_TRUST, &out, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, "decompresses to more than 4 bytes");
	ck_assert_str_eq(out.data, "xhello");
	ck_assert_int_eq(decompress(gzip, 20, COMPRESSION_GZIP, 5, ERROR_IO, &out, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IO);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot be decompressed: "));
	ck_assert_str_eq(out.data, "xhello");
	ck_assert_int_eq(decompress(gzip, sizeof gzip, COMPRESSION_XZ, 5, ERROR_IO, &out, &err),
			 -1);
	ck_assert_str_eq(err.msg, "cannot be decompressed: not in the format its name says");
	ck_assert_int_eq(decompress("ab", 2, COMPRESSION_NONE, 2, ERROR_IO, &out, &err), 0);
	ck_assert_str_eq(out.data, "xhelloab");
	ck_assert_int_eq(decompress("", 0, COMPRESSION_NONE, 2, ERROR_IO, &out, &err), 0);
	ck_assert_str_eq(out.data, "xhelloab");
}
END_TEST

START_TEST(high_water_is_never_lowered)
{
	CLEANUP_HIGHWATER struct highwater marks = {0};
	char origin[] = "Debian", suite[] = "bookworm", signer[] = "F", other[] = "G";
	struct highwater_mark mark = {origin, suite, signer, 100, {{1}}};

	highwater_raise(&marks, &mark);
	mark.date = 50;
	highwater_raise(&marks, &mark);
	ck_assert_uint_eq(marks.n_marks, 1);
	ck_assert_int_eq(highwater_find(&marks, &mark)->date, 100);
	mark.date = 200;
	highwater_raise(&marks, &mark);
	ck_assert_int_eq(highwater_find(&marks, &mark)->date, 200);
	mark.signer = other;
	ck_assert_ptr_null(highwater_find(&marks, &mark));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("release");
	TCase *tcase = tcase_create("release");

	tcase_add_loop_test(tcase, source_suits, 0, COUNT(suits));
	tcase_add_test(tcase, release_is_read);
	tcase_add_loop_test(tcase, bad_release_is_refused, 0, COUNT(bad_releases));
	tcase_add_test(tcase, release_with_a_nul_is_refused);
	tcase_add_test(tcase, dates_are_utc);
	tcase_add_test(tcase, safe_paths);
	tcase_add_test(tcase, packages_are_read);
	tcase_add_loop_test(tcase, bad_packages_are_refused, 0, COUNT(bad_packages));
	tcase_add_loop_test(tcase, status_of_gpgv_is_judged, 0, COUNT(judgements));
	tcase_add_test(tcase, armour_is_taken_off);
	tcase_add_test(tcase, decompression_has_a_limit);
	tcase_add_test(tcase, high_water_is_never_lowered);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
