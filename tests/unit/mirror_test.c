/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mirrors made by test-images/make-signed-mirror with real keys, and what must become of each.  A
 * case is a few lines of shell that change a good mirror ($M, its key $M.key, its suite $D) and the
 * kind and the words of the refusal; the store must be as it was.
 */
#include <check.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "mirror/trial.h"
#include "suite.h"

enum { DAY = 86400 };
#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

/* A good mirror and its key are made once, in `template`, and copied for each test. */
static char *template, *work, *store, *mirror, *keyring, *high_water;

/* Runs bash in the work directory, with TOOL, M, K and D set. */
static void shell(const char *script)
{
	const char *top = getenv("TEST_TOP");
	CLEANUP_FREE char *here = realpath(top ? top : ".", NULL);
	CLEANUP_FREE char *text =
		xasprintf("set -e; cd %s; TOOL=%s/test-images/make-signed-mirror; M=%s; K=%s.key;"
			  "D=%s/dists/bookworm-security; P=$D/main/binary-amd64\n%s",
			  work, here, mirror, mirror, mirror, script);
	const char *const argv[] = {"bash", "-c", text, NULL};
	struct process_spec spec = {.argv = argv, .output_limit = 1 << 16, .deadline_ms = 120000};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error err = {0};

	if (process_run(&spec, &result, &err) < 0)
		ck_abort_msg("%s", err.msg);
	ck_assert_msg(result.exit_code == 0, "%s: %s", script,
		      result.err.data ? result.err.data : "");
}

static char *shell_output(const char *script)
{
	CLEANUP_FREE char *text = xasprintf("(%s) > out", script);
	CLEANUP_FREE char *path = path_join(work, "out");
	CLEANUP_BUFFER struct buffer out = {0};
	struct error err;

	shell(text);
	ck_assert_int_eq(file_read(path, 1 << 20, &out, &err), 0);
	return buffer_steal(&out);
}

static char *store_state(void)
{
	return shell_output("mkdir -p store; cd store; find . | sort; find . -type f -exec "
			    "sha256sum {} + | sort");
}

/* The package: content differs by version, so that several can be told apart. */
static void make_package(const char *name, const char *version)
{
	CLEANUP_FREE char *script =
		xasprintf("mkdir -p p/DEBIAN p/usr/share/doc/%s; echo %s > p/usr/share/doc/%s/v\n"
			  "printf 'Package: %s\\nVersion: %s\\nArchitecture: amd64\\nMaintainer: "
			  "T <t@example.org>\\nDescription: test\\n' > p/DEBIAN/control\n"
			  "dpkg-deb -b --root-owner-group p %s_%s_amd64.deb; rm -r p",
			  name, version, name, name, version, name, version);

	shell(script);
}

static void name_paths(const char *directory)
{
	work = xstrdup(directory);
	store = path_join(work, "store");
	mirror = path_join(work, "mirror");
	keyring = path_join(work, "mirror.key/keyring.gpg");
	high_water = path_join(work, "host/marks.json");
}

static void forget_paths(void)
{
	free(work);
	free(store);
	free(mirror);
	free(keyring);
	free(high_water);
}

static void setup_template(void)
{
	struct error err;

	template = directory_make_temporary("/tmp", "mirror-test", &err);
	ck_assert_ptr_nonnull(template);
	name_paths(template);
	make_package("hello", "1.0-1");
	shell("$TOOL -o $M *.deb");
	forget_paths();
}

static void teardown_template(void)
{
	struct error err;

	directory_remove(template, &err);
	free(template);
}

static void setup(void)
{
	CLEANUP_FREE char *copy = NULL;
	struct error err;
	char *directory = directory_make_temporary("/tmp", "mirror-test", &err);

	ck_assert_ptr_nonnull(directory);
	name_paths(directory);
	free(directory);
	copy = xasprintf("cp -a %s/. .", template);
	shell(copy);
}

static void teardown(void)
{
	struct error err;

	directory_remove(work, &err);
	forget_paths();
}

