/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON by jansson, with what every value of ours needs: equal values give equal bytes (keys sorted,
 * no insignificant white space), and members are read by name with an error that says which one is
 * wrong.
 */
#ifndef COLDPATCH_BASE_JSON_H
#define COLDPATCH_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"

static inline void json_decref_p(json_t **json)
{
	json_decref(*json);
}
#define CLEANUP_JSON __attribute__((cleanup(json_decref_p)))

/* The canonical bytes of a value: compact, keys sorted, UTF-8.  The caller frees. */
char *json_to_bytes(const json_t *json);
/* The same with indentation and a final newline, for people. */
char *json_to_text(const json_t *json);
void json_digest(const json_t *json, struct digest *ret);

/* `what` names the document in messages.  At most `len` bytes are read; duplicate keys are refused.
 * New reference or NULL with `kind`. */
json_t *json_parse(const char *text, size_t len, const char *what, enum error_kind kind,
		   struct error *err);
/* A regular file of at most 64 MiB, or `kind`. */
json_t *json_read_file(const char *path, enum error_kind kind, struct error *err);
/* Canonical bytes into a file, by file_replace. */
int json_write_file(const char *path, const json_t *json, unsigned mode, struct error *err);

/* Any byte string as a JSON string, in the spelling of base/text.h (guest names can hold any
 * bytes). */
json_t *json_bytes(const char *bytes);
/* The bytes again, allocated; NULL when it is no string. */
char *json_bytes_value(const json_t *json);
/* An array of such strings. */
json_t *json_strings(char *const *strings, size_t n);

/*
 * A reader walks one object.  The first member that is absent or of another type makes the error
 * (`kind`, "WHAT: member NAME ..."); later calls do nothing, so a struct is read line by line and
 * the result is looked at once, at the end.
 */
struct json_reader {
	const json_t *object;
	const char *what;
	enum error_kind kind;
	struct error *err;
	bool failed;
};

void json_get_string(struct json_reader *reader, const char *name, char **ret); /* allocated */
void json_get_optional_string(struct json_reader *reader, const char *name,
			      char **ret); /* NULL if absent or null */
void json_get_bytes(struct json_reader *reader, const char *name, char **ret);
/* NULL if null; it must be there. */
void json_get_nullable_bytes(struct json_reader *reader, const char *name, char **ret);
/* An array as json_strings makes it, added to *ret; what is read is there after failure, too. */
void json_get_strings(struct json_reader *reader, const char *name, char ***ret, size_t *ret_n);
void json_get_u64(struct json_reader *reader, const char *name, uint64_t *ret);
void json_get_i64(struct json_reader *reader, const char *name, int64_t *ret);
void json_get_bool(struct json_reader *reader, const char *name, bool *ret);
void json_get_digest(struct json_reader *reader, const char *name, struct digest *ret);
/* Borrowed; NULL after failure. */
const json_t *json_get_array(struct json_reader *reader, const char *name);
const json_t *json_get_object(struct json_reader *reader, const char *name);
/* An array of objects, each with a reader of its own, which starts as a copy of this one.  -1 from
 * `each`, with the error set, ends it. */
typedef int json_item_callback(struct json_reader *item, void *opaque);
int json_get_items(struct json_reader *reader, const char *name, json_item_callback *each,
		   void *opaque);
/* 0, or -1 when any call failed. */
int json_reader_result(const struct json_reader *reader);

/* Writers: each adds a member to an object and never fails (memory aborts). */
void json_put_string(json_t *object, const char *name, const char *value); /* NULL gives null */
void json_put_bytes(json_t *object, const char *name, const char *value);
void json_put_u64(json_t *object, const char *name, uint64_t value);
void json_put_bool(json_t *object, const char *name, bool value);
void json_put_digest(json_t *object, const char *name, const struct digest *value);
/* Steals `value`. */
void json_put(json_t *object, const char *name, json_t *value);

#endif
