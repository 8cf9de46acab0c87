/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a caller of the library may get wrong. */
#include <check.h>
#include <stdio.h>
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

/* A library that is not there: what is wrong with a call is said before it is looked for. */
static struct coldpatch_session *session_of_library(void)
{
	const struct coldpatch_settings settings = {.size = sizeof settings,
						    .library = "/nonexistent/library"};
	struct coldpatch_session *session = coldpatch_session_new(&settings, NULL, &err);

	ck_assert_msg(session != NULL, "%s", err.msg);
	return session;
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
	said(coldpatch_key_generate(session, &generate, &json, &err),
	     "key or directory caf\\xE9: not");
	ck_assert_ptr_null(json);
	coldpatch_session_free(session);
}
END_TEST

START_TEST(an_image_is_named)
{
	struct coldpatch_session *session = session_make();
	const struct coldpatch_image none = {.size = sizeof none};
	const struct coldpatch_plan_options plan = {.size = sizeof plan, .patchset = "p"};
	const struct coldpatch_want_options want = {.size = sizeof want};
	const struct coldpatch_import_options import = {.size = sizeof import};
	char *json = NULL;

	said(coldpatch_image_inspect(session, &none, &json, &err), "no image was given");
	said(coldpatch_image_plan(session, &none, &plan, &json, &err), "no image was given");
	said(coldpatch_mirror_want(session, &want, &json, &err), "no image was given");
	said(coldpatch_library_import(session, &import, &json, &err), "no image was given");
	ck_assert_ptr_null(json);
	coldpatch_session_free(session);
}
END_TEST

START_TEST(a_plan_is_said)
{
	struct coldpatch_session *session = session_make();
	const char *disk = "image.qcow2";
	const struct coldpatch_image image = {.size = sizeof image, .disks = &disk, .n_disks = 1};
	struct coldpatch_plan_options plan = {.size = sizeof plan};
	const struct coldpatch_apply_options apply = {.size = sizeof apply, .dry_run = true};
	char *json = NULL;

	said(coldpatch_image_plan(session, &image, &plan, &json, &err), "no patchset was given");
	said(coldpatch_image_apply(session, &image, &apply, &json, &err), "no patchset was given");
	plan.patchset = LATIN1;
	said(coldpatch_image_plan(session, &image, &plan, &json, &err),
	     "patchset or mirror snapshot caf\\xE9: not UTF-8");
	ck_assert_ptr_null(json);
	coldpatch_session_free(session);
}
END_TEST

START_TEST(outputs_are_named_once)
{
	char directory[] = "/tmp/coldpatch-session.XXXXXX", key[64], public[64];
	const char *disks[] = {"a.raw", "b.raw"}, *outputs[] = {"o", "o"};
	struct coldpatch_session *session = session_make();
	const struct coldpatch_image image = {.size = sizeof image, .disks = disks, .n_disks = 2};
	const struct coldpatch_generate_options generate = {
		.size = sizeof generate, .directory = directory, .name = "k"};
	struct coldpatch_apply_options apply = {.size = sizeof apply,
						.plan_file = "plan",
						.outputs = outputs,
						.n_outputs = 2,
						.key = key};
	char *json = NULL;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(key, sizeof key, "%s/k.key", directory);
	snprintf(public, sizeof public, "%s/k.pub", directory);
	ck_assert_msg(coldpatch_key_generate(session, &generate, &json, &err) == 0, "%s", err.msg);
	free(json);
	json = NULL;
	said(coldpatch_image_apply(session, &image, &apply, &json, &err), "no record was named");
	apply.record = "o";
	said(coldpatch_image_apply(session, &image, &apply, &json, &err),
	     "o: named as output and as record");
	apply.record = "r";
	said(coldpatch_image_apply(session, &image, &apply, &json, &err),
	     "o: named twice as output");
	apply.n_outputs = 1;
	said(coldpatch_image_apply(session, &image, &apply, &json, &err), "2 disks, but 1 outputs");
	ck_assert_ptr_null(json);
	ck_assert(unlink(key) == 0 && unlink(public) == 0 && rmdir(directory) == 0);
	coldpatch_session_free(session);
}
END_TEST

