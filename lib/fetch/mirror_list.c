/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/mirror_list.h"

#include <string.h>

#include "base/memory.h"
#include "mirror/repomd/repomd.h"
#include "mirror/repomd/xml.h"

void mirror_list_free(struct mirror_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->urls[i]);
	free(list->urls);
}

bool mirror_url_is_safe(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

static void add(struct mirror_list *list, const char *url, size_t len)
{
	CLEANUP_FREE char *copy = xstrndup(url, len);

	if (list->n < MIRROR_LIST_MAX && mirror_url_is_safe(copy))
		*ARRAY_ADD(list->urls, list->n) = steal(copy);
}

/* ---- a URL in each line; comments begin with "#" ---- */

static void read_lines(const char *text, size_t len, struct mirror_list *list)
{
	static const char blanks[] = " \t\r";
	CLEANUP_FREE char *copy = xstrndup(text, len);
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, blanks);
		add(list, line, strcspn(line, blanks));
	}
}

/* ---- metalink ---- */

static int on_open(void *opaque, const char *path, const char *const *attributes, struct error *err)
{
	(void)opaque;
	(void)path;
	(void)attributes;
	(void)err;
	return 0;
}

static int on_close(void *opaque, const char *path, char *text, struct error *err)
{
	static const char file[] = "/" REPOMD_INDEX;
	const char *url = xml_trim(text);
	size_t len = strlen(url), file_len = sizeof file - 1;

	(void)err;
	if ((strcmp(path, "metalink/files/file/resources/url") == 0 ||
	     strcmp(path, "metalink/file/url") == 0) &&
	    len > file_len && strcmp(url + len - file_len, file) == 0)
		add(opaque, url, len - file_len);
	return 0;
}

static int read_metalink(const char *text, size_t len, struct mirror_list *list, struct error *err)
{
	const struct xml_reader reader = {on_open, on_close, list};

	if (xml_parse(text, len, &reader, err) == 0)
		return 0;
	err->kind = ERROR_MIRROR;
	return -1;
}

int mirror_list_parse(const char *text, size_t len, struct mirror_list *ret, struct error *err)
{
	size_t blanks = 0;

	while (blanks < len && memchr(" \t\r\n", text[blanks], 4))
		blanks++;
	if (blanks == len || text[blanks] != '<')
		read_lines(text, len, ret);
	else if (read_metalink(text + blanks, len - blanks, ret, err) < 0)
		return -1;
	return ret->n ? 0 : error_set(err, ERROR_MIRROR, "it names no http or https URL");
}
