/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests of mirrors: test-images/make-signed-mirror makes them with real keys.  A case is a few
 * lines of shell that change a good mirror ($M, its key $M.key, its suite $D).
 */
#ifndef TESTS_UNIT_MIRROR_FIXTURE_H
#define TESTS_UNIT_MIRROR_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/process.h"
#include "mirror/trial.h"

enum { DAY = 86400 };
#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

/* A good mirror and its key are made once, in `template`, and copied for each test. */
static char *template, *work, *store, *mirror, *keyring, *high_water;

/* Runs bash in the work directory, with TOOL, M, K and D set. */
static inline void shell(const char *script)
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

static inline char *shell_output(const char *script)
{
	CLEANUP_FREE char *text = xasprintf("(%s) > out", script);
	CLEANUP_FREE char *path = path_join(work, "out");
	CLEANUP_BUFFER struct buffer out = {0};
	struct error err;

	shell(text);
	ck_assert_int_eq(file_read(path, 1 << 20, &out, &err), 0);
	return buffer_steal(&out);
}

static inline char *store_state(void)
{
	return shell_output("mkdir -p store; cd store; find . | sort; find . -type f -exec "
			    "sha256sum {} + | sort");
}

/* The package: content differs by version, so that several can be told apart. */
static inline void make_package(const char *name, const char *version)
{
	CLEANUP_FREE char *script =
		xasprintf("mkdir -p p/DEBIAN p/usr/share/doc/%s; echo %s > p/usr/share/doc/%s/v\n"
			  "printf 'Package: %s\\nVersion: %s\\nArchitecture: amd64\\nMaintainer: "
			  "T <t@example.org>\\nDescription: test\\n' > p/DEBIAN/control\n"
			  "dpkg-deb -b --root-owner-group p %s_%s_amd64.deb; rm -r p",
			  name, version, name, name, version, name, version);

	shell(script);
}

static inline void name_paths(const char *directory)
{
	work = xstrdup(directory);
	store = path_join(work, "store");
	mirror = path_join(work, "mirror");
	keyring = path_join(work, "mirror.key/keyring.gpg");
	high_water = path_join(work, "host/marks.json");
}

static inline void forget_paths(void)
{
	free(work);
	free(store);
	free(mirror);
	free(keyring);
	free(high_water);
}

static inline void setup_template(void)
{
	struct error err;

	template = directory_make_temporary("/tmp", "mirror-test", &err);
	ck_assert_ptr_nonnull(template);
	name_paths(template);
	make_package("hello", "1.0-1");
	shell("$TOOL -o $M *.deb");
	forget_paths();
}

static inline void teardown_template(void)
{
	struct error err;

	directory_remove(template, &err);
	free(template);
}

static inline void setup(void)
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

static inline void teardown(void)
{
	struct error err;

	directory_remove(work, &err);
	forget_paths();
}

static const char *allowed[1];

static inline int make_with(const struct mirror_options *mirrors, size_t n,
			    struct mirror_snapshot **ret, struct error *err)
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
static inline void try_with(const struct mirror_options *mirrors, size_t n,
			    struct mirror_trial *ret)
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

static inline void try_one(struct mirror_trial *ret)
{
	const char *keyrings[] = {keyring};
	struct mirror_options options = {.path = mirror, .keyrings = keyrings, .n_keyrings = 1};

	try_with(&options, 1, ret);
}

static inline int make(struct mirror_snapshot **ret, struct error *err)
{
	const char *keyrings[] = {keyring};
	struct mirror_options options = {.path = mirror, .keyrings = keyrings, .n_keyrings = 1};

	return make_with(&options, 1, ret, err);
}

static inline struct mirror_snapshot *must_make(void)
{
	struct mirror_snapshot *snapshot = NULL;
	struct error err = {0};

	ck_assert_msg(make(&snapshot, &err) == 0, "%s", err.msg);
	return snapshot;
}

#endif
