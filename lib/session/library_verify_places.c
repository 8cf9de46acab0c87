/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lies in a library, name by name.  Directories are opened beneath the library and without
 * following a link; a link is named with where it leads, and left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/temporary.h"
#include "base/text.h"
#include "library/generations.h"
#include "library/heads.h"
#include "library/owner.h"
#include "library/trash.h"
#include "session/library_verify.h"

enum { MAX_DEPTH = 64 };

struct place {
	struct verifying *verifying;
	const char *relative; /* of the directory */
	int dir;
	const char *name;
	struct stat st;
};

/* Does what has this name, and is of this type, belong there? */
typedef bool expects(const struct place *place);

static void add(const struct place *place, enum finding_status status, const char *what,
		const char *found)
{
	CLEANUP_FREE char *path = library_path(place->verifying->library, "%s%s%s", place->relative,
					       *place->relative ? "/" : "", place->name);

	finding_add(place->verifying->findings, status, what, path, NULL, found);
}

static void name_link(const struct place *place)
{
	char target[PATH_MAX] = "";
	CLEANUP_FREE char *found = NULL;

	if (readlinkat(place->dir, place->name, target, sizeof target - 1) < 0)
		target[0] = '\0';
	found = xasprintf("a link to %s", target);
	add(place, FINDING_BAD, "link", found);
}

/* A link is made aside, and nobody ever follows it there. */
static bool is_unfinished_link(const char *name)
{
	enum temporary_owner owner = temporary_owner_of(name);

	return owner == TEMPORARY_ALIVE || owner == TEMPORARY_GONE;
}

static void look(const struct place *place, expects *expected)
{
	if (expected(place))
		return;
	if (S_ISLNK(place->st.st_mode) && !is_unfinished_link(place->name))
		name_link(place);
	else if (S_ISLNK(place->st.st_mode))
		add(place, FINDING_NOTE, "leftover", "an unfinished link");
	else if (!S_ISREG(place->st.st_mode) && !S_ISDIR(place->st.st_mode))
		add(place, FINDING_BAD, "file", "is neither a file nor a directory");
	else if (!temporary_named(place->name))
		add(place, FINDING_BAD, "file", "nothing of coldpatch's has this name");
	else if (owner_temporary_is_gone(place->verifying->library, place->dir, place->name))
		add(place, FINDING_NOTE, "leftover", "whoever made it is gone");
}

static bool is_plain(const struct place *place)
{
	return S_ISREG(place->st.st_mode) || S_ISDIR(place->st.st_mode);
}

static bool is_hex(const char *name, const char *suffix)
{
	size_t len = strspn(name, "0123456789abcdef");

	return len == DIGEST_HEX_SIZE - 1 && strcmp(name + len, suffix) == 0;
}

