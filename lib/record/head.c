/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/head.h"

#include <string.h>

#include "base/file.h"
#include "record/bundle.h"
#include "record/statement.h"

#define SUBJECT "record.sigstore.json"

static const char *const kinds[] = {
	[HEAD_IMPORT] = "import", [HEAD_COMMIT] = "commit",   [HEAD_ROLLBACK] = "rollback",
	[HEAD_HOLD] = "hold",	  [HEAD_RELEASE] = "release",
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

const char *head_kind_name(enum head_kind kind)
{
	return kinds[kind];
}

void head_free(struct head *head)
{
	if (!head)
		return;
	free(head->template_name);
	free(head->run);
	free(head->actor);
	free(head->reason);
	free(head->key_id);
	free(head);
}

static json_t *sha256(const struct digest *digest)
{
	json_t *digests = json_object();

	json_put_digest(digests, "sha256", digest);
	return digests;
}

static json_t *predicate_to_json(const struct head *head)
{
	json_t *predicate = json_object();

	json_put_string(predicate, "kind", head_kind_name(head->kind));
	json_put_string(predicate, "template", head->template_name);
	json_put_u64(predicate, "number", head->number);
	json_put_u64(predicate, "generation", head->generation);
	json_put_string(predicate, "run", head->run);
	json_put_u64(predicate, "callerUid", head->caller_uid);
	statement_put_time(predicate, "time", head->time);
	if (head->has_previous)
		json_put(predicate, "previous", sha256(&head->previous));
	if (head->has_undone)
		json_put(predicate, "undonePlan", sha256(&head->undone_plan));
	if (head->until)
		statement_put_time(predicate, "until", head->until);
	if (head->actor)
		json_put_bytes(predicate, "actor", head->actor);
	if (head->reason)
		json_put_bytes(predicate, "reason", head->reason);
	return predicate;
}

json_t *head_to_json(const struct head *head)
{
	json_t *statement = json_object(), *subjects = json_array();

	json_array_append_new(subjects, statement_resource(SUBJECT, &head->record));
	json_put_string(statement, "_type", RECORD_STATEMENT_TYPE);
	json_put_string(statement, "predicateType", HEAD_PREDICATE_TYPE);
	json_put(statement, "subject", subjects);
	json_put(statement, "predicate", predicate_to_json(head));
	return statement;
}

static int read_subject(struct json_reader *statement, struct head *head, struct error *err)
{
	const json_t *subjects = json_get_array(statement, "subject");
	CLEANUP_FREE char *name = NULL;
	struct json_reader reader;

	if (json_reader_result(statement) < 0)
		return -1;
	if (json_array_size(subjects) != 1)
		return error_set(err, ERROR_TRUST, "head: has %zu subjects instead of one",
				 json_array_size(subjects));
	reader = statement_get_resource(json_array_get(subjects, 0), "head", &name, &head->record,
					err);
	return json_reader_result(&reader);
}

static void get_kind(struct json_reader *reader, enum head_kind *ret)
{
	CLEANUP_FREE char *name = NULL;

	json_get_string(reader, "kind", &name);
	for (size_t i = 0; !reader->failed && i < N_KINDS; i++)
		if (strcmp(name, kinds[i]) == 0) {
			*ret = (enum head_kind)i;
			return;
		}
	if (reader->failed)
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: kind '%s' is none of a head", reader->what, name);
}

/* Members that may be absent. */
static void get_digest(struct json_reader *reader, const char *name, bool *ret_has,
		       struct digest *ret)
{
	struct json_reader digests;

	*ret_has = json_object_get(reader->object, name) != NULL;
	if (!*ret_has)
		return;
	digests = statement_below(reader, name, name);
	json_get_digest(&digests, "sha256", ret);
	reader->failed = digests.failed;
}

static void get_words(struct json_reader *reader, const char *name, char **ret)
{
	if (json_object_get(reader->object, name))
		json_get_bytes(reader, name, ret);
}

static int read_predicate(struct json_reader *reader, struct head *head)
{
	get_kind(reader, &head->kind);
	json_get_string(reader, "template", &head->template_name);
	json_get_u64(reader, "number", &head->number);
	json_get_u64(reader, "generation", &head->generation);
	json_get_string(reader, "run", &head->run);
	json_get_u64(reader, "callerUid", &head->caller_uid);
	statement_get_time(reader, "time", &head->time);
	get_digest(reader, "previous", &head->has_previous, &head->previous);
	get_digest(reader, "undonePlan", &head->has_undone, &head->undone_plan);
	if (json_object_get(reader->object, "until"))
		statement_get_time(reader, "until", &head->until);
	get_words(reader, "actor", &head->actor);
	get_words(reader, "reason", &head->reason);
	return json_reader_result(reader);
}

/* What the members say together. */
static int check(const struct head *head, struct error *err)
{
	bool first = head->number == 1;

	if (head->number == 0)
		return error_set(err, ERROR_TRUST, "head: its number is 0");
	if (first && head->kind != HEAD_IMPORT)
		return error_set(err, ERROR_TRUST, "head 1: is a %s, not an import",
				 head_kind_name(head->kind));
	if (first == head->has_previous)
		return error_set(err, ERROR_TRUST, "head %llu: names %s head before it",
				 (unsigned long long)head->number, first ? "a" : "no");
	if (head->has_undone && head->kind != HEAD_ROLLBACK)
		return error_set(err, ERROR_TRUST, "head %llu: a %s that undoes a plan",
				 (unsigned long long)head->number, head_kind_name(head->kind));
	if (head->until && head->kind != HEAD_ROLLBACK && head->kind != HEAD_HOLD)
		return error_set(err, ERROR_TRUST, "head %llu: a %s that ends",
				 (unsigned long long)head->number, head_kind_name(head->kind));
	return 0;
}

struct head *head_from_json(const json_t *json, struct error *err)
{
	CLEANUP(head_free)
	struct head *head = xcalloc(1, sizeof *head);
	struct json_reader reader = {json, "head", ERROR_TRUST, err, false};
	struct json_reader predicate;

	statement_get_constant(&reader, "_type", RECORD_STATEMENT_TYPE);
	statement_get_constant(&reader, "predicateType", HEAD_PREDICATE_TYPE);
	if (read_subject(&reader, head, err) < 0)
		return NULL;
	predicate = statement_below(&reader, "predicate", "head");
	if (read_predicate(&predicate, head) < 0 || check(head, err) < 0)
		return NULL;
	return steal(head);
}

static int follows_in_words(const struct head *head, const struct head *previous,
			    const struct digest *previous_digest, struct error *err)
{
	if (strcmp(head->template_name, previous->template_name) != 0)
		return error_set(err, ERROR_TRUST, "the head before it is of template %s, not %s",
				 previous->template_name, head->template_name);
	if (head->number - 1 != previous->number)
		return error_set(err, ERROR_TRUST, "the head before it is number %llu",
				 (unsigned long long)previous->number);
	if (!head->has_previous || !digest_equal(&head->previous, previous_digest))
		return error_set(err, ERROR_TRUST, "it was made to follow another head %llu",
				 (unsigned long long)previous->number);
	if (head->kind != HEAD_HOLD && head->kind != HEAD_RELEASE)
		return 0;
	if (head->generation != previous->generation ||
	    !digest_equal(&head->record, &previous->record))
		return error_set(err, ERROR_TRUST,
				 "a %s that names another generation than head %llu",
				 head_kind_name(head->kind), (unsigned long long)previous->number);
	return 0;
}

int head_check_follows(const struct head *head, const struct head *previous,
		       const struct digest *previous_digest, struct error *err)
{
	if (follows_in_words(head, previous, previous_digest, err) == 0)
		return 0;
	return error_prefix(err, "head %llu", (unsigned long long)head->number);
}

static struct head *parse(const struct buffer *payload, const char *what, struct error *err)
{
	CLEANUP_JSON json_t *json = json_parse(payload->data ? payload->data : "", payload->len,
					       what, ERROR_TRUST, err);
	struct head *head = json ? head_from_json(json, err) : NULL;

	if (json && !head)
		error_prefix(err, "%s", what);
	return head;
}

struct head *head_peek(const struct buffer *file, const char *what, struct error *err)
{
	CLEANUP_BUFFER struct buffer payload = {0};

	return bundle_peek(file, what, &payload, err) < 0 ? NULL : parse(&payload, what, err);
}

struct head *head_open(const struct buffer *file, const char *what, const struct record_keys *keys,
		       struct error *err)
{
	CLEANUP_BUFFER struct buffer payload = {0};
	const char *key_id;
	struct head *head;

	if (bundle_open(file, what, keys, &payload, &key_id, err) < 0)
		return NULL;
	head = parse(&payload, what, err);
	if (head)
		head->key_id = xstrdup(key_id);
	return head;
}

static bool is_the_good_one(const struct head *head, const struct digest *digest,
			    const struct record_keys *keys)
{
	struct digest good;
	uint64_t number;

	return record_keys_good_head(keys, head->key_id, head->template_name, &number, &good) &&
	       digest_equal(digest, &good);
}

struct head *head_read(const char *path, const struct record_keys *keys, struct digest *ret_digest,
		       struct error *err)
{
	CLEANUP_BUFFER struct buffer file = {0};
	CLEANUP(head_free)
	struct head *head = NULL;
	struct digest digest;

	if (file_read_document(path, HEAD_MAX_SIZE, ERROR_TRUST, &file, err) < 0)
		return NULL;
	head = head_open(&file, path, keys, err);
	if (!head)
		return NULL;
	digest_of(file.data, file.len, &digest);
	if (!is_the_good_one(head, &digest, keys) &&
	    record_keys_check_time(keys, head->key_id, head->time, path, err) < 0)
		return NULL;
	if (ret_digest)
		*ret_digest = digest;
	return steal(head);
}
