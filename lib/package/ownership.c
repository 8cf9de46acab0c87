/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/ownership.h"

#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

enum { ALIASES = 6 };

struct diversion {
	char *from, *to, *package;
};

struct filter {
	char *pattern;
	bool exclude;
};

struct list {
	char *name, *architecture; /* architecture NULL: any */
	char **paths;		   /* sorted; into `text` */
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
	struct alias aliases[ALIASES];
};

static const char *const alias_names[ALIASES] = {"/bin",   "/sbin",  "/lib",
						 "/lib32", "/lib64", "/libx32"};

static void sort_strings(char **strings, size_t n)
{
	if (n > 1)
		qsort(strings, n, sizeof *strings, strings_compare);
}

void ownership_free(struct ownership *ownership)
{
	if (!ownership)
		return;
	for (size_t i = 0; i < ownership->n_lists; i++) {
		free(ownership->lists[i].name);
		free(ownership->lists[i].architecture);
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
	for (size_t i = 0; i < ALIASES; i++)
		free(ownership->aliases[i].target);
	free(ownership->lists);
	free(ownership->real);
	free(ownership->diversions);
	free(ownership->filters);
	free(ownership);
}

static char *real_path(const struct ownership *ownership, const char *path)
{
	for (size_t i = 0; i < ALIASES; i++) {
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

char **ownership_lines(char *text, size_t *ret_n)
{
	char **lines = NULL, *rest = NULL;

	*ret_n = 0;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char **new = ARRAY_ADD(lines, *ret_n);

		*new = line;
	}
	return lines;
}

void ownership_add_list(struct ownership *ownership, const char *name, const char *architecture,
			const char *paths)
{
	struct list *list = ARRAY_ADD(ownership->lists, ownership->n_lists);

	list->name = xstrdup(name);
	list->architecture = architecture ? xstrdup(architecture) : NULL;
	list->text = xstrdup(paths);
	list->paths = ownership_lines(list->text, &list->n_paths);
	sort_strings(list->paths, list->n_paths);
	for (size_t i = 0; i < list->n_paths; i++) {
		char *real = real_path(ownership, list->paths[i]);

		*ARRAY_ADD(ownership->real, ownership->n_real) = real;
	}
}

void ownership_add_diversion(struct ownership *ownership, const char *from, const char *to,
			     const char *package)
{
	*ARRAY_ADD(ownership->diversions, ownership->n_diversions) = (struct diversion){
		.from = xstrdup(from), .to = xstrdup(to), .package = xstrdup(package)};
}

void ownership_add_filter(struct ownership *ownership, const char *pattern, bool exclude)
{
	*ARRAY_ADD(ownership->filters, ownership->n_filters) =
		(struct filter){.pattern = xstrdup(pattern), .exclude = exclude};
}

struct ownership *ownership_read(const struct package_family *family, struct tree *tree,
				 struct error *err)
{
	CLEANUP(ownership_free)
	struct ownership *ownership = xcalloc(1, sizeof *ownership);

	for (size_t i = 0; i < ALIASES; i++) {
		ownership->aliases[i].name = alias_names[i];
		if (read_alias(tree, &ownership->aliases[i], err) < 0)
			return NULL;
	}
	if (package_manager_of(family)->read_ownership(tree, ownership, err) < 0)
		return NULL;
	sort_strings(ownership->real, ownership->n_real);
	return steal(ownership);
}

static bool find_string(char **sorted, size_t n, const char *text)
{
	CLEANUP_FREE char *copy = xstrdup(text);

	return n > 0 && bsearch(&copy, sorted, n, sizeof *sorted, strings_compare) != NULL;
}

static bool is_diverted_to(const struct ownership *ownership, const char *path)
{
	for (size_t i = 0; i < ownership->n_diversions; i++) {
		CLEANUP_FREE char *real = real_path(ownership, ownership->diversions[i].to);

		if (strcmp(real, path) == 0)
			return true;
	}
	return false;
}

bool ownership_has(const struct ownership *ownership, const char *path)
{
	return find_string(ownership->real, ownership->n_real, path) ||
	       is_diverted_to(ownership, path);
}

bool ownership_has_below(const struct ownership *ownership, const char *directory)
{
	CLEANUP_FREE char *prefix = xasprintf("%s/", directory);
	size_t low = 0, high = ownership->n_real;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(ownership->real[middle], prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ownership->n_real &&
	       strncmp(ownership->real[low], prefix, strlen(prefix)) == 0;
}

static bool is_list_of(const struct list *list, const struct package_change *package)
{
	return strcmp(list->name, package->name) == 0 &&
	       (!list->architecture || strcmp(list->architecture, package->architecture) == 0);
}

/* Several versions of a package may be installed side by side, each with a list. */
bool ownership_of(const struct ownership *ownership, const struct package_change *package,
		  const char *path)
{
	for (size_t i = 0; i < ownership->n_lists; i++) {
		const struct list *list = &ownership->lists[i];

		if (is_list_of(list, package) && find_string(list->paths, list->n_paths, path))
			return true;
	}
	return false;
}

static bool has_below(const struct list *list, const char *directory)
{
	size_t len = strlen(directory);

	for (size_t i = 0; i < list->n_paths; i++)
		if (strncmp(list->paths[i], directory, len) == 0 &&
		    (list->paths[i][len] == '\0' || list->paths[i][len] == '/'))
			return true;
	return false;
}

bool ownership_of_below(const struct ownership *ownership, const struct package_change *package,
			const char *directory)
{
	for (size_t i = 0; i < ownership->n_lists; i++)
		if (is_list_of(&ownership->lists[i], package) &&
		    has_below(&ownership->lists[i], directory))
			return true;
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
