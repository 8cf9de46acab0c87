/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory with a key, and heads and records to be signed with it. */
#ifndef COLDPATCH_TESTS_HEAD_FIXTURE_H
#define COLDPATCH_TESTS_HEAD_FIXTURE_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "record/bundle.h"
#include "record/head.h"

static char directory[] = "/tmp/head_test.XXXXXX";

static inline char *in_directory(const char *name)
{
	return path_join(directory, name);
}

static inline void setup(void)
{
	struct error err = {0};

	strcpy(directory + strlen(directory) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(key_generate(directory, "a", NULL, &err), 0);
}

static inline void teardown(void)
{
	struct error err = {0};

	ck_assert_int_eq(directory_remove(directory, &err), 0);
}

static inline struct record_keys *open_keys(void)
{
	const char *paths[] = {directory};
	struct error err = {0};
	struct record_keys *keys = record_keys_open(paths, 1, &err);

	ck_assert_msg(keys != NULL, "%s", err.msg);
	return keys;
}

static inline char *key_id_of(const char *name)
{
	CLEANUP_FREE char *path = in_directory(name);
	struct error err = {0};

	return key_id(path, &err);
}

/* Signed by hand. */
static inline void write_signed(const json_t *statement, const char *key_name, const char *path)
{
	CLEANUP_FREE char *secret = in_directory(key_name);
	CLEANUP_FREE char *payload = json_to_bytes(statement);
	CLEANUP_BUFFER struct buffer bytes = {0};
	struct error err = {0};
	CLEANUP(key_free)
	struct key *key = key_open_private(secret, &err);

	ck_assert_msg(key != NULL, "%s", err.msg);
	ck_assert_int_eq(bundle_make(key, payload, strlen(payload), &bytes, &err), 0);
	ck_assert_int_eq(file_replace(path, bytes.data, bytes.len, 0644, &err), 0);
}

static inline struct record *example_record(enum record_build_type type, const char *template_name)
{
	struct record *record = xcalloc(1, sizeof *record);
	struct record_subject *subject = ARRAY_ADD(record->subjects, record->n_subjects);
	struct record_dependency *parent = ARRAY_ADD(record->dependencies, record->n_dependencies);

	record->build_type = type;
	subject->name = xstrdup("disk0.qcow2");
	digest_of("disk", 4, &subject->digest);
	parent->name = xstrdup("parent");
	digest_of("base", 4, &parent->digest);
	record->external_parameters = json_object();
	if (template_name)
		json_put_string(record->external_parameters, "template", template_name);
	record->internal_parameters = json_object();
	record->builder = record_builder("sandbox", "none");
	record->run_id = xstrdup("run-1");
	return record;
}

/* A record's file, and its digest. */
static inline char *write_record(const char *name, enum record_build_type type,
				 const char *template_name, struct digest *ret)
{
	CLEANUP(record_free)
	struct record *record = example_record(type, template_name);
	CLEANUP_JSON json_t *statement = record_to_json(record);
	char *path = in_directory(name);
	struct error err = {0};

	write_signed(statement, "a.key", path);
	ck_assert_int_eq(digest_of_file(path, ret, &err), 0);
	return path;
}

static inline struct head *example(void)
{
	struct head *head = xcalloc(1, sizeof *head);

	head->kind = HEAD_ROLLBACK;
	head->template_name = xstrdup("web");
	head->number = 3;
	head->generation = 1;
	digest_of("record", 6, &head->record);
	head->has_previous = true;
	digest_of("previous", 8, &head->previous);
	head->run = xstrdup("run-1");
	head->actor = xstrdup("anna");
	head->reason = xstrdup("slow\xff");
	head->time = 1795356384;
	head->until = 1797948384;
	head->has_undone = true;
	digest_of("plan", 4, &head->undone_plan);
	return head;
}

static inline struct head *first_head(void)
{
	struct head *head = xcalloc(1, sizeof *head);

	head->kind = HEAD_IMPORT;
	head->template_name = xstrdup("web");
	head->number = 1;
	head->run = xstrdup("run-1");
	return head;
}

#endif
