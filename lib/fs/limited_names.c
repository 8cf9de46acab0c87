/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fs/limited_names.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/text.h"

static bool has_control(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < ' ')
			return true;
	return false;
}

const char *limited_name_fault(const char *name)
{
	if (!text_is_utf8(name))
		return "a name that is not UTF-8";
	if (has_control(name))
		return "a name with a control character";
	if (strpbrk(name, "*?<>|\":\\"))
		return "a name with one of * ? < > | \" : \\";
	if (text_ends_with(name, ".") || text_ends_with(name, " "))
		return "a name that ends with a dot or a blank";
	return NULL;
}

/* The next character; 0x80 is any that is not ASCII. */
static int next(const char **at)
{
	unsigned char first = (unsigned char)**at;

	if (!first)
		return 0;
	++*at;
	if (first < 0x80)
		return tolower(first);
	while (((unsigned char)**at & 0xc0) == 0x80)
		++*at;
	return 0x80;
}

int limited_name_compare(const char *a, const char *b)
{
	int x, y;

	do {
		x = next(&a);
		y = next(&b);
	} while (x == y && x);
	return x - y;
}