START_TEST(templates_are_named_and_reasons_are_given)
{
	struct coldpatch_session *session = session_of_library();
	const char *name = "web";
	struct coldpatch_head_options options = {.size = sizeof options};
	const struct coldpatch_export_options export = {.size = sizeof export, .reference = name};
	char *json = NULL;

	said(coldpatch_template_unhold(session, &options, &json, &err), "no template was named");
	options.names = &name;
	options.n_names = 1;
	said(coldpatch_template_hold(session, &options, &json, &err),
	     "a hold needs its reason, for those who meet it");
	options.reason = "";
	said(coldpatch_template_hold(session, &options, &json, &err),
	     "a hold needs its reason, for those who meet it");
	options.reason = NULL;
	options.run = "r";
	said(coldpatch_template_hold(session, &options, &json, &err),
	     "a run or a generation is for rollback");
	said(coldpatch_template_export(session, &export, &json, &err), "no output was named");
	ck_assert_ptr_null(json);
	coldpatch_session_free(session);
}
END_TEST

START_TEST(mirrors_and_sources_are_named)
{
	struct coldpatch_session *session = session_make();
	const char *want = "want", *name = LATIN1;
	const struct coldpatch_mirror_options none = {.size = sizeof none};
	const struct coldpatch_key_options key = {.size = sizeof key, .name = name};
	struct coldpatch_fetch_options fetch = {.size = sizeof fetch};
	char *json = NULL;

	said(coldpatch_mirror_snapshot(session, &none, &json, &err),
	     "no mirror: name a directory, or list mirrors in the configuration");
	said(coldpatch_mirror_fetch(session, &fetch, &json, &err),
	     "no directory to fetch into was given");
	fetch.directory = "m";
	said(coldpatch_mirror_fetch(session, &fetch, &json, &err), "no want file was given");
	fetch.wants = &want;
	fetch.n_wants = 1;
	said(coldpatch_mirror_fetch(session, &fetch, &json, &err),
	     "no source was given: name the URL of an archive, or a directory");
	said(coldpatch_key_retire(session, &key, &json, &err), "key or file caf\\xE9: not UTF-8");
	ck_assert_ptr_null(json);
	coldpatch_session_free(session);
}
END_TEST

START_TEST(the_worker_is_where_it_is_said_to_be)
{
	char directory[] = "/tmp/coldpatch-session.XXXXXX";
	const struct coldpatch_settings settings = {.size = sizeof settings,
						    .store = directory,
						    .scratch = directory,
						    .libexec_dir = "/nonexistent"};
	const char *disk = "/etc/passwd";
	const struct coldpatch_image image = {.size = sizeof image, .disks = &disk, .n_disks = 1};
	struct coldpatch_session *session;
	char *json = NULL;

	ck_assert_ptr_nonnull(mkdtemp(directory));
	session = coldpatch_session_new(&settings, NULL, &err);
	ck_assert_msg(session != NULL, "%s", err.msg);
	ck_assert_int_eq(coldpatch_image_inspect(session, &image, &json, &err), -1);
	ck_assert_int_eq(err.code, COLDPATCH_HOST);
	ck_assert_str_eq(err.msg, "/etc/passwd: coldpatch-worker cannot be run: is coldpatch "
				  "installed whole, or COLDPATCH_LIBEXEC wrong?");
	coldpatch_session_free(session);
	ck_assert_int_eq(rmdir(directory), 0);
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
	tcase_add_test(tests, an_image_is_named);
	tcase_add_test(tests, a_plan_is_said);
	tcase_add_test(tests, outputs_are_named_once);
	tcase_add_test(tests, templates_are_named_and_reasons_are_given);
	tcase_add_test(tests, mirrors_and_sources_are_named);
	tcase_add_test(tests, the_worker_is_where_it_is_said_to_be);
	return suite_run(suite);
}
