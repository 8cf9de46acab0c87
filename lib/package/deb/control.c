/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/control.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"

void control_open(struct control_reader *reader, const char *what, const char *text, size_t len)
{
	*reader = (struct control_reader){.what = what, .at = text, .end = text + len, .line = 1};
	if (!text)
		reader->at = reader->end = "";
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static const char *line_end(const struct control_reader *reader)
{
	const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

	return newline ? newline : reader->end;
}

static void next_line(struct control_reader *reader, const char *end)
{
	reader->at = end < reader->end ? end + 1 : end;
	reader->line++;
}

static bool line_is_blank(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at == end;
}

static void trim(struct control_field *field)
{
	while (field->value_len && is_blank(field->value[0])) {
		field->value++;
		field->value_len--;
	}
	while (field->value_len && (is_blank(field->value[field->value_len - 1]) ||
				    field->value[field->value_len - 1] == '\n'))
		field->value_len--;
}

static int malformed(const struct control_reader *reader, const char *why, struct error *err)
{
	return error_set(err, ERROR_IMAGE, "%s: line %u: %s", reader->what, reader->line, why);
}

static int read_field(struct control_reader *reader, const char *end, struct control_field *ret,
		      struct error *err)
{
	const char *colon = memchr(reader->at, ':', (size_t)(end - reader->at));

	if (!colon || colon == reader->at)
		return malformed(reader, "not a \"Field: value\" line", err);
	if (memchr(reader->at, '\0', (size_t)(end - reader->at)))
		return malformed(reader, "contains a NUL byte", err);
	ret->name = reader->at;
	ret->name_len = (size_t)(colon - reader->at);
	ret->value = colon + 1;
	ret->value_len = (size_t)(end - ret->value);
	return 0;
}

static int continue_field(struct control_reader *reader, const char *end,
			  struct control_paragraph *paragraph, struct error *err)
{
	struct control_field *field;

	if (paragraph->n_fields == 0)
		return malformed(reader, "continues a field that is not there", err);
	if (memchr(reader->at, '\0', (size_t)(end - reader->at)))
		return malformed(reader, "contains a NUL byte", err);
	field = &paragraph->fields[paragraph->n_fields - 1];
	field->value_len = (size_t)(end - field->value);
	return 0;
}

static int read_line(struct control_reader *reader, const char *end,
		     struct control_paragraph *paragraph, struct error *err)
{
	if (*reader->at == '#')
		return 0;
	if (is_blank(*reader->at))
		return continue_field(reader, end, paragraph, err);
	if (paragraph->n_fields == CONTROL_MAX_FIELDS)
		return malformed(reader, "too many fields in one paragraph", err);
	if (read_field(reader, end, &paragraph->fields[paragraph->n_fields], err) < 0)
		return -1;
	if (paragraph->n_fields++ == 0)
		paragraph->line = reader->line;
	return 0;
}

int control_next(struct control_reader *reader, struct control_paragraph *ret, struct error *err)
{
	ret->n_fields = 0;
	while (reader->at < reader->end) {
		const char *end = line_end(reader);
		bool blank = line_is_blank(reader->at, end);

		if (blank && ret->n_fields)
			break;
		if (!blank && read_line(reader, end, ret, err) < 0)
			return -1;
		next_line(reader, end);
	}
	for (size_t i = 0; i < ret->n_fields; i++)
		trim(&ret->fields[i]);
	return ret->n_fields > 0;
}

const struct control_field *control_find(const struct control_paragraph *paragraph,
					 const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < paragraph->n_fields; i++) {
		const struct control_field *field = &paragraph->fields[i];

		if (field->name_len == len && strncasecmp(field->name, name, len) == 0)
			return field;
	}
	return NULL;
}

char *control_get(const struct control_paragraph *paragraph, const char *name)
{
	const struct control_field *field = control_find(paragraph, name);

	return field ? xstrndup(field->value, field->value_len) : NULL;
}

bool control_is(const struct control_paragraph *paragraph, const char *name, const char *value)
{
	const struct control_field *field = control_find(paragraph, name);

	return field && field->value_len == strlen(value) &&
	       memcmp(field->value, value, field->value_len) == 0;
}
