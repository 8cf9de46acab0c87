/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes as text.  Names of files and the words of a guest can hold any bytes; JSON and what people
 * read are UTF-8.  There is one spelling, for both: a byte that cannot stand for itself is `\xNN`
 * (two upper-case hexadecimal digits), and a backslash before an `x` is `\x5C`.  Everything else is
 * itself, so it can be undone, and a name in UTF-8 reads as it was typed.
 */
#ifndef COLDPATCH_BASE_TEXT_H
#define COLDPATCH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Overlong forms and surrogates are none. */
bool text_is_utf8(const char *bytes);

/* Bytes that are not UTF-8 are escaped.  Allocated. */
char *text_escape(const char *bytes);
/* Control characters, too, so that no name steers a terminal or makes a second line. */
char *text_escape_controls(const char *bytes);
/* "https://USER:PASSWORD@HOST/", wherever in it, becomes "https://USER@HOST/": what people read and
 * logs keep has no password. */
void text_hide_passwords(char *text);
/* The bytes again; what is no escape is itself.  Allocated. */
char *text_unescape(const char *text);

/* As a shell reads it back as one word: in single quotes where it has to be.  Allocated. */
char *text_quote(const char *word);

static inline bool text_ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* NULL, where something is not known, equals NULL only. */
static inline bool text_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* "s" after a number that is not 1, else "". */
static inline const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

#endif