/* A base that stays outside is a link, which prune takes as it is. */
static bool in_trash(const struct place *place)
{
	static const char being_removed[] = "trash/" TRASH_GONE;

	return is_plain(place) ||
	       (S_ISLNK(place->st.st_mode) && is_hex(place->name, "") &&
		(text_ends_with(place->relative, TRASH_BASES) ||
		 strncmp(place->relative, being_removed, strlen(being_removed)) == 0));
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

static bool in_root(const struct place *place)
{
	static const char *const names[] = {
		"bases", "templates",	     "runs",	       "layers",   "plans", "packages",
		"trash", "mirror-snapshots", "resolver-cache", "payloads", NULL};

	if (is_one_of(place->name, names))
		return S_ISDIR(place->st.st_mode);
	return S_ISREG(place->st.st_mode) && strcmp(place->name, "coldpatch.yaml") == 0;
}

/* A link there is judged with its .json, which every base has. */
static bool in_bases(const struct place *place)
{
	CLEANUP_FREE char *json = xasprintf("%s.json", place->name);
	struct stat st;

	if (is_hex(place->name, ".json"))
		return S_ISREG(place->st.st_mode);
	return is_hex(place->name, "") &&
	       (S_ISREG(place->st.st_mode) || S_ISLNK(place->st.st_mode)) &&
	       fstatat(place->dir, json, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool in_templates(const struct place *place)
{
	struct error ignored = {0};

	return S_ISDIR(place->st.st_mode) && template_name_check(place->name, &ignored) == 0;
}

/* Other names are told by template_load. */
static bool in_template(const struct place *place)
{
	static const char *const directories[] = {"heads", "pins", NULL};
	uint64_t number;

	if (is_one_of(place->name, directories) || generation_number_parse(place->name, &number))
		return S_ISDIR(place->st.st_mode);
	if (strcmp(place->name, "current") == 0)
		return S_ISLNK(place->st.st_mode) || is_plain(place);
	return is_plain(place) && place->name[0] != '.';
}

static bool is_disk(const char *name)
{
	size_t prefix = strlen("disk"), digits;

	if (strncmp(name, "disk", prefix) != 0)
		return false;
	digits = strspn(name + prefix, "0123456789");
	return digits > 0 && strcmp(name + prefix + digits, ".qcow2") == 0;
}

static bool in_generation(const struct place *place)
{
	return S_ISREG(place->st.st_mode) &&
	       (is_disk(place->name) || generation_is_beside_disks(place->name));
}

static void walk(struct verifying *verifying, const char *relative, expects *expected,
		 unsigned depth);

static char *path_of(const struct place *place)
{
	return *place->relative ? xasprintf("%s/%s", place->relative, place->name)
				: xstrdup(place->name);
}

static void walk_below(const struct place *place, expects *expected, unsigned depth)
{
	CLEANUP_FREE char *below = path_of(place);

	walk(place->verifying, below, expected, depth);
}

/* One directory; with depth, those below it, in which the same is expected. */
static void walk_names(struct place *place, char *const *names, size_t n, expects *expected,
		       unsigned depth)
{
	for (size_t i = 0; i < n; i++) {
		place->name = names[i];
		if (fstatat(place->dir, names[i], &place->st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		look(place, expected);
		if (S_ISDIR(place->st.st_mode) && depth > 0)
			walk_below(place, expected, depth - 1);
	}
}

static void walk(struct verifying *verifying, const char *relative, expects *expected,
		 unsigned depth)
{
	const char *opened = *relative ? relative : ".";
	struct place place = {.verifying = verifying, .relative = relative};
	struct error problem = {0};
	CLEANUP_CLOSE int dir =
		library_openat(verifying->library, opened, O_RDONLY | O_DIRECTORY, 0, &problem);
	char **names;
	size_t n;

	place.dir = dir;
	if (dir >= 0 &&
	    library_list_directory(verifying->library, opened, &names, &n, &problem) == 0) {
		walk_names(&place, names, n, expected, depth);
		names_free(names, n);
		return;
	}
	/* A link was named where it lies. */
	if (problem.kind != ERROR_MISSING && problem.kind != ERROR_TRUST)
		finding_add_problem(verifying->findings, verifying->library, "file", relative,
				    problem.msg);
}

static void walk_generations(struct verifying *verifying, const char *template)
{
	struct error ignored = {0};
	uint64_t number;
	char **names;
	size_t n;

	if (library_list_directory(verifying->library, template, &names, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *below = xasprintf("%s/%s", template, names[i]);

		if (generation_number_parse(names[i], &number))
			walk(verifying, below, in_generation, 0);
		else if (temporary_named(names[i]))
			walk(verifying, below, is_plain, MAX_DEPTH);
	}
	names_free(names, n);
}

void verify_template_places(struct verifying *verifying, const char *name)
{
	CLEANUP_FREE char *template = xasprintf("templates/%s", name);
	CLEANUP_FREE char *heads = xasprintf("%s/heads", template);
	CLEANUP_FREE char *pins = xasprintf("%s/pins", template);

	walk(verifying, template, in_template, 0);
	walk(verifying, heads, is_plain, 0);
	walk(verifying, pins, is_plain, 0);
	walk_generations(verifying, template);
}

void verify_library_places(struct verifying *verifying, bool all)
{
	static const char *const others[] = {"runs",	 "layers",	     "plans",
					     "packages", "mirror-snapshots", "resolver-cache",
					     "payloads"};

	walk(verifying, "", in_root, 0);
	walk(verifying, "templates", in_templates, 0);
	if (!all)
		return;
	walk(verifying, "bases", in_bases, 0);
	walk(verifying, "trash", in_trash, MAX_DEPTH);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		walk(verifying, others[i], is_plain, MAX_DEPTH);
}
