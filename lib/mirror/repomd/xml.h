/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XML of a mirror, element by element: no document type, so no entities but XML's own, and nothing
 * is ever opened.  An element is told by its path, its name after those it is in:
 * "metadata/package/location"; namespaces are not looked at.
 */
#ifndef COLDPATCH_MIRROR_REPOMD_XML_H
#define COLDPATCH_MIRROR_REPOMD_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { XML_MAX_TEXT = 4096 };

struct xml_reader {
	/* `attributes` are names and values in turn, ended by NULL. */
	int (*open)(void *opaque, const char *path, const char *const *attributes,
		    struct error *err);
	/* `text` is cut off after XML_MAX_TEXT bytes, and has the blanks around it (xml_trim); for
	 * an element that holds others, it is what follows the last of them. */
	int (*close)(void *opaque, const char *path, char *text, struct error *err);
	void *opaque;
};

/* ERROR_TRUST "line N: ...": not well formed, nested too deep, a document type; or whatever a
 * callback says, whose -1 ends the walk. */
int xml_parse(const char *text, size_t len, const struct xml_reader *reader, struct error *err);

/* Without surrounding blanks; cut in place. */
char *xml_trim(char *text);
bool xml_has_blanks(const char *text);
/* NULL: it has none. */
const char *xml_attribute(const char *const *attributes, const char *name);
/* Decimal digits and nothing else, no more than 15 of them. */
bool xml_number(const char *text, uint64_t *ret);

#endif
