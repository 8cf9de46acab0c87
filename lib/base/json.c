/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"

enum { MAX_DOCUMENT = 256 << 20 };

static char *dump(const json_t *json, size_t flags)
{
	char *text = json_dumps(json, JSON_SORT_KEYS | JSON_ENCODE_ANY | flags);

	if (!text)
		abort();
	return text;
}

char *json_to_bytes(const json_t *json)
{
	return dump(json, JSON_COMPACT);
}

char *json_to_text(const json_t *json)
{
	CLEANUP_FREE char *text = dump(json, JSON_INDENT(2));

	return xasprintf("%s\n", text);
}

void json_digest(const json_t *json, struct digest *ret)
{
	CLEANUP_FREE char *bytes = json_to_bytes(json);

	digest_of(bytes, strlen(bytes), ret);
}

json_t *json_parse(const char *text, size_t len, const char *what, enum error_kind kind,
		   struct error *err)
{
	json_error_t problem;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);

	if (!json)
		return error_set(err, kind, "%s: line %d: %s", what, problem.line, problem.text),
		       NULL;
	return json;
}

json_t *json_read_file(const char *path, enum error_kind kind, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read(path, MAX_DOCUMENT, &text, err) < 0)
		return NULL;
	return json_parse(text.data, text.len, path, kind, err);
}

int json_write_file(const char *path, const json_t *json, unsigned mode, struct error *err)
{
	CLEANUP_FREE char *bytes = json_to_bytes(json);

	return file_replace(path, bytes, strlen(bytes), mode, err);
}

/* The length of the UTF-8 sequence at `s`, 0 if there is none; overlong forms and surrogates are
 * none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t len;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

json_t *json_bytes(const char *bytes)
{
	CLEANUP_BUFFER struct buffer text = {0};
	json_t *json;

	buffer_puts(&text, "");
	for (const unsigned char *s = (const unsigned char *)bytes; *s;) {
		size_t len = *s == '%' ? 0 : utf8_length(s);

		if (len == 0)
			buffer_printf(&text, "%%%02X", *s++);
		else {
			buffer_append(&text, s, len);
			s += len;
		}
	}
	json = json_string(text.data);
	if (!json)
		abort();
	return json;
}

json_t *json_strings(char *const *strings, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_bytes(strings[i]));
	return array;
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static char *bytes_of_string(const char *text)
{
	char *bytes = xstrdup(text), *to = bytes;

	for (const char *s = text; *s; s++) {
		int high = *s == '%' ? hex_value(s[1]) : -1;
		int low = high >= 0 ? hex_value(s[2]) : -1;

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return bytes;
}

static const json_t *member(struct json_reader *reader, const char *name, json_type type,
			    const char *type_name)
{
	const json_t *value;

	if (reader->failed)
		return NULL;
	value = json_object_get(reader->object, name);
	if (value && json_typeof(value) == type)
		return value;
	reader->failed = true;
	if (value)
		error_set(reader->err, reader->kind, "%s: member %s is not %s", reader->what, name,
			  type_name);
	else
		error_set(reader->err, reader->kind, "%s: member %s is missing", reader->what,
			  name);
	return NULL;
}

void json_get_string(struct json_reader *reader, const char *name, char **ret)
{
	const json_t *value = member(reader, name, JSON_STRING, "a string");

	if (value)
		*ret = xstrdup(json_string_value(value));
}

void json_get_optional_string(struct json_reader *reader, const char *name, char **ret)
{
	const json_t *value = reader->failed ? NULL : json_object_get(reader->object, name);

	if (!value || json_is_null(value))
		*ret = NULL;
	else
		json_get_string(reader, name, ret);
}

void json_get_bytes(struct json_reader *reader, const char *name, char **ret)
{
	const json_t *value = member(reader, name, JSON_STRING, "a string");

	if (value)
		*ret = bytes_of_string(json_string_value(value));
}

void json_get_u64(struct json_reader *reader, const char *name, uint64_t *ret)
{
	const json_t *value = member(reader, name, JSON_INTEGER, "an integer");

	if (value)
		*ret = (uint64_t)json_integer_value(value);
}

void json_get_bool(struct json_reader *reader, const char *name, bool *ret)
{
	const json_t *value = reader->failed ? NULL : json_object_get(reader->object, name);

	if (json_is_boolean(value))
		*ret = json_boolean_value(value);
	else
		member(reader, name, JSON_TRUE, "true or false");
}

void json_get_digest(struct json_reader *reader, const char *name, struct digest *ret)
{
	const json_t *value = member(reader, name, JSON_STRING, "a string");

	if (!value || digest_from_hex(json_string_value(value), ret))
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: member %s is not a sha256 digest", reader->what,
		  name);
}

const json_t *json_get_array(struct json_reader *reader, const char *name)
{
	return member(reader, name, JSON_ARRAY, "an array");
}

const json_t *json_get_object(struct json_reader *reader, const char *name)
{
	return member(reader, name, JSON_OBJECT, "an object");
}

int json_reader_result(const struct json_reader *reader)
{
	return reader->failed ? -1 : 0;
}

void json_put(json_t *object, const char *name, json_t *value)
{
	if (!value || json_object_set_new(object, name, value) < 0)
		abort();
}

void json_put_string(json_t *object, const char *name, const char *value)
{
	json_put(object, name, value ? json_string(value) : json_null());
}

void json_put_bytes(json_t *object, const char *name, const char *value)
{
	json_put(object, name, value ? json_bytes(value) : json_null());
}

void json_put_u64(json_t *object, const char *name, uint64_t value)
{
	json_put(object, name, json_integer((json_int_t)value));
}

void json_put_bool(json_t *object, const char *name, bool value)
{
	json_put(object, name, json_boolean(value));
}

void json_put_digest(json_t *object, const char *name, const struct digest *value)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(value, hex);
	json_put_string(object, name, hex);
}
