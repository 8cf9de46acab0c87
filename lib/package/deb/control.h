/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paragraphs of "Field: value" lines as dpkg and apt write them (deb822(5)).  Works on bytes in
 * memory and borrows them.  Untrusted input.
 */
#ifndef COLDPATCH_PACKAGE_DEB_CONTROL_H
#define COLDPATCH_PACKAGE_DEB_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { CONTROL_MAX_FIELDS = 256 };

struct control_field {
	const char *name;
	size_t name_len;
	const char *value; /* without surrounding blanks; continuation lines are in it as they are
			    */
	size_t value_len;
};

struct control_paragraph {
	struct control_field fields[CONTROL_MAX_FIELDS];
	size_t n_fields;
	unsigned line; /* of its first field, from 1 */
};

struct control_reader {
	const char *what; /* names the document in messages */
	const char *at, *end;
	unsigned line;
};

void control_open(struct control_reader *reader, const char *what, const char *text, size_t len);
/* 1 the next paragraph, 0 no more, -1 malformed (ERROR_IMAGE with the line). */
int control_next(struct control_reader *reader, struct control_paragraph *ret, struct error *err);

/* Names are compared without case.  NULL: no such field. */
const struct control_field *control_find(const struct control_paragraph *paragraph,
					 const char *name);
/* Allocated value, or NULL. */
char *control_get(const struct control_paragraph *paragraph, const char *name);
bool control_is(const struct control_paragraph *paragraph, const char *name, const char *value);

#endif
