/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * %_dbpath, as far as it can be told without running rpm's macros: the last plain definition of the
 * files that rpm reads, in its order (rpm(8), "macros"; platform's and the target's own are not
 * looked at, which have none).  That a distribution's file is not understood tells nothing; that
 * the administrator's is not, is an error.
 */
#include <string.h>

#include "base/file.h"
#include "package/names.h"
#include "package/rpm/location.h"

enum { MAX_MACROS = 1 << 20, MAX_FILES = 1000 };

static const struct {
	const char *path, *prefix; /* prefix NULL: a file */
} places[] = {
	{"/usr/lib/rpm/macros", NULL},
	{"/usr/lib/rpm/macros.d", "macros."},
	{"/usr/lib/rpm/redhat/macros", NULL},
	{"/usr/lib/rpm/suse_macros", NULL},
	{"/etc/rpm", "macros."},
	{"/etc/rpm/macros", NULL},
	{"/root/.rpmmacros", NULL},
};

struct setting {
	char *file, *value; /* NULL: nobody says */
};

static void set(struct setting *setting, const char *file, const char *value, size_t len)
{
	free(setting->file);
	free(setting->value);
	setting->file = xstrdup(file);
	setting->value = xstrndup(value, len);
}

static void read_lines(char *text, const char *file, struct setting *setting)
{
	static const char name[] = "%_dbpath", blanks[] = " \t\r";

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		size_t skipped;

		line += strspn(line, blanks);
		if (strncmp(line, name, sizeof name - 1) != 0)
			continue;
		line += sizeof name - 1;
		skipped = strspn(line, blanks);
		if (skipped)
			set(setting, file, line + skipped, strcspn(line + skipped, blanks));
	}
}

static int read_file(struct tree *tree, const char *path, struct setting *setting,
		     struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error failed = {0};

	if (tree_read_file(tree, path, MAX_MACROS, &text, &failed) == 0) {
		buffer_putc(&text, '\0');
		read_lines(text.data, path, setting);
		return 0;
	}
	if (failed.kind == ERROR_MISSING)
		return 0;
	*err = failed;
	return -1;
}

static int read_directory(struct tree *tree, const char *directory, const char *prefix,
			  struct setting *setting, struct error *err)
{
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = "", .limit = MAX_FILES};

	if (package_names_read(tree, directory, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n_items; i++) {
		CLEANUP_FREE char *path = path_join(directory, names.items[i]);

		if (strncmp(names.items[i], prefix, strlen(prefix)) == 0 &&
		    read_file(tree, path, setting, err) < 0)
			return -1;
	}
	return 0;
}

/* The macros that name directories in every distribution's %_dbpath.  NULL: others are in it. */
static char *expand(const char *value)
{
	static const struct {
		const char *macro, *path;
	} known[] = {{"%{_var}", "/var"},
		     {"%{_usr}", "/usr"},
		     {"%{_prefix}", "/usr"},
		     {"%{_localstatedir}", "/var"},
		     {"%{_sharedstatedir}", "/var/lib"}};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t len = strlen(known[i].macro);

		if (strncmp(value, known[i].macro, len) == 0 && !strchr(value + len, '%'))
			return xasprintf("%s%s", known[i].path, value + len);
	}
	return *value == '/' && !strchr(value, '%') ? xstrdup(value) : NULL;
}

static int is_same_directory(struct tree *tree, const char *a, const char *b, struct error *err)
{
	struct tree_node first, second;
	int found = tree_lookup(tree, a, TREE_FOLLOW, &first, err);

	if (found == 1)
		found = tree_lookup(tree, b, TREE_FOLLOW, &second, err);
	if (found == 1)
		found = first.mount == second.mount && first.ino == second.ino;
	return found;
}

static int check(struct tree *tree, const struct setting *setting, const char *directory,
		 struct error *err)
{
	CLEANUP_FREE char *path = expand(setting->value);
	int same;

	if (!path)
		return strncmp(setting->file, "/usr/", 5) == 0
			       ? 0
			       : error_set(err, ERROR_IMAGE,
					   "%s puts the package database into \"%.100s\", and only "
					   "the guest's own rpm knows where that is",
					   setting->file, setting->value);
	same = is_same_directory(tree, path, directory, err);
	if (same)
		return same < 0 ? -1 : 0;
	return error_set(err, ERROR_IMAGE,
			 "%s puts the package database into %.100s, and what is found is in %s: "
			 "start the guest, and leave one that is whole in the one place",
			 setting->file, path, directory);
}

int rpm_location_check_macros(struct tree *tree, const struct rpm_location *location,
			      struct error *err)
{
	struct setting setting = {0};
	int result = 0;

	for (size_t i = 0; i < sizeof places / sizeof *places && result == 0; i++)
		result = places[i].prefix ? read_directory(tree, places[i].path, places[i].prefix,
							   &setting, err)
					  : read_file(tree, places[i].path, &setting, err);
	if (result == 0 && setting.value)
		result = check(tree, &setting, location->directory, err);
	free(setting.file);
	free(setting.value);
	return result;
}
