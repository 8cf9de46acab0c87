/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "suite.h"

static void add_change(struct resolution *resolution, const char *name, const char *from,
		       const char *to, uint64_t installed_size)
{
	struct package_change *change = ARRAY_ADD(resolution->changes, resolution->n_changes);

	change->name = xstrdup(name);
	change->architecture = xstrdup("amd64");
	change->from = from ? xstrdup(from) : NULL;
	change->to = to ? xstrdup(to) : NULL;
	change->source = xstrdup(name);
	change->old_installed_size = 1;
	if (!to)
		return;
	change->origin = xstrdup("Debian:bookworm-security");
	change->filename = xstrdup("pool/a.deb");
	change->installed_size = installed_size;
	change->size = 10;
	change->security = true;
	digest_of(name, strlen(name), &change->sha256);
}

static void add_step(struct resolution *resolution, enum package_operation operation, size_t change)
{
	*ARRAY_ADD(resolution->steps, resolution->n_steps) =
		(struct package_step){.operation = operation, .change = change};
}

static struct guest_filesystem filesystems[2];
static struct guest guest;

static void make_guest(void)
{
	static char family[] = "deb", arch[] = "amd64", id[] = "debian", version[] = "12";
	static char root[] = "/", boot[] = "/boot";
	static char grub[] = "grub-pc", libc[] = "libc6", old[] = "old", server[] = "postgresql-15",
		    one[] = "1";
	static struct guest_package installed[] = {
		{grub, arch, one}, {libc, arch, one}, {old, arch, one}, {server, arch, one}};

	guest = (struct guest){0};
	guest.packages.installed = installed;
	guest.packages.n_installed = 4;
	guest.packages.family = family;
	guest.packages.architecture = arch;
	guest.os.id = id;
	guest.os.version_id = version;
	digest_of("state", 5, &guest.packages.state);
	for (size_t i = 0; i < 2; i++)
		filesystems[i] =
			(struct guest_filesystem){.mountpoint = i ? boot : root,
						  .readable = true,
						  .mounted = true,
						  .space = {.free_bytes = UINT64_C(8) << 30,
							    .total_bytes = UINT64_C(10) << 30,
							    .free_inodes = 100000,
							    .total_inodes = 200000}};
	guest.filesystems = filesystems;
	guest.n_filesystems = 2;
}

static struct plan *make_plan(void)
{
	struct mirror_snapshot snapshot = {0};
	static char name[] = "test";
	struct patchset patchset = {.name = name};
	struct resolution resolution = {0};
	struct package_left *left;
	struct package_file_write *file;

	make_guest();
	add_change(&resolution, "grub-pc", "1", "2", 1 << 20);
	add_change(&resolution, "libc6", "1", "2", 1 << 20);
	add_change(&resolution, "linux-image-6.1.0-9-amd64", NULL, "6.1", 400 << 20);
	add_change(&resolution, "old", "1", NULL, 0);
	add_change(&resolution, "postgresql-15", "1", "2", 1 << 20);
	add_step(&resolution, PACKAGE_REMOVE, 3);
	for (size_t i = 0; i < 5; i++)
		if (i != 3)
			add_step(&resolution, PACKAGE_UNPACK, i);
	add_step(&resolution, PACKAGE_CONFIGURE, 0);
	left = ARRAY_ADD(resolution.left, resolution.n_left);
	*left = (struct package_left){.name = xstrdup("vim"),
				      .architecture = xstrdup("amd64"),
				      .installed = xstrdup("1"),
				      .candidate = xstrdup("2"),
				      .reason = xstrdup("held"),
				      .detail = xstrdup("on hold in the guest")};
	file = ARRAY_ADD(resolution.files, resolution.n_files);
	file->path = xstrdup("/var/lib/apt/extended_states");
	file->content = xstrdup("Package: 100%\n");
	resolution.without_documents = true;
	return plan_make(&guest, &snapshot, &patchset, &resolution);
}

