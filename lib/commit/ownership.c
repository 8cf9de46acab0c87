/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commit/ownership.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define INFO_DIRECTORY	  "/var/lib/dpkg/info"
#define DIVERSIONS	  "/var/lib/dpkg/diversions"
#define OPTIONS		  "/etc/dpkg/dpkg.cfg"
#define OPTIONS_DIRECTORY "/etc/dpkg/dpkg.cfg.d"

enum { LIST_MAX = 64 << 20, OPTIONS_MAX = 1 << 20 };

struct diversion {
	char *from, *to, *package;
};

/* path-include or path-exclude of dpkg.cfg(5): the last one that matches decides. */
struct filter {
	char *pattern;
	bool exclude;
};

/* The lines of one list file. */
struct list {
	char *package; /* "NAME" or "NAME:ARCH" */
	char **paths;  /* sorted; into `text` */
	size_t n_paths;
	char *text;
};

/* A top directory that is a symlink into /usr. */
struct alias {
	const char *name;
	char *target; /* absolute, or NULL: no alias */
};

struct ownership {
	struct list *lists;
	size_t n_lists;
	char **real; /* all paths of all lists, resolved, sorted */
	size_t n_real;
	struct diversion *diversions;
	size_t n_diversions;
	struct filter *filters;
	size_t n_filters;
	struct alias aliases[6];
};

static const char *const alias_names[6] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void ownership_free(struct ownership *ownership)
{
	if (!ownership)
		return;
	for (size_t i = 0; i < ownership->n_lists; i++) {
		free(ownership->lists[i].package);
		free(ownership->lists[i].paths);
		free(ownership->lists[i].text);
	}
	for (size_t i = 0; i < ownership->n_real; i++)
		free(ownership->real[i]);
	for (size_t i = 0; i < ownership->n_diversions; i++) {
		free(ownership->diversions[i].from);
		free(ownership->diversions[i].to);
		free(ownership->diversions[i].package);
	}
	for (size_t i = 0; i < ownership->n_filters; i++)
		free(ownership->filters[i].pattern);
	for (size_t i = 0; i < 6; i++)
		free(ownership->aliases[i].target);
	free(ownership->lists);
	free(ownership->real);
	free(ownership->diversions);
	free(ownership->filters);
	free(ownership);
}

static char *real_path(const struct ownership *ownership, const char *path)
{
	for (size_t i = 0; i < 6; i++) {
		const struct alias *alias = &ownership->aliases[i];
		size_t len = strlen(alias_names[i]);

		if (alias->target && strncmp(path, alias_names[i], len) == 0 && path[len] == '/')
			return xasprintf("%s%s", alias->target, path + len);
	}
	return xstrdup(path);
}

static int read_alias(struct tree *tree, struct alias *alias, struct error *err)
{
	CLEANUP_FREE char *target = NULL;
	struct tree_node node;
	int found = tree_lookup(tree, alias->name, TREE_NOFOLLOW, &node, err);

	if (found <= 0 || !S_ISLNK(node.stat.mode))
		return found < 0 ? -1 : 0;
	target = fs_read_link(node.fs, node.ino, err);
	if (!target)
		return -1;
	alias->target = *target == '/' ? steal(target) : xasprintf("/%s", target);
	return 0;
}

/* Lines of `text`, cut in place; empty ones are left out. */
static char **split_lines(char *text, size_t *ret_n)
{
	char **lines = NULL, *rest = NULL;

	*ret_n = 0;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char **new = ARRAY_ADD(lines, *ret_n);

		*new = line;
	}
	return lines;
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

static int add_list(struct ownership *ownership, struct tree *tree, const char *name,
		    struct error *err)
{
	CLEANUP_FREE char *path = path_join(INFO_DIRECTORY, name);
	char *text = read_text(tree, path, LIST_MAX, err);
	struct list *list;

