/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "ahead.h"
#include "base/checksum.h"
#include "base/file.h"

static int read_paths(const json_t *list, char ***ret, size_t *ret_n, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		CLEANUP_JSON json_t *holder = json_object();
		struct json_reader reader = {holder, "request", ERROR_USAGE, err, false};
		char *path = NULL;

		json_object_set(holder, "path", json_array_get(list, i));
		json_get_bytes(&reader, "path", &path);
		if (json_reader_result(&reader) < 0)
			return -1;
		*ARRAY_ADD(*ret, *ret_n) = path;
	}
	return 0;
}

static size_t count_overlays(const struct record *record)
{
	size_t n = 0;

	while (record_overlay(record, n))
		n++;
	return n;
}

static size_t count_parents(const struct record *record)
{
	size_t n = 0;

	while (record_dependency_named(record, "parent", n))
		n++;
	return n;
}

/* Exported files stand alone, and come from one generation. */
static int check_export(const struct request *request, struct error *err)
{
	const struct record *record = request->record;

	if (count_parents(record) == 0 && request->n_parents == 1 &&
	    count_overlays(record) == request->n_overlays &&
	    record_dependency_named(record, "generation-record", 0))
		return 0;
	return error_set(
		err, ERROR_TRUST,
		"the statement names %zu exported files, the request has %zu and %zu records: "
		"an export has no parent, and the record of one generation",
		count_overlays(record), request->n_overlays, request->n_parents);
}

static int check_counts(const struct request *request, struct error *err)
{
	size_t overlays = count_overlays(request->record), parents = count_parents(request->record);

	if (overlays == request->n_overlays && parents == request->n_parents && overlays == parents)
		return 0;
	return error_set(
		err, ERROR_TRUST,
		"the statement names %zu overlays and %zu parents, the request has %zu and "
		"%zu: each overlay needs its parent",
		overlays, parents, request->n_overlays, request->n_parents);
}

static int parse_record(const json_t *json, struct request *request, struct error *err)
{
	struct json_reader reader = {json, "request", ERROR_USAGE, err, false};
	const json_t *statement = json_get_object(&reader, "statement");
	const json_t *overlays = json_get_array(&reader, "overlays");
	const json_t *parents = json_get_array(&reader, "parents");

	json_get_bytes(&reader, "key", &request->key_path);
	if (json_reader_result(&reader) < 0)
		return -1;
	request->record = record_from_json(statement, err);
	if (!request->record)
		return -1;
	if (read_paths(overlays, &request->overlays, &request->n_overlays, err) < 0 ||
	    read_paths(parents, &request->parents, &request->n_parents, err) < 0)
		return -1;
	return request->record->build_type == RECORD_EXPORT ? check_export(request, err)
							    : check_counts(request, err);
}

static int parse_head(const json_t *json, struct request *request, struct error *err)
{
	struct json_reader reader = {json, "request", ERROR_USAGE, err, false};
	const json_t *statement = json_get_object(&reader, "statement");

	json_get_bytes(&reader, "key", &request->key_path);
	json_get_bytes(&reader, "record", &request->record_path);
	if (json_object_get(json, "previous"))
		json_get_bytes(&reader, "previous", &request->previous_path);
	if (json_reader_result(&reader) < 0)
		return -1;
	request->head = head_from_json(statement, err);
	if (!request->head)
		return -1;
	if (request->head->has_previous == (request->previous_path != NULL))
		return 0;
	return error_set(err, ERROR_TRUST, "the head names %s head before it, the request %s",
			 request->head->has_previous ? "a" : "no",
			 request->previous_path ? "one" : "none");
}

static int parse_into(const json_t *json, struct request *request, struct error *err)
{
	struct json_reader reader = {json, "request", ERROR_USAGE, err, false};
	CLEANUP_FREE char *type = NULL;

	json_get_string(&reader, "type", &type);
	if (json_reader_result(&reader) < 0)
		return -1;
	if (strcmp(type, "record") == 0)
		return parse_record(json, request, err);
	if (strcmp(type, "head") == 0)
		return parse_head(json, request, err);
	return error_set(err, ERROR_USAGE, "request: type '%s' is neither record nor head", type);
}

int request_parse(const struct buffer *text, struct request *ret, struct error *err)
{
	CLEANUP_JSON json_t *json =
		json_parse(text->data ? text->data : "", text->len, "request", ERROR_USAGE, err);
	struct request request = {0};

	if (!json)
		return -1;
	if (parse_into(json, &request, err) < 0) {
		request_free(&request);
		return -1;
	}
	*ret = request;
	return 0;
}

static int check_file(const char *path, const char *what, const struct digest *expected,
		      struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char expected_hex[DIGEST_HEX_SIZE], found_hex[DIGEST_HEX_SIZE];
	struct digest found;
	struct stat st;

	if (fd < 0)
		return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s %s",
				what, path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return error_set(err, ERROR_TRUST, "%s %s: not a regular file", what, path);
	if (ahead_digest(fd, &st, &found, err) < 0)
		return error_prefix(err, "%s %s", what, path);
	if (digest_equal(&found, expected))
		return 0;
	digest_to_hex(expected, expected_hex);
	digest_to_hex(&found, found_hex);
	return error_set(err, ERROR_TRUST,
			 "%s %s: its sha256 is %s, the statement says %s: not signed", what, path,
			 found_hex, expected_hex);
}

static int check_sha512(const char *path, const char *expected, struct error *err)
{
	CLEANUP_CLOSE int fd = file_open(path, "an exported file", ERROR_TRUST, err);
	struct checksum found;

	if (fd < 0 || checksum_of_fd(fd, CHECKSUM_SHA512, NULL, &found, err) < 0)
		return -1;
	if (strcmp(found.hex, expected) == 0)
		return 0;
	return error_set(err, ERROR_TRUST,
			 "exported file %s: its sha512 is %s, the statement says %s: not signed",
			 path, found.hex, expected);
}

static int check_exported(const struct record_subject *subject, const char *path, struct error *err)
{
	if (check_file(path, "exported file", &subject->digest, err) < 0)
		return -1;
	return subject->sha512 ? check_sha512(path, subject->sha512, err) : 0;
}

static int check_export_files(const struct request *request, struct error *err)
{
	const struct record_dependency *generation =
		record_dependency_named(request->record, "generation-record", 0);

	for (size_t i = 0; i < request->n_overlays; i++)
		if (check_exported(record_overlay(request->record, i), request->overlays[i], err) <
		    0)
			return -1;
	return check_file(request->parents[0], "record", &generation->digest, err);
}

static int check_overlays(const struct request *request, struct error *err)
{
	for (size_t i = 0; i < request->n_overlays; i++) {
		const struct record_subject *subject = record_overlay(request->record, i);
		const struct record_dependency *parent =
			record_dependency_named(request->record, "parent", i);

		if (check_file(request->overlays[i], "overlay", &subject->digest, err) < 0 ||
		    check_file(request->parents[i], "parent", &parent->digest, err) < 0)
			return -1;
	}
	return 0;
}

int request_check_files(const struct request *request, struct error *err)
{
	if (request->head)
		return request_check_head(request, err);
	return request->record->build_type == RECORD_EXPORT ? check_export_files(request, err)
							    : check_overlays(request, err);
}

void request_free(struct request *request)
{
	record_free(request->record);
	head_free(request->head);
	free(request->record_path);
	free(request->previous_path);
	free(request->key_path);
	for (size_t i = 0; i < request->n_overlays; i++)
		free(request->overlays[i]);
	for (size_t i = 0; i < request->n_parents; i++)
		free(request->parents[i]);
	free(request->overlays);
	free(request->parents);
}
