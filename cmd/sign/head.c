/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/file.h"
#include "record/bundle.h"
#include "request.h"

enum { MAX_RECORD = 64 << 20 };

static int read_expected(const char *path, const char *what, const struct digest *expected,
			 size_t limit, struct buffer *ret, struct error *err)
{
	char expected_hex[DIGEST_HEX_SIZE], found_hex[DIGEST_HEX_SIZE];
	struct digest found;

	if (file_read_document(path, limit, ERROR_TRUST, ret, err) < 0)
		return error_prefix(err, "%s", what);
	digest_of(ret->data, ret->len, &found);
	if (digest_equal(&found, expected))
		return 0;
	digest_to_hex(expected, expected_hex);
	digest_to_hex(&found, found_hex);
	return error_set(err, ERROR_TRUST, "%s %s: its sha256 is %s, the head says %s: not signed",
			 what, path, found_hex, expected_hex);
}

static struct record *peek_record(const struct buffer *file, const char *path, struct error *err)
{
	CLEANUP_BUFFER struct buffer payload = {0};
	CLEANUP_JSON json_t *statement = NULL;

	if (bundle_peek(file, path, &payload, err) < 0)
		return NULL;
	statement =
		json_parse(payload.data ? payload.data : "", payload.len, path, ERROR_TRUST, err);
	return statement ? record_from_json(statement, err) : NULL;
}

/* A rollback goes to either kind; what a hold or a release names, the head before it named. */
static int check_kind(const struct head *head, const struct record *record, const char *path,
		      struct error *err)
{
	bool import = record->build_type == RECORD_IMPORT;

	if (record->build_type == RECORD_EXPORT || (head->kind == HEAD_IMPORT && !import) ||
	    (head->kind == HEAD_COMMIT && import))
		return error_set(err, ERROR_TRUST,
				 "record %s: is of %s, the head of kind %s: not signed", path,
				 record_build_type_uri(record->build_type),
				 head_kind_name(head->kind));
	return 0;
}

/* Records that were made outside of a library name an image, and no template. */
static int check_template(const struct head *head, const struct record *record, const char *path,
			  struct error *err)
{
	const json_t *member = json_object_get(record->external_parameters, "template");
	CLEANUP_FREE char *name = member ? json_bytes_value(member) : NULL;

	if (name && strcmp(name, head->template_name) == 0)
		return 0;
	return error_set(err, ERROR_TRUST,
			 "record %s: is of template %s, the head of %s: not signed", path,
			 name ? name : "(none)", head->template_name);
}

static int check_record(const struct request *request, struct error *err)
{
	const struct head *head = request->head;
	const char *path = request->record_path;
	CLEANUP_BUFFER struct buffer file = {0};
	CLEANUP(record_free)
	struct record *record = NULL;

	if (read_expected(path, "record", &head->record, MAX_RECORD, &file, err) < 0)
		return -1;
	record = peek_record(&file, path, err);
	if (!record)
		return error_prefix(err, "record");
	if (check_kind(head, record, path, err) < 0)
		return -1;
	return check_template(head, record, path, err);
}

static int check_previous(const struct request *request, struct error *err)
{
	const char *path = request->previous_path;
	CLEANUP_BUFFER struct buffer file = {0};
	CLEANUP(head_free)
	struct head *previous = NULL;

	if (read_expected(path, "previous head", &request->head->previous, HEAD_MAX_SIZE, &file,
			  err) < 0)
		return -1;
	previous = head_peek(&file, path, err);
	if (!previous)
		return error_prefix(err, "previous head");
	return head_check_follows(request->head, previous, &request->head->previous, err);
}

int request_check_head(const struct request *request, struct error *err)
{
	if (check_record(request, err) < 0)
		return -1;
	return request->head->has_previous ? check_previous(request, err) : 0;
}
