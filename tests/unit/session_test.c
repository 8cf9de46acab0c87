/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a caller of the library may get wrong. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coldpatch.h"
#include "suite.h"

#define LATIN1 "caf\xe9"

static struct coldpatch_error err;

static struct coldpatch_session *session_make(void)
{
	const struct coldpatch_settings settings = {.size = sizeof settings,
						    .store = "/nonexistent/store",
						    .scratch = "/nonexistent/scratch",
						    .libexec_dir = "/nonexistent"};
	struct coldpatch_session *session = coldpatch_session_new(&settings, NULL, &err);

	ck_assert_msg(session != NULL, "%s", err.msg);
	return session;
}

static void said(int outcome, const char *message)
{
	ck_assert_int_eq(outcome, -1);
	ck_assert_int_eq(err.code, COLDPATCH_USAGE);
	ck_assert_msg(strstr(err.msg, message), "\"%s\" lacks \"%s\"", err.msg, message);
}

START_TEST(settings_are_utf8)
{
	const struct coldpatch_settings settings = {.size = sizeof settings, .store = LATIN1};

	ck_assert_ptr_null(coldpatch_session_new(&settings, NULL, &err));
	said(-1, "setting caf\\xE9: not UTF-8, as names in records must be; use another name");
}
END_TEST

START_TEST(the_directory_we_are_in_is_utf8)
{
	const struct coldpatch_settings settings = {.size = sizeof settings, .store = "store"};
	char directory[] = "/tmp/coldpatch-\xe9.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_ptr_null(coldpatch_session_new(&settings, NULL, &err));
	ck_assert_int_eq(rmdir(directory), 0);
	said(-1, "directory /tmp/coldpatch-\\xE9.");
}
END_TEST

START_TEST(names_of_images_are_utf8)
{
	struct coldpatch_session *session = session_make();
	const char *name = LATIN1, *good = "image.qcow2";
	struct coldpatch_image image = {.size = sizeof image, .disks = &name, .n_disks = 1};
	const struct coldpatch_plan_options plan = {.size = sizeof plan, .patchset = "p"};
	struct coldpatch_apply_options apply = {.size = sizeof apply, .plan = plan};
	char *json = NULL;

	said(coldpatch_image_inspect(session, &image, &json, &err), "image caf\\xE9: not UTF-8");
	said(coldpatch_image_plan(session, &image, &plan, &json, &err), "image caf\\xE9: not");
	apply.dry_run = true;
	said(coldpatch_image_apply(session, &image, &apply, &json, &err), "image caf\\xE9: not");
	image.disks = &good;
	image.backing = &name;
	image.n_backing = 1;
	said(coldpatch_image_inspect(session, &image, &json, &err), "backing file caf\\xE9: not");
	image.n_backing = 0;
	apply.outputs = &name;
	apply.n_outputs = 1;
	said(coldpatch_image_apply(session, &image, &apply, &json, &err), "output caf\\xE9: not");
	apply.n_outputs = 0;
	apply.actor = name;
	said(coldpatch_image_apply(session, &image, &apply, &json, &err), "option caf\\xE9: not");
	ck_assert_ptr_null(json);
	coldpatch_session_free(session);
}
END_TEST

START_TEST(other_names_are_utf8)
{
	struct coldpatch_session *session = session_make();
	const char *name = LATIN1, *good = "x";
	struct coldpatch_verify_options verify = {
		.size = sizeof verify, .overlays = &good, .n_overlays = 1, .record = LATIN1};
	const struct coldpatch_mirror_options mirror = {
		.size = sizeof mirror, .mirrors = &name, .n_mirrors = 1};
	const struct coldpatch_generate_options generate = {
		.size = sizeof generate, .directory = name, .name = "k"};
	char *json = NULL;

	said(coldpatch_record_verify(session, &verify, &json, &err), "record caf\\xE9: not UTF-8");
	said(coldpatch_mirror_snapshot(session, &mirror, &json, &err), "mirror caf\\xE9: not");
	said(coldpatch_mirror_verify(session, name, &json, &err), "snapshot caf\\xE9: not");
	said(coldpatch_key_generate(session, &generate, &json, &err), "directory caf\\xE9: not");
	ck_assert_ptr_null(json);
	coldpatch_session_free(session);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("session");
	TCase *tests = tcase_create("session");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, settings_are_utf8);
	tcase_add_test(tests, the_directory_we_are_in_is_utf8);
	tcase_add_test(tests, names_of_images_are_utf8);
	tcase_add_test(tests, other_names_are_utf8);
	return suite_run(suite);
}