	if (!text)
		return -1;
	list = ARRAY_ADD(ownership->lists, ownership->n_lists);
	list->package = xstrndup(name, strlen(name) - strlen(".list"));
	list->text = text;
	list->paths = split_lines(text, &list->n_paths);
	if (list->n_paths > 1)
		qsort(list->paths, list->n_paths, sizeof *list->paths, compare_strings);
	for (size_t i = 0; i < list->n_paths; i++) {
		char **new = ARRAY_ADD(ownership->real, ownership->n_real);

		*new = real_path(ownership, list->paths[i]);
	}
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
	if (ownership->n_real > 1)
		qsort(ownership->real, ownership->n_real, sizeof *ownership->real, compare_strings);
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
	lines = split_lines(text, &n);
	for (size_t i = 0; i + 2 < n; i += 3) {
		struct diversion *new = ARRAY_ADD(ownership->diversions, ownership->n_diversions);

		new->from = xstrdup(lines[i]);
		new->to = xstrdup(lines[i + 1]);
		new->package = xstrdup(lines[i + 2]);
	}
	return 0;
}

static void add_filters(struct ownership *ownership, char *text)
{
	CLEANUP_FREE char **lines = NULL;
	size_t n;

	lines = split_lines(text, &n);
	for (size_t i = 0; i < n; i++) {
		bool exclude = strncmp(lines[i], "path-exclude", 12) == 0;
		struct filter *new;
		char *value;

		if (!exclude && strncmp(lines[i], "path-include", 12) != 0)
			continue;
		value = lines[i] + 12;
		value += strspn(value, " \t=");
		new = ARRAY_ADD(ownership->filters, ownership->n_filters);
		new->pattern = xstrdup(value);
		new->exclude = exclude;
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

static int read_all(struct ownership *ownership, struct tree *tree, struct error *err)
{
	for (size_t i = 0; i < 6; i++) {
		ownership->aliases[i].name = alias_names[i];
		if (read_alias(tree, &ownership->aliases[i], err) < 0)
			return -1;
	}
	if (read_lists(ownership, tree, err) < 0 || read_diversions(ownership, tree, err) < 0)
		return -1;
	return read_filters(ownership, tree, err);
}

struct ownership *ownership_read(struct tree *tree, struct error *err)
{
	CLEANUP(ownership_free)
	struct ownership *ownership = xcalloc(1, sizeof *ownership);

	if (read_all(ownership, tree, err) < 0)
		return error_prefix(err, "reading dpkg's file lists"), NULL;
	return steal(ownership);
}

static bool find_string(char **sorted, size_t n, const char *text)
{
	CLEANUP_FREE char *copy = xstrdup(text);

	return n > 0 && bsearch(&copy, sorted, n, sizeof *sorted, compare_strings) != NULL;
}

bool ownership_has(const struct ownership *ownership, const char *path)
{
	return find_string(ownership->real, ownership->n_real, path);
}

bool ownership_of(const struct ownership *ownership, const char *package, const char *path)
{
	for (size_t i = 0; i < ownership->n_lists; i++)
		if (strcmp(ownership->lists[i].package, package) == 0)
			return find_string(ownership->lists[i].paths, ownership->lists[i].n_paths,
					   path);
	return false;
}

char *ownership_place(const struct ownership *ownership, const char *package, const char *path)
{
	for (size_t i = 0; i < ownership->n_diversions; i++) {
		const struct diversion *diversion = &ownership->diversions[i];

		if (strcmp(diversion->from, path) == 0 && strcmp(diversion->package, package) != 0)
			return real_path(ownership, diversion->to);
	}
	return real_path(ownership, path);
}

bool ownership_excluded(const struct ownership *ownership, const char *path)
{
	bool excluded = false;

	for (size_t i = 0; i < ownership->n_filters; i++)
		if (fnmatch(ownership->filters[i].pattern, path, 0) == 0)
			excluded = ownership->filters[i].exclude;
	return excluded;
}