START_TEST(json_goes_both_ways)
{
	CLEANUP(plan_free)
	struct plan *plan = make_plan();
	CLEANUP(plan_free)
	struct plan *again = NULL;
	CLEANUP_JSON json_t *json = plan_to_json(plan);
	CLEANUP_FREE char *bytes = json_to_bytes(json), *other = NULL;
	CLEANUP_JSON json_t *back = NULL;
	struct digest a, b;
	struct error err = {0};

	again = plan_from_json(json, &err);
	ck_assert_msg(again != NULL, "%s", err.msg);
	back = plan_to_json(again);
	other = json_to_bytes(back);
	ck_assert_str_eq(bytes, other);
	ck_assert_str_eq(again->resolution.files[0].content, "Package: 100%\n");
	plan_digest(plan, &a);
	plan_digest(again, &b);
	ck_assert(digest_equal(&a, &b));
	free(again->resolution.changes[0].to);
	again->resolution.changes[0].to = xstrdup("3");
	plan_digest(again, &b);
	ck_assert(!digest_equal(&a, &b));
}
END_TEST

static void spoil(json_t *json, size_t how)
{
	json_t *step = json_array_get(json_object_get(json, "steps"), 0);
	json_t *change = json_array_get(json_object_get(json, "changes"), 0);

	switch (how) {
	case 0:
		json_put_u64(json, "version", 2);
		break;
	case 1:
		json_put_u64(step, "change", 99);
		break;
	case 2:
		json_put_string(step, "operation", "purge");
		break;
	case 3:
		json_put_u64(step, "change", 0);
		break;
	case 4:
		json_put_string(change, "from", NULL);
		json_put_string(change, "to", NULL);
		break;
	case 5:
		json_put_string(change, "sha256", "zz");
		break;
	case 6:
		json_object_del(json, "care");
		break;
	default:
		json_put_u64(json, "left", 1);
	}
}

static const char *const spoiled[] = {
	"plan: version 2 is not known; this is 1",
	"plan: a step names change 99, which is not there",
	"plan: unknown operation purge",
	"plan: step remove does not fit the change of grub-pc",
	"plan: change of grub-pc has neither from nor to",
	"plan: member sha256 is not a sha256 digest",
	"plan: member care is missing",
	"plan: member left is not an array",
};

START_TEST(refuses_what_is_no_plan)
{
	CLEANUP(plan_free)
	struct plan *plan = make_plan();
	CLEANUP_JSON json_t *json = plan_to_json(plan);
	struct error err = {0};

	spoil(json, (size_t)_i);
	ck_assert_ptr_null(plan_from_json(json, &err));
	ck_assert_int_eq(err.kind, ERROR_CONFIG);
	ck_assert_str_eq(err.msg, spoiled[_i]);
}
END_TEST

