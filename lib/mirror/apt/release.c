/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/apt/release.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/memory.h"
#include "mirror/beneath.h"

#define MAX_FILE_SIZE (UINT64_C(1) << 40)

static int month_of(const char *name)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *at = strstr(months, name);

	return at && strlen(name) == 3 && (at - months) % 3 == 0 ? (int)(at - months) / 3 : -1;
}

static bool is_utc(const char *zone)
{
	static const char *const names[] = {"UTC", "GMT", "Z", "+0000", "-0000"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(zone, names[i]) == 0)
			return true;
	return false;
}

bool release_parse_date(const char *text, int64_t *ret)
{
	const char *comma = strchr(text, ',');
	char month[4], zone[8];
	struct tm tm = {0};
	int end = 0;

	if (sscanf(comma ? comma + 1 : text, " %2d %3s %4d %2d:%2d:%2d %7s %n", &tm.tm_mday, month,
		   &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &end) != 7 ||
	    (comma ? comma + 1 : text)[end] != '\0')
		return false;
	tm.tm_mon = month_of(month);
	if (tm.tm_mon < 0 || !is_utc(zone) || tm.tm_year < 1970 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
	    tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	*ret = timegm(&tm);
	return true;
}

/* One field: its first line's value without surrounding blanks, and its continuation lines as they
 * stand in the text. */
struct field {
	char *name, *value;
	const char *rest;
	size_t rest_len;
};

static void field_free(struct field *field)
{
	free(field->name);
	free(field->value);
}

static char *trimmed(const char *text, size_t len)
{
	while (len && (*text == ' ' || *text == '\t'))
		text++, len--;
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
		len--;
	return xstrndup(text, len);
}

static size_t line_length(const char *text, size_t len)
{
	const char *newline = memchr(text, '\n', len);

	return newline ? (size_t)(newline - text) : len;
}

/* Takes one field off the front of *text; the field is freed by the caller. */
static int field_next(const char **text, size_t *len, struct field *ret, struct error *err)
{
	size_t line = line_length(*text, *len);
	const char *colon = memchr(*text, ':', line);

	if (!colon || colon == *text || **text == ' ' || **text == '\t')
		return error_set(err, ERROR_TRUST, "a line is not a field: %.*s",
				 (int)(line > 60 ? 60 : line), *text);
	ret->name = xstrndup(*text, colon - *text);
	ret->value = trimmed(colon + 1, line - (colon + 1 - *text));
	line += line < *len;
	*text += line;
	*len -= line;
	ret->rest = *text;
	while (*len && (**text == ' ' || **text == '\t')) {
		line = line_length(*text, *len);
		line += line < *len;
		*text += line;
		*len -= line;
	}
	ret->rest_len = *text - ret->rest;
	return 0;
}

static void split_words(const char *text, char ***ret, size_t *ret_n)
{
	for (const char *s = text; *(s += strspn(s, " \t"));) {
		size_t len = strcspn(s, " \t");

		*ARRAY_ADD(*ret, *ret_n) = xstrndup(s, len);
		s += len;
	}
}

/* As apt takes it, in either case. */
static bool parse_digest(char *hex, struct digest *ret)
{
	for (char *c = hex; *c; c++)
		if (*c >= 'A' && *c <= 'F')
			*c += 'a' - 'A';
	return digest_from_hex(hex, ret);
}

static int parse_file_line(const char *text, size_t len, struct release *release, struct error *err)
{
	CLEANUP_FREE char *line = trimmed(text, len);
	unsigned long long size;
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];
	struct release_file *file;
	int path = 0;

	if (sscanf(line, "%64s %15llu %n", hex, &size, &path) != 2 || !path || !line[path] ||
	    !parse_digest(hex, &digest) || size > MAX_FILE_SIZE)
		return error_set(err, ERROR_TRUST,
				 "SHA256: not a digest, a size and a path: %.100s", line);
	if (!beneath_is_safe(line + path))
		return error_set(err, ERROR_TRUST, "SHA256: path leads out of the suite: %.200s",
				 line + path);
	file = ARRAY_ADD(release->files, release->n_files);
	*file = (struct release_file){xstrdup(line + path), size, digest};
	return 0;
}

