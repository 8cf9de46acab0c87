/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store of mirror snapshots: what is found in it, what has changed, and what was left there. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mirror_fixture.h"
#include "suite.h"

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

/* A manifest that somebody wrote, under the name that its digest gives it. */
static const struct {
	const char *change, *words;
} manifests[] = {
	{".version = 9", "manifest.json: version 9 is not known here"},
	{".packages = [\"x\"]", "manifest.json: packages: not a digest"},
	{".sources[0].files[0].path = \"../../x\"", "manifest.json: a path leads out of it"},
	{".sources[0].files[0].size = -1", "manifest.json: member size is negative"},
	{"del(.sources)", "manifest.json: member sources is missing"},
};

START_TEST(a_manifest_of_another_is_refused)
{
	CLEANUP_FREE char *script = xasprintf(
		"cd store/mirror-snapshots; d=$(echo *); jq '%s' $d/manifest.json > new\n"
		"mv -f new $d/manifest.json; mv $d $(sha256sum < $d/manifest.json | cut -c-64)",
		manifests[_i].change);
	CLEANUP_FREE char *hex = NULL;
	struct error err = {0};

	mirror_snapshot_free(must_make());
	shell(script);
	hex = shell_output("ls store/mirror-snapshots | tr -d '\\n'");
	ck_assert_ptr_null(mirror_snapshot_open(store, hex, &err));
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_msg(strstr(err.msg, manifests[_i].words), "%s", err.msg);
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

int main(void)
{
	Suite *suite = suite_create("mirror store");
	TCase *tcase = tcase_create("store");

	tcase_add_unchecked_fixture(tcase, setup_template, teardown_template);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, snapshot_is_opened_by_a_prefix);
	tcase_add_test(tcase, snapshots_are_listed_newest_first);
	tcase_add_test(tcase, damage_in_the_store_is_noticed);
	tcase_add_loop_test(tcase, a_manifest_of_another_is_refused, 0, COUNT(manifests));
	tcase_add_test(tcase, interruption_leaves_nothing);
	tcase_add_test(tcase, what_dead_owners_left_is_removed);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