START_TEST(knows_what_needs_care)
{
	CLEANUP(plan_free)
	struct plan *plan = make_plan();
	static const char *const want[] = {"boot-loader", "libc", "kernel", "database"};

	ck_assert_uint_eq(plan->n_care, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_str_eq(plan->care[i].code, want[i]);
	ck_assert_str_eq(plan->care[2].package, "linux-image-6.1.0-9-amd64");
	ck_assert_ptr_nonnull(strstr(plan->care[2].detail, "beside the old ones"));
}
END_TEST

static const struct {
	const char *package, *from, *to, *detail;
} cares[] = {
	{"linux-image-6.1.0-9-amd64", NULL, "2",
	 "a kernel is installed beside the old ones and becomes the default"},
	{"linux-image-6.1.0-9-amd64", "1", "2",
	 "a kernel is replaced by a newer build of the same version"},
	{"linux-image-6.1.0-9-amd64", "1", NULL, "is removed"},
	{"grub-efi-amd64-bin", "1", "2",
	 "the boot loader's files are replaced; its boot code on disk is not rewritten here: run "
	 "grub-install or bootctl update on the machine"},
	{"postgresql-15", "1", "2",
	 "the server is stopped while its programs are replaced; check the release notes for steps "
	 "after the first start"},
	{"initramfs-tools", "1", "2", "the initramfs of every installed kernel is made again"},
	{"libc6", "1", "2", "every program uses it"},
};

START_TEST(says_what_needs_care)
{
	struct mirror_snapshot snapshot = {0};
	struct patchset patchset = {0};
	struct resolution resolution = {0};
	CLEANUP(plan_free)
	struct plan *plan = NULL;

	make_guest();
	add_change(&resolution, cares[_i].package, cares[_i].from, cares[_i].to, 100);
	plan = plan_make(&guest, &snapshot, &patchset, &resolution);
	ck_assert_uint_eq(plan->n_care, 1);
	ck_assert_str_eq(plan->care[0].package, cares[_i].package);
	ck_assert_str_eq(plan->care[0].detail, cares[_i].detail);
}
END_TEST

START_TEST(says_whose_history_lacks_it)
{
	static char family[] = "rpm", dnf[] = "dnf", yum[] = "yum", arch[] = "noarch", one[] = "1";
	struct guest_package installed[] = {{dnf, arch, one}, {yum, arch, one}};
	struct mirror_snapshot snapshot = {0};
	struct patchset patchset = {0};
	CLEANUP(plan_free)
	struct plan *plan = NULL;
	CLEANUP(plan_free)
	struct plan *empty = NULL;
	struct resolution resolution = {0}, nothing = {0};

	make_guest();
	guest.packages.family = family;
	guest.packages.installed = installed;
	guest.packages.n_installed = 2;
	add_change(&resolution, "yum", "1", "2", 100);
	plan = plan_make(&guest, &snapshot, &patchset, &resolution);
	ck_assert_uint_eq(plan->n_care, 1);
	ck_assert_str_eq(plan->care[0].code, "history");
	ck_assert_str_eq(plan->care[0].package, "dnf");
	ck_assert_str_eq(plan->care[0].detail,
			 "its own history does not get this update, nor why a new package is "
			 "there; the package database has all of it");
	empty = plan_make(&guest, &snapshot, &patchset, &nothing);
	ck_assert_uint_eq(empty->n_care, 0);
}
END_TEST

START_TEST(space_is_counted)
{
	CLEANUP(plan_free)
	struct plan *plan = make_plan();

	ck_assert_uint_eq(plan->n_space, 4);
	ck_assert_str_eq(plan->space[0].path, "/");
	ck_assert_str_eq(plan->space[1].path, "/boot");
	ck_assert_uint_eq(plan->space[1].bytes, UINT64_C(96) << 20);
	ck_assert_uint_eq(plan->space[2].bytes, UINT64_C(403) << 20);
	ck_assert_uint_ge(plan->space[0].bytes,
			  plan->space[1].bytes + plan->space[2].bytes + plan->space[3].bytes);
}
END_TEST

START_TEST(an_empty_plan_needs_nothing)
{
	struct mirror_snapshot snapshot = {0};
	struct patchset patchset = {0};
	struct resolution resolution = {0};
	CLEANUP(plan_free)
	struct plan *plan = NULL;
	struct error err = {0};
	struct fit fit = {0};

	make_guest();
	plan = plan_make(&guest, &snapshot, &patchset, &resolution);
	ck_assert(plan_is_empty(plan));
	ck_assert_uint_eq(plan->n_space, 0);
	ck_assert_int_eq(fit_check(plan, &guest, &fit, &err), 0);
	ck_assert_uint_eq(fit.n_space, 0);
	fit_free(&fit);
}
END_TEST

START_TEST(fits)
{
	CLEANUP(plan_free)
	struct plan *plan = make_plan();
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP_FREE char *bytes = NULL;
	static char none[] = "none", pending[] = "man-db:amd64 triggers-pending",
		    *broken[] = {pending};
	struct error err = {0};
	struct fit fit = {0};
	size_t n_changes;

	guest.boot.loader = none;
	guest.packages.broken = broken;
	guest.packages.n_broken = 1;
	ck_assert_msg(fit_check(plan, &guest, &fit, &err) == 0, "%s", err.msg);
	ck_assert_uint_eq(fit.n_space, 2);
	ck_assert_str_eq(fit.space[1].mountpoint, "/boot");
	ck_assert_str_eq(plan->space[0].path, "/");
	ck_assert_str_eq(plan->space[1].path, "/boot");
	ck_assert_uint_eq(fit.space[0].needed_bytes, plan->space[0].bytes - plan->space[1].bytes);
	ck_assert_uint_eq(fit.space[1].needed_bytes, plan->space[1].bytes);
	ck_assert_uint_eq(fit.n_warnings, 2);
	ck_assert_str_eq(fit.warnings[0],
			 "package man-db:amd64 triggers-pending: the run will finish it");
	ck_assert_str_eq(fit.warnings[1],
			 "a kernel is updated, but no boot loader is known to start it");
	json = fit_to_json(&fit);
	bytes = json_to_bytes(json);
	ck_assert_ptr_nonnull(strstr(bytes, "\"mountpoint\":\"/boot\",\"needed_bytes\":100663296"));
	ck_assert_ptr_nonnull(strstr(bytes, "no boot loader is known"));
	fit_free(&fit);
	n_changes = plan->resolution.n_changes;
	plan->resolution.n_changes = 0;
	ck_assert_msg(fit_check(plan, &guest, &fit, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(fit.warnings[0],
			 "package man-db:amd64 triggers-pending: nothing is run here that would "
			 "finish it; the guest's own package manager will");
	plan->resolution.n_changes = n_changes;
	fit_free(&fit);
}
END_TEST

static void expect_misfit(const struct plan *plan, enum error_kind kind, const char *message)
{
	struct error err = {0};
	struct fit fit = {0};

	ck_assert_int_eq(fit_check(plan, &guest, &fit, &err), -1);
	ck_assert_int_eq(err.kind, kind);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(does_not_fit)
{
	CLEANUP(plan_free)
	struct plan *plan = make_plan();
	static char code[] = "half-configured", msg[] = "package foo is unpacked";
	struct guest_blocker blocker = {.code = code, .msg = msg};

	filesystems[1].space.free_bytes = (UINT64_C(50) << 20) + 5;
	expect_misfit(plan, ERROR_IMAGE,
		      "guest file system /boot is too small: needs 96 MiB, has 50 MiB free: grow "
		      "the disk, or remove old kernels and files");
	filesystems[1].space.free_bytes = UINT64_C(1) << 30;
	filesystems[1].space.free_inodes = 1;
	expect_misfit(plan, ERROR_IMAGE,
		      "guest file system /boot is too small: needs 4 inodes, has 1 free");
	guest.packages.n_installed = 3;
	expect_misfit(plan, ERROR_BUSY,
		      "the plan takes postgresql-15 from version 1, which the guest does not have: "
		      "plan again");
	guest.os.id = code;
	expect_misfit(plan, ERROR_BUSY,
		      "the plan is for another system than the guest's: plan again");
	digest_of("other", 5, &guest.packages.state);
	expect_misfit(plan, ERROR_BUSY,
		      "the plan was made for another package state than the guest's: plan again");
	guest.blockers = &blocker;
	guest.n_blockers = 1;
	expect_misfit(plan, ERROR_IMAGE, "package foo is unpacked");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tcase = tcase_create("plan");

	tcase_add_test(tcase, json_goes_both_ways);
	tcase_add_loop_test(tcase, refuses_what_is_no_plan, 0, sizeof spoiled / sizeof *spoiled);
	tcase_add_test(tcase, knows_what_needs_care);
	tcase_add_loop_test(tcase, says_what_needs_care, 0, sizeof cares / sizeof *cares);
	tcase_add_test(tcase, says_whose_history_lacks_it);
	tcase_add_test(tcase, space_is_counted);
	tcase_add_test(tcase, an_empty_plan_needs_nothing);
	tcase_add_test(tcase, fits);
	tcase_add_test(tcase, does_not_fit);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
