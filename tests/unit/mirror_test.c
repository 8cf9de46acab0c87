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
#include "mirror/mirror.h"

enum { DAY = 86400 };

static char *work, *store, *mirror, *keyring, *high_water;

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

static void setup(void)
{
	struct error err;

	work = directory_make_temporary("/tmp", "mirror-test", &err);
	ck_assert_ptr_nonnull(work);
	store = path_join(work, "store");
	mirror = path_join(work, "mirror");
	keyring = path_join(work, "mirror.key/keyring.gpg");
	high_water = path_join(work, "host/marks.json");
	make_package("hello", "1.0-1");
	shell("$TOOL -o $M *.deb");
}

static void teardown(void)
{
	struct error err;

	directory_remove(work, &err);
	free(work);
	free(store);
	free(mirror);
	free(keyring);
	free(high_water);
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
	ck_assert_str_eq(snapshot->family, "deb");
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

static Suite *suite(void)
{
	Suite *s = suite_create("mirror");
	TCase *tcase = tcase_create("mirror");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, good_mirror_is_pinned);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
