/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a good mirror becomes, in all forms that vendors give it, and what a dry run says of it. */
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror/beneath.h"
#include "mirror_fixture.h"
#include "suite.h"

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
		{.path = "/proc/self/none", .keyrings = keyrings, .n_keyrings = 1},
		{.path = mirror, .keyrings = keyrings, .n_keyrings = 1},
		{.path = second, .keyrings = keyrings, .n_keyrings = 1},
	};
	CLEANUP_JSON json_t *json = NULL;

	shell("cp -a $M second; rm second/dists/*/main/binary-amd64/Packages.xz; cp *.deb "
	      "$M/pool/main/h/hello/; for f in $M/pool/main/h/hello/*.deb; do printf x | dd of=$f "
	      "bs=1 seek=200 conv=notrunc 2>/dev/null; done");
	try_with(options, 3, &trial);
	ck_assert_uint_eq(trial.n_refused, 3);
	ck_assert_str_eq(trial.refused[0].msg, "mirror /proc/self/none: No such file or directory");
	ck_assert_ptr_nonnull(strstr(trial.refused[1].msg, "second: the mirror is incomplete"));
	ck_assert_ptr_nonnull(strstr(trial.refused[2].msg, ".deb: its SHA-256 is not what"));
	ck_assert_uint_eq(trial.snapshot->n_sources, 1);
	json = mirror_trial_to_json(&trial);
	ck_assert(json_is_null(json_object_get(json, "digest")));
	ck_assert_int_eq(json_integer_value(json_object_get(json, "code")), ERROR_MISSING);
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

/* The mirror's owner may take a file away while it is looked at. */
START_TEST(files_are_opened_beneath_it)
{
	static const struct {
		const char *path;
		enum error_kind kind;
		const char *words;
	} paths[] = {
		{"pool/none", ERROR_MISSING, "pool/none: not in the mirror"},
		{"pool/file/below", ERROR_MISSING, "pool/file/below: not in the mirror"},
		{"pool/out", ERROR_TRUST,
		 "pool/out: a symbolic link leads out of the mirror; give the directory it points "
		 "to as the mirror, or copy it"},
		{"pool/loop", ERROR_TRUST, "pool/loop: a loop of symbolic links"},
	};
	CLEANUP_CLOSE int root = open(mirror, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	shell("cd $M/pool; touch file; ln -s /etc out; ln -s loop loop");
	for (int i = 0; i < COUNT(paths); i++) {
		struct error err = {0};

		ck_assert_int_eq(beneath_open(root, paths[i].path, 0, &err), -1);
		ck_assert_int_eq(err.kind, paths[i].kind);
		ck_assert_str_eq(err.msg, paths[i].words);
	}
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
	options.path = "/proc/self/none";
	ck_assert_int_eq(make_with(&options, 1, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_MISSING);
	ck_assert_str_eq(err.msg, "mirror /proc/self/none: No such file or directory");
	ck_assert_int_eq(make_with(&options, 0, &snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_str_eq(err.msg, "no mirror is given");
	shell("mkdir -p host; echo '{' > host/marks.json");
	ck_assert_int_eq(make(&snapshot, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mirror");
	TCase *tcase = tcase_create("mirror");

	tcase_add_unchecked_fixture(tcase, setup_template, teardown_template);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, good_mirror_is_pinned);
	tcase_add_test(tcase, equal_states_have_one_name);
	tcase_add_loop_test(tcase, vendors_layouts_are_read, 0, COUNT(layouts));
	tcase_add_test(tcase, dry_run_tells_what_would_be_made);
	tcase_add_test(tcase, dry_run_tells_all_that_is_refused);
	tcase_add_test(tcase, several_mirrors_make_one_snapshot);
	tcase_add_test(tcase, suites_may_be_named);
	tcase_add_test(tcase, files_are_opened_beneath_it);
	tcase_add_test(tcase, what_is_not_configured_is_said);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
