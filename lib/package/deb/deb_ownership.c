/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dpkg's file lists (info/NAME.list, or NAME:ARCH.list for packages that several architectures can
 * share), diversions and path-include and path-exclude options (dpkg.cfg(5)).
 */
#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "package/deb/deb.h"
#include "package/names.h"
#include "package/ownership.h"

#define INFO_DIRECTORY	  "/var/lib/dpkg/info"
#define DIVERSIONS	  "/var/lib/dpkg/diversions"
#define OPTIONS		  "/etc/dpkg/dpkg.cfg"
#define OPTIONS_DIRECTORY "/etc/dpkg/dpkg.cfg.d"
#define USER_OPTIONS	  "/root/.dpkg.cfg"

enum { LIST_MAX = 64 << 20, OPTIONS_MAX = 1 << 20, LISTS_MAX = 1 << 20 };

/* The text of a file, or "" when it is not there. */
static char *read_text(struct tree *tree, const char *path, size_t limit, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error failed = {0};

	if (tree_read_file(tree, path, limit, &text, &failed) < 0 && failed.kind != ERROR_MISSING) {
		*err = failed;
		return NULL;
	}
	return text.data ? buffer_steal(&text) : xstrdup("");
}

static int add_list(struct ownership *ownership, struct tree *tree, const char *file,
		    struct error *err)
{
	CLEANUP_FREE char *path = path_join(INFO_DIRECTORY, file);
	CLEANUP_FREE char *text = read_text(tree, path, LIST_MAX, err);
	CLEANUP_FREE char *name = xstrndup(file, strlen(file) - strlen(".list"));
	char *architecture = strchr(name, ':');

	if (!text)
		return -1;
	if (architecture)
		*architecture++ = '\0';
	ownership_add_list(ownership, name, architecture, text);
	return 0;
}

static int read_lists(struct ownership *ownership, struct tree *tree, struct error *err)
{
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = ".list", .limit = LISTS_MAX};
	int status = package_names_read(tree, INFO_DIRECTORY, &names, err);

	for (size_t i = 0; status == 0 && i < names.n_items; i++)
		status = add_list(ownership, tree, names.items[i], err);
	return status;
}

/* Three lines each: from, to, package (":" for the administrator's own). */
static int read_diversions(struct ownership *ownership, struct tree *tree, struct error *err)
{
	CLEANUP_FREE char *text = read_text(tree, DIVERSIONS, LIST_MAX, err);
	CLEANUP_FREE char **lines = NULL;
	size_t n;

	if (!text)
		return -1;
	lines = ownership_lines(text, &n);
	for (size_t i = 0; i + 2 < n; i += 3)
		ownership_add_diversion(ownership, lines[i], lines[i + 1], lines[i + 2]);
	return 0;
}

/* The value of an option as dpkg reads it (dpkg_options_load_file): one separator, blanks around it
 * and a pair of quotes are no part of it.  NULL: dpkg would refuse the file.  In place. */
static char *option_value(char *text)
{
	size_t len = strlen(text);

	while (len && strchr(" \t\r\f\v", text[len - 1]))
		text[--len] = '\0';
	if (*text)
		text++;
	text += *text == '=';
	text += strspn(text, " \t\r\f\v");
	len = strlen(text);
	if (*text != '"' && *text != '\'')
		return text;
	if (len < 2 || text[len - 1] != *text)
		return NULL;
	text[len - 1] = '\0';
	return text + 1;
}

static bool is_option(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, name, len) == 0 && !isalnum((unsigned char)line[len]) &&
	       line[len] != '-';
}

static void add_filters(struct ownership *ownership, char *text)
{
	CLEANUP_FREE char **lines = NULL;
	size_t n;

	lines = ownership_lines(text, &n);
	for (size_t i = 0; i < n; i++) {
		bool exclude = is_option(lines[i], "path-exclude");
		const char *pattern;

		if (!exclude && !is_option(lines[i], "path-include"))
			continue;
		pattern = option_value(lines[i] + strlen("path-exclude"));
		if (pattern)
			ownership_add_filter(ownership, pattern, exclude);
	}
}

static int read_options(struct ownership *ownership, struct tree *tree, const char *path,
			struct error *err)
{
	CLEANUP_FREE char *text = read_text(tree, path, OPTIONS_MAX, err);

	if (!text)
		return -1;
	add_filters(ownership, text);
	return 0;
}

/* As run-parts(8) has them. */
static bool is_options_name(const char *name)
{
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789_-")] == '\0';
}

/* The directory's files in order, the file itself, and that of the user whom the runner is, as dpkg
 * reads them. */
static int read_filters(struct ownership *ownership, struct tree *tree, struct error *err)
{
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = "", .limit = LISTS_MAX};
	int status = package_names_read(tree, OPTIONS_DIRECTORY, &names, err);

	for (size_t i = 0; status == 0 && i < names.n_items; i++) {
		CLEANUP_FREE char *path = path_join(OPTIONS_DIRECTORY, names.items[i]);

		if (is_options_name(names.items[i]))
			status = read_options(ownership, tree, path, err);
	}
	if (status < 0 || read_options(ownership, tree, OPTIONS, err) < 0)
		return -1;
	return read_options(ownership, tree, USER_OPTIONS, err);
}

int deb_read_ownership(struct tree *tree, struct ownership *ownership, struct error *err)
{
	if (read_lists(ownership, tree, err) < 0 || read_diversions(ownership, tree, err) < 0 ||
	    read_filters(ownership, tree, err) < 0)
		return error_prefix(err, "reading dpkg's file lists");
	return 0;
}
