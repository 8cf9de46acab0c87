/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dpkg's file lists (info/NAME.list, or NAME:ARCH.list for packages that several architectures can
 * share), diversions and path-include and path-exclude options (dpkg.cfg(5)).
 */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "package/deb/deb.h"
#include "package/ownership.h"

#define INFO_DIRECTORY	  "/var/lib/dpkg/info"
#define DIVERSIONS	  "/var/lib/dpkg/diversions"
#define OPTIONS		  "/etc/dpkg/dpkg.cfg"
#define OPTIONS_DIRECTORY "/etc/dpkg/dpkg.cfg.d"

enum { LIST_MAX = 64 << 20, OPTIONS_MAX = 1 << 20 };

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

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

struct names {
	char **items;
	size_t n_items;
	const char *suffix;
};

static int collect_name(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	struct names *names = opaque;
	size_t len = strlen(name), suffix = strlen(names->suffix);

	(void)ino;
	(void)err;
	if (len > suffix && strcmp(name + len - suffix, names->suffix) == 0) {
		char **new = ARRAY_ADD(names->items, names->n_items);

		*new = xstrdup(name);
	}
	return 0;
}

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n_items; i++)
		free(names->items[i]);
	free(names->items);
}

/* Names in a directory with this suffix, sorted; none when it is not there. */
static int list_names(struct tree *tree, const char *directory, struct names *names,
		      struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, directory, TREE_FOLLOW, &node, err);

	if (found <= 0 || !S_ISDIR(node.stat.mode))
		return found < 0 ? -1 : 0;
	if (fs_read_directory(node.fs, node.ino, collect_name, names, err) < 0)
		return -1;
	if (names->n_items > 1)
		qsort(names->items, names->n_items, sizeof *names->items, compare_strings);
	return 0;
}

static int read_lists(struct ownership *ownership, struct tree *tree, struct error *err)
{
	struct names names = {.suffix = ".list"};
	int status = list_names(tree, INFO_DIRECTORY, &names, err);

	for (size_t i = 0; status == 0 && i < names.n_items; i++)
		status = add_list(ownership, tree, names.items[i], err);
	names_free(&names);
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
	struct names names = {.suffix = ""};
	int status = list_names(tree, OPTIONS_DIRECTORY, &names, err);

	for (size_t i = 0; status == 0 && i < names.n_items; i++) {
		CLEANUP_FREE char *path = path_join(OPTIONS_DIRECTORY, names.items[i]);

		status = read_options(ownership, tree, path, err);
	}
	names_free(&names);
	return status < 0 ? -1 : read_options(ownership, tree, OPTIONS, err);
}

int deb_read_ownership(struct tree *tree, struct ownership *ownership, struct error *err)
{
	if (read_lists(ownership, tree, err) < 0 || read_diversions(ownership, tree, err) < 0 ||
	    read_filters(ownership, tree, err) < 0)
		return error_prefix(err, "reading dpkg's file lists");
	return 0;
}
