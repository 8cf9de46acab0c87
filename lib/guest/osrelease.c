/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * os-release(5): lines NAME=value in the syntax of a shell assignment, without any expansion.  A
 * value is bare, in single quotes, or in double quotes; a backslash outside single quotes makes the
 * next character literal (in double quotes only before $ " \ and `).
 */
#include "guest/osrelease.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { MAX_VALUE = 256 };

struct cursor {
	const char *at, *end;
};

static bool escapes_in_quotes(char c)
{
	return c == '$' || c == '"' || c == '\\' || c == '`';
}

/* One character of a quoted stretch that `quote` opened; false at its end. */
static bool take_quoted(struct cursor *text, char quote, struct buffer *value)
{
	if (*text->at == quote) {
		text->at++;
		return false;
	}
	if (quote == '"' && *text->at == '\\' && text->end - text->at > 1 &&
	    escapes_in_quotes(text->at[1]))
		text->at++;
	buffer_putc(value, *text->at++);
	return true;
}

/* False when a quote stays open. */
static bool take_value(struct cursor *text, struct buffer *value)
{
	while (text->at < text->end && *text->at != ' ' && *text->at != '\t') {
		char c = *text->at++;

		if (c == '\'' || c == '"') {
			while (text->at < text->end && take_quoted(text, c, value))
				;
			if (text->at[-1] != c)
				return false;
		} else if (c == '\\' && text->at < text->end) {
			buffer_putc(value, *text->at++);
		} else {
			buffer_putc(value, c);
		}
	}
	return true;
}

static bool is_plain(const struct buffer *value)
{
	if (value->len == 0 || value->len > MAX_VALUE)
		return false;
	for (size_t i = 0; i < value->len; i++)
		if ((unsigned char)value->data[i] < 0x20 || value->data[i] == 0x7f)
			return false;
	return true;
}

/* The manual allows no upper case, but openEuler calls itself so. */
static bool is_id(const char *id)
{
	return strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	       strlen(id);
}

static char **member_of(struct guest_os *os, const char *name, size_t len)
{
	const struct {
		const char *name;
		char **member;
	} members[] = {
		{"ID", &os->id},
		{"ID_LIKE", &os->id_like},
		{"VERSION_ID", &os->version_id},
		{"VERSION_CODENAME", &os->codename},
		{"PRETTY_NAME", &os->pretty_name},
	};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (strlen(members[i].name) == len && memcmp(members[i].name, name, len) == 0)
			return members[i].member;
	return NULL;
}

static void parse_line(const char *line, size_t len, struct guest_os *os)
{
	CLEANUP_BUFFER struct buffer value = {0};
	struct cursor text = {line, line + len};
	const char *equals;
	char **member;

	while (text.at < text.end && (*text.at == ' ' || *text.at == '\t'))
		text.at++;
	equals = memchr(text.at, '=', text.end - text.at);
	member = equals ? member_of(os, text.at, equals - text.at) : NULL;
	if (!member)
		return;
	text.at = equals + 1;
	if (!take_value(&text, &value) || !is_plain(&value))
		return;
	if (member == &os->id && !is_id(value.data))
		return;
	free(*member);
	*member = buffer_steal(&value);
}

void osrelease_parse(const char *buf, size_t len, struct guest_os *os)
{
	const char *end = buf + len;

	while (buf < end) {
		const char *newline = memchr(buf, '\n', end - buf);
		const char *stop = newline ? newline : end;

		if (stop > buf && stop[-1] == '\r')
			stop--;
		parse_line(buf, stop - buf, os);
		buf = newline ? newline + 1 : end;
	}
}

static const struct {
	const char *name; /* what the line begins with; longer ones first */
	const char *id;
} known_names[] = {
	{"Amazon Linux", "amzn"},
	{"CentOS", "centos"},
	{"Fedora", "fedora"},
	{"Oracle Linux", "ol"},
	{"Enterprise Linux Enterprise Linux", "ol"},
	{"Red Hat Enterprise Linux", "rhel"},
	{"Scientific Linux", "scientific"},
};

static const char *id_of_line(const char *line)
{
	for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++)
		if (strncmp(line, known_names[i].name, strlen(known_names[i].name)) == 0)
			return known_names[i].id;
	return NULL;
}

/* The word after "release". */
static char *version_of_line(const char *line)
{
	static const char before[] = " release ";
	const char *at = strstr(line, before);
	size_t len;

	if (!at)
		return NULL;
	at += strlen(before);
	len = strspn(at, "0123456789.");
	return len ? xstrndup(at, len) : NULL;
}

static void set(char **member, char *value)
{
	free(*member);
	*member = value;
}

void osrelease_parse_line(const char *buf, size_t len, struct guest_os *os)
{
	const char *newline = len ? memchr(buf, '\n', len) : NULL;
	CLEANUP_BUFFER struct buffer line = {0};
	char *version;
	const char *id;

	buffer_append(&line, buf, newline ? (size_t)(newline - buf) : len);
	while (line.len && line.data[line.len - 1] == ' ')
		line.data[--line.len] = '\0';
	if (!is_plain(&line) || strlen(line.data) != line.len)
		return;
	id = id_of_line(line.data);
	version = version_of_line(line.data);
	if (!id || !version) {
		free(version);
		return;
	}
	set(&os->id, xstrdup(id));
	set(&os->version_id, version);
	set(&os->pretty_name, buffer_steal(&line));
}
