/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/strings.h"

#include <string.h>

#include "base/text.h"

const char **strings_of_json(const json_t *array, size_t *ret_n)
{
	size_t n = json_array_size(array), i;
	const char **strings = xcalloc(n + 1, sizeof *strings);
	const json_t *item;

	json_array_foreach(array, i, item) strings[i] =
		json_string_value(item) ? json_string_value(item) : "";
	*ret_n = n;
	return strings;
}

json_t *strings_to_json(const char *const *strings, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(strings[i]));
	return array;
}

static bool is_among(const char *const *strings, size_t n, const char *string)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(strings[i], string))
			return true;
	return false;
}

const char **strings_once(const char *const *strings, size_t n, size_t *ret_n)
{
	const char **once = xcalloc(n, sizeof *once);
	size_t n_once = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_among(once, n_once, strings[i]))
			once[n_once++] = strings[i];
	*ret_n = n_once;
	return once;
}

int strings_check(const char *const *strings, size_t n, const char *what, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (strings[i] && !text_is_utf8(strings[i]))
			return error_set(err, ERROR_USAGE,
					 "%s %s: not UTF-8, as names in records must be; use "
					 "another name",
					 what, strings[i]);
	return 0;
}

int strings_check_digests(const char *const *strings, size_t n, const char *option,
			  struct error *err)
{
	struct digest digest;

	for (size_t i = 0; i < n; i++)
		if (!digest_from_hex(strings[i], &digest))
			return error_set(err, ERROR_USAGE,
					 "%s %.80s: not a SHA-256 in 64 hexadecimal digits, in "
					 "lower case",
					 option, strings[i]);
	return 0;
}

const char *string_member(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value ? value : "";
}
