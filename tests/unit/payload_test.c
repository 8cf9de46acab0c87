/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "package/payload.h"
#include "suite.h"

static int bring_two(const char *path,
		     int (*each)(void *opaque, const char *name, const struct digest *sha256,
				 bool config, struct error *err),
		     void *opaque, struct error *err)
{
	struct digest one, two;

	digest_of("1", 1, &one);
	digest_of("2", 1, &two);
	if (strcmp(path, "broken") == 0)
		return error_set(err, ERROR_MIRROR, "broken");
	if (each(opaque, "/usr/bin/\xff%", &one, false, err) < 0)
		return -1;
	return each(opaque, "/etc/conf", &two, true, err);
}

static const struct package_manager manager = {.payload = bring_two};

static void package_digest(struct digest *ret)
{
	digest_of("package", 7, ret);
}

START_TEST(goes_through_json)
{
	struct package_payloads payloads = {0}, again = {0};
	const struct package_payload *payload;
	struct digest package, other;
	struct error err = {0};
	json_t *json;

	package_digest(&package);
	digest_of("other", 5, &other);
	ck_assert_int_eq(package_payloads_add(&payloads, &manager, "right", &package, &err), 0);
	json = package_payloads_to_json(&payloads);
	ck_assert_int_eq(package_payloads_from_json(json, &again, &err), 0);
	ck_assert_ptr_null(package_payloads_find(&again, &other));
	payload = package_payloads_find(&again, &package);
	ck_assert_ptr_nonnull(payload);
	ck_assert_uint_eq(payload->n_files, 2);
	ck_assert_str_eq(payload->files[0].path, "/usr/bin/\xff%");
	ck_assert(!payload->files[0].config);
	digest_of("2", 1, &other);
	ck_assert(payload->files[1].config);
	ck_assert(digest_equal(&payload->files[1].sha256, &other));
	json_decref(json);
	package_payloads_free(&payloads);
	package_payloads_free(&again);
}
END_TEST

START_TEST(broken_package_adds_nothing)
{
	struct package_payloads payloads = {0};
	struct digest package;
	struct error err = {0};

	package_digest(&package);
	ck_assert_int_eq(package_payloads_add(&payloads, &manager, "broken", &package, &err), -1);
	ck_assert_str_eq(err.msg, "broken");
	ck_assert_uint_eq(payloads.n_items, 0);
}
END_TEST

static const struct {
	const char *text, *message;
} wrong[] = {
	{"[]", "payload: it is no object"},
	{"{\"x\": []}", "payload: x is no list of files"},
	{"{\"PACKAGE\": {}}", "is no list of files"},
	{"{\"PACKAGE\": [[\"/a\", \"x\", true]]}", "payload: member sha256"},
	{"{\"PACKAGE\": [[\"/a\"]]}", "payload: member sha256"},
	{"{\"PACKAGE\": [[\"/a\", \"PACKAGE\", 1]]}", "payload: member config"},
	{"{\"PACKAGE\": [[1, \"PACKAGE\", true]]}", "payload: member path"},
};

/* PACKAGE stands for a digest. */
static char *with_digests(const char *text)
{
	struct digest package;
	char hex[DIGEST_HEX_SIZE];
	struct buffer out = {0};

	package_digest(&package);
	digest_to_hex(&package, hex);
	for (const char *at = text; *at;) {
		bool is_name = strncmp(at, "PACKAGE", 7) == 0;

		if (is_name)
			buffer_puts(&out, hex);
		else
			buffer_putc(&out, *at);
		at += is_name ? 7 : 1;
	}
	return buffer_steal(&out);
}

START_TEST(wrong_form_is_named)
{
	struct package_payloads payloads = {0};
	struct error err = {0};
	CLEANUP_FREE char *text = with_digests(wrong[_i].text);
	json_t *json = json_loads(text, 0, NULL);

	ck_assert_ptr_nonnull(json);
	ck_assert_int_eq(package_payloads_from_json(json, &payloads, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_BUG);
	ck_assert_msg(strstr(err.msg, wrong[_i].message) != NULL, "%s", err.msg);
	ck_assert_uint_eq(payloads.n_items, 0);
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("payload");
	TCase *tests = tcase_create("payload");

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, goes_through_json);
	tcase_add_test(tests, broken_package_adds_nothing);
	tcase_add_loop_test(tests, wrong_form_is_named, 0, sizeof wrong / sizeof *wrong);
	return suite_run(suite);
}
