/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dpkg's file lists (info/NAME.list, or NAME:ARCH.list for packages that several architectures can
 * share), diversions and path-include and path-exclude options (dpkg.cfg(5)).
 */
#include <string.h>

#include "base/file.h"
#include "package/deb/deb.h"
#include "package/names.h"
#include "package/ownership.h"

#define INFO_DIRECTORY	  "/var/lib/dpkg/info"
#define DIVERSIONS	  "/var/lib/dpkg/diversions"
#define OPTIONS		  "/etc/dpkg/dpkg.cfg"
#define OPTIONS_DIRECTORY "/etc/dpkg/dpkg.cfg.d"

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

static void add_filters(struct ownership *ownership, char *text)
{
	CLEANUP_FREE char **lines = NULL;
	size_t n;

	lines = ownership_lines(text, &n);
	for (size_t i = 0; i < n; i++) {
		bool exclude = strncmp(lines[i], "path-exclude", 12) == 0;

		if (!exclude && strncmp(lines[i], "path-include", 12) != 0)
			continue;
		ownership_add_filter(ownership, lines[i] + 12 + strspn(lines[i] + 12, " \t="),
				     exclude);
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

/* The directory's files in order, then the file itself, as dpkg reads them. */
static int read_filters(struct ownership *ownership, struct tree *tree, struct error *err)
{
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = "", .limit = LISTS_MAX};
	int status = package_names_read(tree, OPTIONS_DIRECTORY, &names, err);

	for (size_t i = 0; status == 0 && i < names.n_items; i++) {
		CLEANUP_FREE char *path = path_join(OPTIONS_DIRECTORY, names.items[i]);

		status = read_options(ownership, tree, path, err);
	}
	return status < 0 ? -1 : read_options(ownership, tree, OPTIONS, err);
}

int deb_read_ownership(struct tree *tree, struct ownership *ownership, struct error *err)
{
	if (read_lists(ownership, tree, err) < 0 || read_diversions(ownership, tree, err) < 0 ||
	    read_filters(ownership, tree, err) < 0)
		return error_prefix(err, "reading dpkg's file lists");
	return 0;
}