static const char *allowed[1];

static int make_with(const struct mirror_options *mirrors, size_t n, struct mirror_snapshot **ret,
		     struct error *err)
{
	struct mirror_policy policy = {
		.now = time(NULL),
		.maximum_age = 10 * DAY,
		.high_water_file = high_water,
		.allow_digests = allowed,
		.n_allow_digests = allowed[0] ? 1 : 0,
	};

	return mirror_snapshot_make(store, mirrors, n, &policy, NULL, ret, err);
}

/* What a dry run says of the same. */
static void try_with(const struct mirror_options *mirrors, size_t n, struct mirror_trial *ret)
{
	const struct mirror_policy policy = {.now = time(NULL),
					     .maximum_age = 10 * DAY,
					     .high_water_file = high_water,
					     .allow_digests = allowed,
					     .n_allow_digests = allowed[0] ? 1 : 0};
	CLEANUP_FREE char *scratch = path_join(work, "scratch");
	CLEANUP_FREE char *before = store_state();
	CLEANUP_FREE char *after = NULL;
	struct error err = {0};
	int result;

	shell("mkdir -p scratch; mkdir -p host; ls host > host.before");
	result = mirror_snapshot_try(store, scratch, mirrors, n, &policy, NULL, ret, &err);
	if (result < 0)
		*ARRAY_ADD(ret->refused, ret->n_refused) = err;
	after = store_state();
	ck_assert_str_eq(before, after);
	shell("test -z \"$(ls -A scratch)\"; ls host | cmp - host.before");
}

static void try_one(struct mirror_trial *ret)
{
	const char *keyrings[] = {keyring};
	struct mirror_options options = {.path = mirror, .keyrings = keyrings, .n_keyrings = 1};

	try_with(&options, 1, ret);
}

static int make(struct mirror_snapshot **ret, struct error *err)
{
	const char *keyrings[] = {keyring};
	struct mirror_options options = {.path = mirror, .keyrings = keyrings, .n_keyrings = 1};

	return make_with(&options, 1, ret, err);
}

static struct mirror_snapshot *must_make(void)
{
	struct mirror_snapshot *snapshot = NULL;
	struct error err = {0};

	ck_assert_msg(make(&snapshot, &err) == 0, "%s", err.msg);
	return snapshot;
}

START_TEST(good_mirror_is_pinned)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = must_make();
	CLEANUP_FREE char *fingerprint = shell_output("tr -d '\\n' < $K/fingerprint");
	CLEANUP_FREE char *sum = shell_output("sha256sum < hello_1.0-1_amd64.deb | cut -c-64 | "
					      "tr -d '\\n'");
	const struct mirror_source *source = &snapshot->sources[0];
	struct digest digest, none = {{0}};
	struct error err = {0};
	struct stat st;
	int fd;

	ck_assert_uint_eq(snapshot->n_sources, 1);
	ck_assert_str_eq(source->layout, "apt");
	ck_assert_str_eq(source->codename, "bookworm-security");
	ck_assert_str_eq(source->origin, "Debian");
	ck_assert_str_eq(source->label, "Debian-Security");
	ck_assert_str_eq(source->index_path, "dists/bookworm-security/InRelease");
	ck_assert_str_eq(source->signer, fingerprint);
	ck_assert_str_eq(source->components[0], "main");
	ck_assert_str_eq(source->architectures[0], "amd64");
	ck_assert(source->security);
	ck_assert_int_eq(source->valid_until - source->date, 7 * DAY);
	ck_assert_uint_eq(source->n_files, 2);
	ck_assert_str_eq(source->files[1].path,
			 "dists/bookworm-security/main/binary-amd64/Packages");
	ck_assert(digest_from_hex(sum, &digest));
	ck_assert(mirror_snapshot_has_package(snapshot, &digest));
	ck_assert(!mirror_snapshot_has_package(snapshot, &none));
	fd = mirror_package_open(snapshot, &digest, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0444);
	ck_assert_int_eq(st.st_nlink, 1);
	close(fd);
	ck_assert_int_eq(mirror_snapshot_verify(snapshot, NULL, &err), 0);
	shell("test -s host/marks.json; test \"$(ls -A store | tr '\\n' ' ')\" = "
	      "'mirror-snapshots packages '");
}
END_TEST

