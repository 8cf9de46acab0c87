/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mirrors that are not to be believed, and those that are all the same: signatures, keys, digests,
 * ages and ways out.  A refusal is tested by its kind and its words; the store must be as it was.
 */
#include <check.h>
#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "mirror_fixture.h"
#include "suite.h"

static const struct refusal {
	const char *what, *script;
	enum error_kind kind;
	const char *message; /* after "mirror PATH: "; a shell pattern */
} refusals[] = {
	{"unsigned", "$TOOL -o $M --sign none *.deb", ERROR_TRUST,
	 "dists/bookworm-security/Release: is not signed"},
	{"unsigned InRelease",
	 "sed -n '/^Origin/,/^-----BEGIN/p' $D/InRelease | sed '$d' > i; mv i $D/InRelease",
	 ERROR_TRUST, "dists/bookworm-security/InRelease: is not signed"},
	{"wrong key", "$TOOL -o $M --key other *.deb", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: signed by key "
	 "????????????????????????????????????????, "
	 "which is not in the keyrings pinned for this mirror"},
	{"SHA-1 signature", "$TOOL -o $M --digest SHA1 *.deb", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: signed over SHA-1; SHA-256 or better is "
	 "needed"},
	{"SHA-1 detached signature", "$TOOL -o $M --digest SHA1 --sign detached *.deb", ERROR_TRUST,
	 "dists/bookworm-security/Release: signed over SHA-1; SHA-256 or better is needed"},
	{"changed after signing", "sed -i 's/^Origin: Debian/Origin: Nobody/' $D/InRelease",
	 ERROR_TRUST,
	 "dists/bookworm-security/InRelease: bad signature by key ????????????????: it was changed "
	 "after "
	 "it was signed"},
	{"text after the signature", "echo 'Suite: evil' >> $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: text outside the signed block"},
	{"text before the signed block", "sed -i '1i Origin: Evil' $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: text outside the signed block"},
	{"a header that is not Hash", "sed -i '2i Origin: Evil' $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: text outside the signed block"},
	{"two signed blocks", "cat $D/InRelease $D/InRelease > i; mv i $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: text outside the signed block"},
	{"InRelease cut off", "sed -i '$d' $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: the signed block is cut off"},
	{"a NUL byte", "sed -i 's/^Label/La\\x00bel/' $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: has a NUL byte in it"},
	{"expired", "$TOOL -o $M --date '-3 days' --valid-until '-1 day' *.deb", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: was valid until *UTC; bring the mirror up to "
	 "date, or allow digest *"},
	{"too old", "$TOOL -o $M --date '-11 days' --valid-until '+1 day' *.deb", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: is of *UTC, older than the limit of 10 days; "
	 "bring the mirror up to date, or allow digest *"},
	{"from the future", "$TOOL -o $M --date '+3 days' *.deb", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: its Date, *UTC, is in the future; is this "
	 "host's clock right?"},
	{"only MD5", "$TOOL -o $M --sums MD5Sum *.deb", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: has no SHA256 digests; weaker ones are not relied on"},
	{"Packages tampered",
	 "printf x | dd of=$P/Packages.xz bs=1 seek=100 conv=notrunc 2>/dev/null", ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages.xz: its SHA-256 is not what "
	 "dists/bookworm-security/InRelease says: tampered with, or caught in the middle of an "
	 "update"},
	{"Packages truncated", "truncate -s 100 $P/Packages.xz", ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages.xz: has 100 bytes, but "
	 "dists/bookworm-security/InRelease says *: truncated, tampered with, or caught in the "
	 "middle of "
	 "an update"},
	{"Packages of another state, well packed",
	 "xz -dc $P/Packages.xz | sed s/hello/hallo/ > x; xz -f x; mv x.xz $P/Packages.xz; "
	 "sed -n '/^Origin/,/^-----BEGIN/p' $D/InRelease | sed '/^-----/d' > r; "
	 "h=$(sha256sum < $P/Packages.xz | cut -c-64); "
	 "sed -i \"s/[0-9a-f]\\{64\\} [0-9]* \\(main.*xz\\)/$h $(stat -c %s $P/Packages.xz) \\1/\" "
	 "r; "
	 "$TOOL -o $M --release r",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: its SHA-256 is not what "
	 "dists/bookworm-security/InRelease says: tampered with, or caught in the middle of an "
	 "update"},
	{"Packages not compressed by what it is called by",
	 "xz -dc $P/Packages.xz > x; mv x $P/Packages.xz; "
	 "sed -n '/^Origin/,/^-----BEGIN/p' $D/InRelease | sed '/^-----/d' > r; "
	 "h=$(sha256sum < $P/Packages.xz | cut -c-64); "
	 "sed -i \"s/[0-9a-f]\\{64\\} [0-9]* \\(main.*xz\\)/$h $(stat -c %s $P/Packages.xz) \\1/\" "
	 "r; "
	 "$TOOL -o $M --release r",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages.xz: cannot be decompressed: not in "
	 "the format "
	 "its name says"},
	{"decompression bomb",
	 "head -c 1000000000 /dev/zero | xz -0c > z; "
	 "for i in 1 2 3 4 5 6 7 8 9 10; do cat z; done > $P/Packages.xz; "
	 "{ sed -n '/^Origin/,/^SHA256/p' $D/InRelease; "
	 "echo \" $(sha256sum < $P/Packages.xz | cut -c-64) $(stat -c %s $P/Packages.xz) "
	 "main/binary-amd64/Packages.xz\"; "
	 "printf ' %064d 300 main/binary-amd64/Packages\\n' 0; } > r; $TOOL -o $M --release r",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages.xz: decompresses to more than 300 "
	 "bytes"},
	{"no Packages at all", "rm $P/Packages.xz", ERROR_MIRROR,
	 "the mirror is incomplete: dists/bookworm-security/main/binary-amd64/Packages.xz is "
	 "missing, and "
	 "so is every other index of packages that dists/bookworm-security/InRelease lists"},
	{"no component",
	 "sed -n '/^Origin/,/^-----BEGIN/p' $D/InRelease | sed '/^-----/d; "
	 "s/^Components.*/Components: other/' > r; $TOOL -o $M --release r",
	 ERROR_MIRROR, "dists/bookworm-security/InRelease: lists no index of packages"},
	{"package tampered",
	 "printf x | dd of=$(ls $M/pool/main/h/hello/*) bs=1 seek=300 conv=notrunc 2>/dev/null",
	 ERROR_TRUST,
	 "pool/main/h/hello/hello_1.0-1_amd64.deb: its SHA-256 is not what the signed index says: "
	 "damaged "
	 "or tampered with"},
	{"package truncated", "truncate -s 100 $M/pool/main/h/hello/*", ERROR_TRUST,
	 "pool/main/h/hello/hello_1.0-1_amd64.deb: has 100 bytes, but the signed index says *: "
	 "truncated or "
	 "tampered with"},
	{"package is a pipe",
	 "rm $M/pool/main/h/hello/*; mkfifo $M/pool/f; "
	 "mv $M/pool/f $M/pool/main/h/hello/hello_1.0-1_amd64.deb; "
	 "ln -s hello_1.0-1_amd64.deb $M/pool/main/h/hello/l; "
	 "printf 'Package: l\\nFilename: pool/main/h/hello/l\\nSize: 0\\nSHA256: %064d\\n' 0 "
	 "> s; $TOOL -o $M --stanzas s",
	 ERROR_TRUST, "pool/main/h/hello/l: not a regular file"},
	{"Filename with ..",
	 "printf 'Package: evil\\nFilename: pool/../../outside\\nSize: 3\\nSHA256: %064d\\n' 0 > "
	 "s; "
	 "$TOOL -o $M --stanzas s *.deb",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: package evil: Filename leads out of "
	 "the mirror"},
	{"absolute Filename",
	 "printf 'Package: evil\\nFilename: /etc/passwd\\nSize: 3\\nSHA256: %064d\\n' 0 > s; "
	 "$TOOL -o $M --stanzas s *.deb",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: package evil: Filename leads out of "
	 "the mirror"},
	{"stanza without SHA256",
	 "printf 'Package: old\\nFilename: a\\nSize: 3\\nMD5sum: 0\\n' > s; "
	 "$TOOL -o $M --stanzas s *.deb",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: package old: no valid SHA256; weaker "
	 "digests "
	 "are not relied on"},
	{"stanza without Filename",
	 "printf 'Package: old\\nSize: 3\\n' > s; $TOOL -o $M --stanzas s *.deb", ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: package old: no Filename"},
	{"stanza without Size",
	 "printf 'Package: old\\nFilename: a\\nSize: 3x\\n' > s; $TOOL -o $M --stanzas s *.deb",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: package old: no valid Size"},
	{"path out of the suite",
	 "sed -n '/^Origin/,/^-----BEGIN/p' $D/InRelease | sed '/^-----/d; "
	 "s,main/binary,../binary,' > r; $TOOL -o $M --release r",
	 ERROR_TRUST,
	 "dists/bookworm-security/InRelease: SHA256: path leads out of the suite: "
	 "../binary-amd64/Packages"},
	{"pool leads out", "mv $M/pool outside; ln -s ../outside $M/pool", ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: pool: a symbolic link leads out of "
	 "the mirror; give the directory it points to as the mirror, or "
	 "copy it"},
	{"a package leads out",
	 "mv $M/pool/main/h/hello/*.deb .; "
	 "ln -s $PWD/hello_1.0-1_amd64.deb $M/pool/main/h/hello/",
	 ERROR_TRUST,
	 "dists/bookworm-security/main/binary-amd64/Packages: "
	 "pool/main/h/hello/hello_1.0-1_amd64.deb: a symbolic link leads out of the mirror; give "
	 "the "
	 "directory it points to as the mirror, or copy it"},
	{"InRelease leads out", "mv $D/InRelease .; ln -s $PWD/InRelease $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: a symbolic link leads out of the mirror; give the "
	 "directory it "
	 "points to as the mirror, or copy it"},
	{"a loop of links", "rm $D/InRelease; ln -s InRelease $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: a loop of symbolic links"},
	{"InRelease is a directory", "rm $D/InRelease; mkdir $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: not a regular file"},
	{"InRelease is huge", "truncate -s 100M $D/InRelease", ERROR_TRUST,
	 "dists/bookworm-security/InRelease: longer than 67108864 bytes"},
	{"no suite", "rm -r $M/dists/*", ERROR_MIRROR,
	 "dists: no suite in it has an InRelease or a Release file"},
	{"not a mirror", "rm -r $M/dists", ERROR_MIRROR,
	 "not a mirror: it has no dists directory, as an apt mirror has*"},
	{"no keyring", "rm $K/keyring.gpg", ERROR_CONFIG, "keyring *keyring.gpg: not there"},
	{"empty keyring", "truncate -s 0 $K/keyring.gpg", ERROR_CONFIG,
	 "keyring *keyring.gpg: holds no public key"},
	{"keyring of text", "echo hello > $K/keyring.gpg", ERROR_CONFIG,
	 "keyring *keyring.gpg: holds no public key"},
	{"damaged armour", "sed '$d; 5s/./!/' $K/keyring.asc > $K/keyring.gpg", ERROR_CONFIG,
	 "keyring *keyring.gpg: the ASCII armour is damaged"},
};

/* A store with another state in it, so that "unchanged" means something. */
START_TEST(hostile_mirror_is_refused)
{
	const struct refusal *refusal = &refusals[_i];
	CLEANUP_FREE char *prefix = xasprintf("mirror %s: ", mirror);
	CLEANUP_FREE char *before = NULL, *after = NULL;
	CLEANUP_MIRROR_TRIAL struct mirror_trial trial = {0};
	struct mirror_snapshot *snapshot = NULL;
	struct error err = {0};

	mirror_snapshot_free(must_make());
	shell("rm -r host/marks.json; rm -r store/packages/*");
	before = store_state();
	shell(refusal->script);
	try_one(&trial);
	ck_assert_msg(make(&snapshot, &err) == -1, "%s: accepted", refusal->what);
	ck_assert_msg(strncmp(err.msg, prefix, strlen(prefix)) == 0 &&
			      fnmatch(refusal->message, err.msg + strlen(prefix), 0) == 0,
		      "%s: %s", refusal->what, err.msg);
	ck_assert_int_eq(err.kind, refusal->kind);
	ck_assert_ptr_null(snapshot);
	after = store_state();
	ck_assert_msg(strcmp(before, after) == 0, "%s: the store has changed:\n%s", refusal->what,
		      after);
	ck_assert_int_ne(access(high_water, F_OK), 0);
	ck_assert_uint_eq(trial.n_refused, 1);
	ck_assert_int_eq(trial.refused[0].kind, err.kind);
	ck_assert_msg(strcmp(trial.refused[0].msg, err.msg) == 0, "dry run: %s\nmade: %s",
		      trial.refused[0].msg, err.msg);
}
END_TEST

START_TEST(rolled_back_mirror_is_refused_unless_allowed)
{
	struct mirror_snapshot *snapshot = NULL;
	CLEANUP_FREE char *index = NULL, *before = NULL, *after = NULL, *pattern = NULL;
	struct error err = {0};

	shell("$TOOL -o $M --date '-1 day' *.deb; cp -r $M old; $TOOL -o $M --date '-1 hour' "
	      "*.deb");
	mirror_snapshot_free(must_make());
	before = store_state();
	shell("rm -r $M; cp -r old $M");
	index = shell_output("sha256sum < $D/InRelease | cut -c-64 | tr -d '\n'");
	pattern = xasprintf("mirror %s: dists/bookworm-security/InRelease: is of *UTC, but "
			    "a state of *UTC was seen before: the mirror was rolled back; "
			    "bring the mirror up to date, or allow digest %s",
			    mirror, index);
	ck_assert_int_eq(make(&snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(fnmatch(pattern, err.msg, 0) == 0, "%s", err.msg);
	after = store_state();
	ck_assert_str_eq(before, after);

	allowed[0] = index;
	mirror_snapshot_free(must_make());
	allowed[0] = NULL;
	ck_assert_int_eq(make(&snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
}
END_TEST

START_TEST(expired_mirror_may_be_allowed_by_digest)
{
	CLEANUP_FREE char *index = NULL;

	shell("$TOOL -o $M --date '-30 days' *.deb");
	index = shell_output("sha256sum < $D/InRelease | cut -c-64 | tr -d '\n'");
	allowed[0] = index;
	mirror_snapshot_free(must_make());
	allowed[0] = NULL;
}
END_TEST

START_TEST(release_without_limit_may_be_old)
{
	shell("rm -r $M/dists; $TOOL -o $M --suite bookworm --date '-300 days' --valid-until none "
	      "*.deb");
	mirror_snapshot_free(must_make());
}
END_TEST

START_TEST(keyring_may_be_armoured)
{
	shell("cp $K/keyring.asc $K/keyring.gpg");
	mirror_snapshot_free(must_make());
}
END_TEST

/* Vendors sign with the old and the new key while keys change; one pinned key is enough. */
START_TEST(one_of_two_signatures_is_enough)
{
	shell("$TOOL -o other --key other.key *.deb\n"
	      "sed -n '/^Origin/,/^-----BEGIN/p' $D/InRelease | sed '/^-----/d' > r\n"
	      "for k in other.key $K; do gpg --homedir $k --batch --armor --digest-algo SHA256 "
	      "--detach-sign -o "
	      "$k.sig r 2>/dev/null; gpgconf --homedir $k --kill gpg-agent; done\n"
	      "rm $D/InRelease; cp r $D/Release; cat other.key.sig $K.sig | gpg --dearmor > "
	      "/dev/null 2>&1 || true\n"
	      "for k in other.key $K; do gpg --dearmor < $k.sig; done > $D/Release.gpg");
	mirror_snapshot_free(must_make());
}
END_TEST

START_TEST(expired_and_revoked_keys_are_refused)
{
	static const char edit[] =
		"export GNUPGHOME=$K; f=$(cat $K/fingerprint)\n"
		"%s\n"
		"gpg --batch --yes --export > $K/keyring.gpg; gpgconf --kill gpg-agent";
	static const char *const how[] = {
		"gpg --batch --pinentry-mode loopback --passphrase '' --faked-system-time "
		"20200101T000001 --quick-set-expire $f 1y 2>/dev/null",
		"sed 's/^:-----/-----/' $K/openpgp-revocs.d/$f.rev | gpg --batch --import "
		"2>/dev/null",
	};
	static const char *const words[] = {", which has expired; pin the vendor's current keyring",
					    ", which is revoked"};
	CLEANUP_FREE char *script = xasprintf(edit, how[_i]);
	struct mirror_snapshot *snapshot = NULL;
	struct error err = {0};

	shell(script);
	ck_assert_int_eq(make(&snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, words[_i]) != NULL, "%s", err.msg);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mirror trust");
	TCase *tcase = tcase_create("trust");

	tcase_add_unchecked_fixture(tcase, setup_template, teardown_template);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, hostile_mirror_is_refused, 0, COUNT(refusals));
	tcase_add_test(tcase, rolled_back_mirror_is_refused_unless_allowed);
	tcase_add_test(tcase, expired_mirror_may_be_allowed_by_digest);
	tcase_add_test(tcase, release_without_limit_may_be_old);
	tcase_add_test(tcase, keyring_may_be_armoured);
	tcase_add_test(tcase, one_of_two_signatures_is_enough);
	tcase_add_loop_test(tcase, expired_and_revoked_keys_are_refused, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
