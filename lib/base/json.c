/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include "base/text.h"

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

json_t *json_bytes(const char *bytes)
{
	CLEANUP_FREE char *text = text_escape(bytes);
	json_t *json = json_string(text);

	if (!json)
		abort();
	return json;
}

char *json_bytes_value(const json_t *json)
{
	const char *text = json_string_value(json);

	return text ? text_unescape(text) : NULL;
}

json_t *json_strings(char *const *strings, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_bytes(strings[i]));
	return array;
}

static void failed(struct json_reader *reader, const char *name, const char *problem)
{
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: member %s %s", reader->what, name, problem);
}

static const json_t *member(struct json_reader *reader, const char *name, json_type type,
			    const char *type_name)
{
	CLEANUP_FREE char *problem = NULL;
	const json_t *value;

	if (reader->failed)
		return NULL;
	value = json_object_get(reader->object, name);
	if (value && json_typeof(value) == type)
		return value;
	problem = value ? xasprintf("is not %s", type_name) : xstrdup("is missing");
	failed(reader, name, problem);
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
		*ret = json_bytes_value(value);
}

void json_get_nullable_bytes(struct json_reader *reader, const char *name, char **ret)
{
	if (reader->failed || !json_is_null(json_object_get(reader->object, name)))
		json_get_bytes(reader, name, ret);
}

void json_get_strings(struct json_reader *reader, const char *name, char ***ret, size_t *ret_n)
{
	const json_t *array = json_get_array(reader, name), *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		if (!json_is_string(item)) {
			failed(reader, name, "holds what is not a string");
			return;
		}
		*ARRAY_ADD(*ret, *ret_n) = json_bytes_value(item);
	}
}

int json_get_items(struct json_reader *reader, const char *name, json_item_callback *each,
		   void *opaque)
{
	const json_t *array = json_get_array(reader, name), *item;
	size_t i;

	json_array_foreach(array, i, item)
	{
		struct json_reader one = *reader;

		one.object = item;
		if (!json_is_object(item))
			failed(reader, name, "holds what is not an object");
		else
			reader->failed = each(&one, opaque) < 0;
		if (reader->failed)
			break;
	}
	return json_reader_result(reader);
}

void json_get_u64(struct json_reader *reader, const char *name, uint64_t *ret)
{
	const json_t *value = member(reader, name, JSON_INTEGER, "an integer");

	if (value && json_integer_value(value) < 0)
		failed(reader, name, "is negative");
	else if (value)
		*ret = (uint64_t)json_integer_value(value);
}

void json_get_i64(struct json_reader *reader, const char *name, int64_t *ret)
{
	const json_t *value = member(reader, name, JSON_INTEGER, "an integer");

	if (value)
		*ret = json_integer_value(value);
}

void json_get_bool(struct json_reader *reader, const char *name, bool *ret)
{
	const json_t *value = reader->failed ? NULL : json_object_get(reader->object, name);

	if (json_is_boolean(value))
		*ret = json_boolean_value(value);
	else
		member(reader, name, JSON_TRUE, "true or false");
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