START_TEST(equal_states_have_one_name)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *first = must_make();
	CLEANUP_FREE char *before = store_state();
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *second = must_make();
	CLEANUP_FREE char *after = store_state();

	ck_assert(digest_equal(&first->digest, &second->digest));
	ck_assert_str_eq(before, after);
}
END_TEST

/* Other ways in which a vendor may lay out the same things. */
static const char *const layouts[] = {
	"$TOOL -o $M --forms gz *.deb",
	"$TOOL -o $M --forms zst *.deb",
	"$TOOL -o $M --forms plain *.deb",
	"$TOOL -o $M --forms xz,by-hash *.deb",
	"$TOOL -o $M --sign detached *.deb",
	"mv $M/pool pool; mkdir $M/vault; mv pool $M/vault/pool; ln -s vault/pool $M/pool",
	"mv $D/../bookworm-security x; mkdir $D; mv x $D/updates",
	"ln -s bookworm-security $M/dists/stable-security",
	"printf 'Package: absent\\nFilename: ./pool/a/absent.deb\\nSize: 3\\nSHA256: %064d\\n' 0 > "
	"s; "
	"$TOOL -o $M --stanzas s *.deb",
	"$TOOL -o $M --sums SHA256 --valid-until none *.deb",
	"rm -r $D; $TOOL -o $M --component updates/main *.deb; mv $D/updates/main $D/; "
	"sed -n '/^Origin/,/^-----BEGIN/p' $D/InRelease | sed '/^-----/d; s, updates/main/, "
	"main/,' > r; "
	"$TOOL -o $M --release r",
};

START_TEST(vendors_layouts_are_read)
{
	struct error err = {0};

	shell(layouts[_i]);
	{
		CLEANUP(mirror_snapshot_free)
		struct mirror_snapshot *snapshot = must_make();

		ck_assert_uint_eq(snapshot->n_sources, 1);
		ck_assert_uint_eq(snapshot->n_packages, 1);
		ck_assert_str_eq(snapshot->sources[0].components[0], "main");
		ck_assert_int_eq(mirror_snapshot_verify(snapshot, NULL, &err), 0);
	}
}
END_TEST

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
	CLEANUP_FREE char *before = NULL, *after = NULL, *marks = NULL, *marks_after = NULL;
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

START_TEST(dry_run_tells_what_would_be_made)
{
	CLEANUP_MIRROR_TRIAL struct mirror_trial before = {0}, after = {0};
	struct mirror_snapshot *snapshot;

	try_one(&before);
	ck_assert_uint_eq(before.n_refused, 0);
	ck_assert(!before.exists);
	ck_assert_uint_eq(before.n_new, 1);
	ck_assert_uint_gt(before.new_bytes, 0);
	snapshot = must_make();
	ck_assert(digest_equal(&snapshot->digest, &before.snapshot->digest));
	mirror_snapshot_free(snapshot);
	try_one(&after);
	ck_assert(after.exists);
	ck_assert_uint_eq(after.n_new, 0);
	ck_assert_uint_eq(after.snapshot->n_packages, 1);
}
END_TEST