static int parse_files(const struct field *field, struct release *release, struct error *err)
{
	const char *text = field->rest;
	size_t len = field->rest_len;

	if (release->files)
		return error_set(err, ERROR_TRUST, "field SHA256 is there twice");
	while (len) {
		size_t line = line_length(text, len);

		if (parse_file_line(text, line, release, err) < 0)
			return -1;
		line += line < len;
		text += line;
		len -= line;
	}
	return 0;
}

static int parse_date_field(const struct field *field, int64_t *ret, struct error *err)
{
	if (*ret)
		return error_set(err, ERROR_TRUST, "field %s is there twice", field->name);
	if (!release_parse_date(field->value, ret))
		return error_set(err, ERROR_TRUST, "field %s: not a date in UTC: %.60s",
				 field->name, field->value);
	return 0;
}

static int parse_text_field(struct field *field, struct release *release, struct error *err)
{
	const struct {
		const char *name;
		char **to;
	} texts[] = {
		{"Origin", &release->origin},	{"Label", &release->label},
		{"Suite", &release->suite},	{"Codename", &release->codename},
		{"Version", &release->version},
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (strcasecmp(field->name, texts[i].name) != 0)
			continue;
		if (*texts[i].to)
			return error_set(err, ERROR_TRUST, "field %s is there twice", field->name);
		*texts[i].to = steal(field->value);
		return 0;
	}
	return 0;
}

static int parse_field(struct field *field, struct release *release, struct error *err)
{
	if (strcasecmp(field->name, "SHA256") == 0)
		return parse_files(field, release, err);
	if (strcasecmp(field->name, "Date") == 0)
		return parse_date_field(field, &release->date, err);
	if (strcasecmp(field->name, "Valid-Until") == 0)
		return parse_date_field(field, &release->valid_until, err);
	if (strcasecmp(field->name, "Components") == 0)
		split_words(field->value, &release->components, &release->n_components);
	else if (strcasecmp(field->name, "Architectures") == 0)
		split_words(field->value, &release->architectures, &release->n_architectures);
	else if (strcasecmp(field->name, "Acquire-By-Hash") == 0)
		release->by_hash = strcasecmp(field->value, "yes") == 0;
	return parse_text_field(field, release, err);
}

static int parse_fields(const char *text, size_t len, struct release *release, struct error *err)
{
	while (len) {
		__attribute__((cleanup(field_free))) struct field field = {0};

		if (*text == '\n' || *text == '\r')
			break;
		if (field_next(&text, &len, &field, err) < 0 ||
		    parse_field(&field, release, err) < 0)
			return -1;
	}
	for (; len; text++, len--)
		if (!strchr(" \t\r\n", *text))
			return error_set(err, ERROR_TRUST, "more than one paragraph");
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct release_file *)a)->path,
		      ((const struct release_file *)b)->path);
}

static int finish_files(struct release *release, struct error *err)
{
	if (!release->n_files)
		return error_set(err, ERROR_TRUST,
				 "has no SHA256 digests; weaker ones are not relied on");
	qsort(release->files, release->n_files, sizeof *release->files, by_path);
	for (size_t i = 1; i < release->n_files; i++)
		if (strcmp(release->files[i - 1].path, release->files[i].path) == 0)
			return error_set(err, ERROR_TRUST, "SHA256: %s is listed twice",
					 release->files[i].path);
	return 0;
}

int release_parse(const char *text, size_t len, struct release *ret, struct error *err)
{
	CLEANUP_RELEASE struct release release = {0};

	if (memchr(text, '\0', len))
		return error_set(err, ERROR_TRUST, "has a NUL byte in it");
	if (parse_fields(text, len, &release, err) < 0)
		return -1;
	if (!release.date)
		return error_set(err, ERROR_TRUST, "has no Date");
	if (finish_files(&release, err) < 0)
		return -1;
	*ret = release;
	release = (struct release){0};
	return 0;
}

void release_free(struct release *release)
{
	for (size_t i = 0; i < release->n_files; i++)
		free(release->files[i].path);
	free(release->files);
	strings_free(release->components, release->n_components);
	strings_free(release->architectures, release->n_architectures);
	free(release->origin);
	free(release->label);
	free(release->suite);
	free(release->codename);
	free(release->version);
	*release = (struct release){0};
}

const struct release_file *release_find(const struct release *release, const char *path)
{
	struct release_file key = {.path = (char *)(uintptr_t)path};

	if (!release->n_files)
		return NULL;
	return bsearch(&key, release->files, release->n_files, sizeof key, by_path);
}
