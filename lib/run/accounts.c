/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A package script that gives a file to an account whose id the sandbox does not map gets EINVAL,
 * and many scripts go on without looking: the tree is another one than on a machine.  Nobody knows
 * whether a script does, and snapd's account of every Ubuntu has such an id, so this is a warning;
 * a file that has such an owner already is refused (view.h).
 */
#include "run/accounts.h"

#include <string.h>

#include "run/view.h"

enum { SIZE_LIMIT = 16 << 20 };

/* -2: the nobody of NFS on older 64-bit systems.  Nothing is ever given to it. */
#define NFS_NOBODY 4294967294u

static const struct {
	const char *path;
	int n_ids; /* from the third field on */
} databases[] = {{"/etc/passwd", 2}, {"/etc/group", 1}};

/* No number, as in lines of NIS ("+::::::"), is 0. */
static unsigned long long number(const char *field)
{
	size_t len = strspn(field, "0123456789");

	return len && !field[len] ? strtoull(field, NULL, 10) : 0;
}

static char *line_warning(char *line, size_t database)
{
	const char *name = strsep(&line, ":"), *field;

	strsep(&line, ":"); /* the password */
	for (int i = 0; i < databases[database].n_ids && (field = strsep(&line, ":")); i++) {
		unsigned long long id = number(field);

		if (id >= VIEW_IDS && id != NFS_NOBODY)
			return xasprintf("%.300s in %s has id %llu, and the sandbox has ids below "
					 "%u only: a file that a package gave it is not its own; "
					 "--executor appliance has all ids",
					 name, databases[database].path, id, VIEW_IDS);
	}
	return NULL;
}

static char *database_warning(struct tree *tree, size_t database)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error ignored;
	char *rest, *line, *warning = NULL;

	if (tree_read_file(tree, databases[database].path, SIZE_LIMIT, &text, &ignored) < 0)
		return NULL;
	for (rest = text.data; !warning && (line = strsep(&rest, "\n"));)
		warning = line_warning(line, database);
	return warning;
}

char *accounts_warning(struct tree *tree)
{
	char *warning = NULL;

	for (size_t i = 0; !warning && i < sizeof databases / sizeof *databases; i++)
		warning = database_warning(tree, i);
	return warning;
}