START_TEST(dry_run_tells_all_that_is_refused)
{
	CLEANUP_MIRROR_TRIAL struct mirror_trial trial = {0};
	const char *keyrings[] = {keyring};
	CLEANUP_FREE char *second = path_join(work, "second");
	const struct mirror_options options[] = {
		{.path = "/nonexistent", .keyrings = keyrings, .n_keyrings = 1},
		{.path = mirror, .keyrings = keyrings, .n_keyrings = 1},
		{.path = second, .keyrings = keyrings, .n_keyrings = 1},
	};
	CLEANUP_JSON json_t *json = NULL;

	shell("cp -a $M second; rm second/dists/*/main/binary-amd64/Packages.xz; cp *.deb "
	      "$M/pool/main/h/hello/; for f in $M/pool/main/h/hello/*.deb; do printf x | dd of=$f "
	      "bs=1 seek=200 conv=notrunc 2>/dev/null; done");
	try_with(options, 3, &trial);
	ck_assert_uint_eq(trial.n_refused, 3);
	ck_assert_str_eq(trial.refused[0].msg, "mirror /nonexistent: No such file or directory");
	ck_assert_ptr_nonnull(strstr(trial.refused[1].msg, "second: the mirror is incomplete"));
	ck_assert_ptr_nonnull(strstr(trial.refused[2].msg, ".deb: its SHA-256 is not what"));
	ck_assert_uint_eq(trial.snapshot->n_sources, 1);
	json = mirror_trial_to_json(&trial);
	ck_assert(json_is_null(json_object_get(json, "digest")));
	ck_assert_int_eq(json_integer_value(json_object_get(json, "code")), ERROR_MISSING);
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

START_TEST(several_mirrors_make_one_snapshot)
{
	CLEANUP_FREE char *other = path_join(work, "main");
	const char *keyrings[] = {keyring};
	struct mirror_options mirrors[] = {
		{.path = mirror, .keyrings = keyrings, .n_keyrings = 1},
		{.path = other, .keyrings = keyrings, .n_keyrings = 1},
	};
	struct mirror_options turned[] = {mirrors[1], mirrors[0]};
	struct mirror_snapshot *a = NULL, *b = NULL;
	struct error err = {0};

	make_package("world", "2");
	shell("$TOOL -o main --key $K --suite bookworm --valid-until none hello*.deb world*.deb");
	ck_assert_msg(make_with(mirrors, 2, &a, &err) == 0, "%s", err.msg);
	ck_assert_msg(make_with(turned, 2, &b, &err) == 0, "%s", err.msg);
	ck_assert(digest_equal(&a->digest, &b->digest));
	ck_assert_uint_eq(a->n_sources, 2);
	ck_assert_uint_eq(a->n_packages, 2);
	ck_assert_str_eq(a->sources[0].codename, "bookworm-security");
	ck_assert(a->sources[0].security);
	ck_assert(!a->sources[1].security);
	mirror_snapshot_free(a);
	mirror_snapshot_free(b);
}
END_TEST

START_TEST(suites_may_be_named)
{
	const char *keyrings[] = {keyring};
	const char *suites[] = {"bookworm-updates"};
	struct mirror_options options = {.path = mirror,
					 .keyrings = keyrings,
					 .n_keyrings = 1,
					 .suites = suites,
					 .n_suites = 1};
	struct mirror_snapshot *snapshot = NULL;
	struct error err = {0};

	ck_assert_int_eq(make_with(&options, 1, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MIRROR);
	ck_assert_ptr_nonnull(strstr(err.msg,
				     ": dists/bookworm-updates: no such suite: it has neither "
				     "InRelease nor Release"));
	suites[0] = "../dists";
	ck_assert_int_eq(make_with(&options, 1, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_ptr_nonnull(strstr(err.msg, "suite ../dists: not the name of a suite"));
	suites[0] = "bookworm-updates";
	shell("$TOOL -o $M --suite bookworm-updates *.deb");
	ck_assert_msg(make_with(&options, 1, &snapshot, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(snapshot->n_sources, 1);
	ck_assert_str_eq(snapshot->sources[0].suite, "bookworm-updates");
	mirror_snapshot_free(snapshot);
}
END_TEST

START_TEST(what_is_not_configured_is_said)
{
	struct mirror_options options = {.path = mirror};
	struct mirror_snapshot *snapshot = NULL;
	struct error err = {0};

	ck_assert_int_eq(make_with(&options, 1, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_ptr_nonnull(
		strstr(err.msg, "no keyring is pinned for this mirror; name the vendor's"));
	options.path = "/nonexistent";
	ck_assert_int_eq(make_with(&options, 1, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "mirror /nonexistent: No such file or directory");
	ck_assert_int_eq(make_with(&options, 0, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_str_eq(err.msg, "no mirror is given");
	shell("mkdir -p host; echo '{' > host/marks.json");
	ck_assert_int_eq(make(&snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
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

START_TEST(snapshot_is_opened_by_a_prefix)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *made = must_make();
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *opened = NULL;
	CLEANUP_JSON json_t *a = mirror_snapshot_to_json(made);
	char hex[DIGEST_HEX_SIZE], **names = NULL;
	struct error err = {0};
	size_t n = 0;

	digest_to_hex(&made->digest, hex);
	ck_assert_int_eq(mirror_snapshot_list(store, &names, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(names[0], hex);
	free(names[0]);
	free(names);
	hex[8] = '\0';
	opened = mirror_snapshot_open(store, hex, &err);
	ck_assert_msg(opened != NULL, "%s", err.msg);
	{
		CLEANUP_JSON json_t *b = mirror_snapshot_to_json(opened);

		ck_assert(json_equal(a, b));
	}
	ck_assert_ptr_null(mirror_snapshot_open(store, "0123456", &err));
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_str_eq(
		err.msg,
		"mirror snapshot 0123456: not a digest, or the first 8 or more digits of one");
	ck_assert_ptr_null(mirror_snapshot_open(store, "../../../etc", &err));
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_ptr_null(mirror_snapshot_open(store, "ffffffff00000000", &err));
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "mirror snapshot ffffffff00000000: there is none");
	shell("cd store/mirror-snapshots; f=$(ls | cut -c-8); mkdir $(printf '%s%056d' $f 0)");
	ck_assert_ptr_null(mirror_snapshot_open(store, hex, &err));
	ck_assert_int_eq(err.kind, ERROR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.msg, "more than one begins so; give more digits"));
}
END_TEST

START_TEST(snapshots_are_listed_newest_first)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *old = must_make();
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *new = NULL;
	char hex[DIGEST_HEX_SIZE], **names = NULL;
	struct error err = {0};
	size_t n = 0;

	shell("d=$(echo store/mirror-snapshots/*); rm $d/made; echo 5 > $d/made");
	make_package("hello", "1.0-2");
	shell("$TOOL -o $M hello_1.0-2*.deb");
	new = must_make();
	ck_assert_int_eq(mirror_snapshot_list(store, &names, &n, &err), 0);
	ck_assert_uint_eq(n, 2);
	digest_to_hex(&new->digest, hex);
	ck_assert_str_eq(names[0], hex);
	digest_to_hex(&old->digest, hex);
	ck_assert_str_eq(names[1], hex);
	free(names[0]);
	free(names[1]);
	free(names);
}
END_TEST

START_TEST(damage_in_the_store_is_noticed)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = must_make();
	char hex[DIGEST_HEX_SIZE];
	struct error err = {0};

	digest_to_hex(&snapshot->digest, hex);
	shell("f=$(echo store/packages/*/*); chmod u+w $f; cp $f good; printf x | dd of=$f bs=1 "
	      "seek=200 "
	      "conv=notrunc 2>/dev/null");
	ck_assert_int_eq(mirror_snapshot_verify(snapshot, NULL, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg,
				     "has changed in the store; remove it and make the mirror "
				     "snapshot again"));
	shell("f=$(echo store/packages/*/*); rm $f; ln -s $PWD/good $f");
	ck_assert_int_eq(mirror_package_open(snapshot, snapshot->packages, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a symbolic link"));
	shell("rm store/packages/*/*");
	ck_assert_int_eq(mirror_package_open(snapshot, snapshot->packages, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MIRROR);
	ck_assert_ptr_nonnull(
		strstr(err.msg, "is not in the store; make the mirror snapshot again"));
	mirror_snapshot_free(must_make());
	ck_assert_int_eq(mirror_snapshot_verify(snapshot, NULL, &err), 0);

	shell("chmod u+w store/mirror-snapshots/*/sources/0/dists/*/InRelease; echo >> "
	      "store/mirror-snapshots/*/sources/0/dists/*/InRelease");
	ck_assert_ptr_null(mirror_snapshot_open(store, hex, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg,
				     "InRelease: has changed in the mirror snapshot; remove the "
				     "snapshot and make it again"));
	shell("chmod u+w store/mirror-snapshots/*/manifest.json; echo >> "
	      "store/mirror-snapshots/*/manifest.json");
	ck_assert_ptr_null(mirror_snapshot_open(store, hex, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_ptr_nonnull(strstr(err.msg,
				     "manifest.json is not what its name says; remove it and make "
				     "it again"));
}
END_TEST

static bool says_stop(void *opaque)
{
	(void)opaque;
	return true;
}

START_TEST(interruption_leaves_nothing)
{
	const char *keyrings[] = {keyring};
	struct mirror_options options = {.path = mirror, .keyrings = keyrings, .n_keyrings = 1};
	struct mirror_policy policy = {.now = time(NULL)};
	struct monitor monitor = {.cancelled = says_stop};
	struct mirror_snapshot *snapshot = NULL;
	struct error err = {0};

	ck_assert_int_eq(
		mirror_snapshot_make(store, &options, 1, &policy, &monitor, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUSY);
	shell("test -z \"$(ls -A store)\"");
}
END_TEST

START_TEST(what_dead_owners_left_is_removed)
{
	shell("h=$(printf %s \"$(cat /proc/sys/kernel/random/boot_id)/$(readlink "
	      "/proc/self/ns/pid)\" | "
	      "sha256sum | cut -c1-16)\n"
	      "mkdir -p store/.tmp-dead.4194999.5.$h/packages store/.tmp-reused.1.999999999999.$h "
	      "store/.tmp-alive.1.$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20).$h "
	      "store/.tmp-elsewhere.1.1.0123456789abcdef store/.tmp-old.1.1.0123456789abcdef "
	      "store/.tmp-old-by-hand; touch -d '2 days ago' store/.tmp-old*");
	mirror_snapshot_free(must_make());
	shell("test \"$(ls -A store | sed 's/[.]tmp-//; s/[.].*//' | LC_ALL=C sort | tr '\\n' ' "
	      "')\" = "
	      "'alive elsewhere mirror-snapshots packages '");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mirror");
	TCase *tcase = tcase_create("mirror");

	tcase_add_unchecked_fixture(tcase, setup_template, teardown_template);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, good_mirror_is_pinned);
	tcase_add_test(tcase, equal_states_have_one_name);
	tcase_add_loop_test(tcase, vendors_layouts_are_read, 0, COUNT(layouts));
	tcase_add_loop_test(tcase, hostile_mirror_is_refused, 0, COUNT(refusals));
	tcase_add_test(tcase, dry_run_tells_what_would_be_made);
	tcase_add_test(tcase, dry_run_tells_all_that_is_refused);
	tcase_add_test(tcase, rolled_back_mirror_is_refused_unless_allowed);
	tcase_add_test(tcase, expired_mirror_may_be_allowed_by_digest);
	tcase_add_test(tcase, release_without_limit_may_be_old);
	tcase_add_test(tcase, several_mirrors_make_one_snapshot);
	tcase_add_test(tcase, suites_may_be_named);
	tcase_add_test(tcase, what_is_not_configured_is_said);
	tcase_add_test(tcase, keyring_may_be_armoured);
	tcase_add_test(tcase, one_of_two_signatures_is_enough);
	tcase_add_loop_test(tcase, expired_and_revoked_keys_are_refused, 0, 2);
	tcase_add_test(tcase, snapshot_is_opened_by_a_prefix);
	tcase_add_test(tcase, snapshots_are_listed_newest_first);
	tcase_add_test(tcase, damage_in_the_store_is_noticed);
	tcase_add_test(tcase, interruption_leaves_nothing);
	tcase_add_test(tcase, what_dead_owners_left_is_removed);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
