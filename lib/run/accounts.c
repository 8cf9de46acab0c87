/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A package script that gives a file to an account whose id the sandbox does not map gets EINVAL,
 * and many scripts go on without looking: the tree would be another one than on a machine, and
 * nobody would be told.  So such an account is refused as a file that it owns would be.
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

static int check_line(char *line, size_t database, struct error *err)
{
	const char *name = strsep(&line, ":"), *field;

	strsep(&line, ":"); /* the password */
	for (int i = 0; i < databases[database].n_ids && (field = strsep(&line, ":")); i++) {
		unsigned long long id = number(field);

		if (id >= VIEW_IDS && id != NFS_NOBODY)
			return error_set(err, ERROR_HOST,
					 "%.300s in %s has id %llu, and the sandbox has ids below "
					 "%u only; use --executor appliance",
					 name, databases[database].path, id, VIEW_IDS);
	}
	return 0;
}

static int check_database(struct tree *tree, size_t database, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	char *rest, *line;

	if (tree_read_file(tree, databases[database].path, SIZE_LIMIT, &text, err) < 0)
		return err->kind == ERROR_MISSING || err->kind == ERROR_IMAGE ? 0 : -1;
	for (rest = text.data; (line = strsep(&rest, "\n"));)
		if (check_line(line, database, err) < 0)
			return -1;
	return 0;
}

int accounts_check(struct tree *tree, struct error *err)
{
	for (size_t i = 0; i < sizeof databases / sizeof *databases; i++)
		if (check_database(tree, i, err) < 0)
			return -1;
	return 0;
}
