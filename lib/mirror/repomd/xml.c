/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/repomd/xml.h"

#include <expat.h>
#include <string.h>

#include "base/memory.h"

enum { MAX_PATH = 512, PIECE = 1 << 20, MAX_DIGITS = 15 };

struct walk {
	XML_Parser parser;
	const struct xml_reader *reader;
	struct error *err;
	bool failed;
	char path[MAX_PATH];
	size_t path_len;
	char text[XML_MAX_TEXT + 1];
	size_t text_len;
};

static int wrong(struct walk *walk, const char *why)
{
	return error_set(walk->err, ERROR_TRUST, "line %llu: %s",
			 (unsigned long long)XML_GetCurrentLineNumber(walk->parser), why);
}

static void stop(struct walk *walk)
{
	walk->failed = true;
	XML_StopParser(walk->parser, XML_FALSE);
}

static int push(struct walk *walk, const char *name)
{
	size_t len = strlen(name);

	if (len + 2 > sizeof walk->path - walk->path_len)
		return wrong(walk, "nested too deep");
	if (walk->path_len)
		walk->path[walk->path_len++] = '/';
	memcpy(walk->path + walk->path_len, name, len + 1);
	walk->path_len += len;
	return 0;
}

static void pop(struct walk *walk)
{
	const char *slash = strrchr(walk->path, '/');

	walk->path_len = slash ? (size_t)(slash - walk->path) : 0;
	walk->path[walk->path_len] = '\0';
}

static void XMLCALL on_open(void *opaque, const XML_Char *name, const XML_Char **attributes)
{
	struct walk *walk = opaque;

	if (walk->failed)
		return;
	walk->text_len = 0;
	if (push(walk, name) < 0 ||
	    walk->reader->open(walk->reader->opaque, walk->path, (const char *const *)attributes,
			       walk->err) < 0)
		stop(walk);
}

static void XMLCALL on_close(void *opaque, const XML_Char *name)
{
	struct walk *walk = opaque;

	(void)name;
	if (walk->failed)
		return;
	walk->text[walk->text_len] = '\0';
	if (walk->reader->close(walk->reader->opaque, walk->path, walk->text, walk->err) < 0)
		stop(walk);
	walk->text_len = 0;
	pop(walk);
}

static void XMLCALL on_text(void *opaque, const XML_Char *text, int len)
{
	struct walk *walk = opaque;
	size_t room = XML_MAX_TEXT - walk->text_len;
	size_t n = (size_t)len < room ? (size_t)len : room;

	memcpy(walk->text + walk->text_len, text, n);
	walk->text_len += n;
}

static void XMLCALL on_document_type(void *opaque, const XML_Char *name, const XML_Char *system,
				     const XML_Char *public, int internal)
{
	struct walk *walk = opaque;

	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	if (walk->failed)
		return;
	wrong(walk, "has a document type, which is not followed");
	stop(walk);
}

static int feed(struct walk *walk, const char *text, size_t len)
{
	size_t n;

	do {
		n = len < PIECE ? len : PIECE;
		if (XML_Parse(walk->parser, text, (int)n, n == len) == XML_STATUS_OK)
			continue;
		return walk->failed ? -1
				    : wrong(walk, XML_ErrorString(XML_GetErrorCode(walk->parser)));
	} while (text += n, len -= n);
	return 0;
}

int xml_parse(const char *text, size_t len, const struct xml_reader *reader, struct error *err)
{
	CLEANUP_FREE struct walk *walk = xcalloc(1, sizeof *walk);
	int result;

	walk->parser = XML_ParserCreate(NULL);
	if (!walk->parser)
		abort();
	walk->reader = reader;
	walk->err = err;
	XML_SetUserData(walk->parser, walk);
	XML_SetElementHandler(walk->parser, on_open, on_close);
	XML_SetCharacterDataHandler(walk->parser, on_text);
	XML_SetStartDoctypeDeclHandler(walk->parser, on_document_type);
	result = feed(walk, text, len);
	XML_ParserFree(walk->parser);
	return result;
}

static const char blanks[] = " \t\r\n";

char *xml_trim(char *text)
{
	size_t len = strlen(text);

	while (len && strchr(blanks, text[len - 1]))
		len--;
	text[len] = '\0';
	return text + strspn(text, blanks);
}

bool xml_has_blanks(const char *text)
{
	return strpbrk(text, blanks) != NULL;
}

const char *xml_attribute(const char *const *attributes, const char *name)
{
	for (; *attributes; attributes += 2)
		if (strcmp(*attributes, name) == 0)
			return attributes[1];
	return NULL;
}

bool xml_number(const char *text, uint64_t *ret)
{
	size_t len = strlen(text);

	if (!len || len > MAX_DIGITS || strspn(text, "0123456789") != len)
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}
