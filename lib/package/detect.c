/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose guest is it?  A system may have the database of another family as well, when somebody
 * installed that family's tools: so what os-release says comes first, and its word alone is not
 * enough.  Where the two do not agree nothing is guessed: the wrong database would make a guest
 * without updates.
 */
#include <string.h>

#include "base/memory.h"
#include "package/families.h"

static bool has_system(const struct package_family *family, const char *word, size_t len)
{
	for (const char *const *system = family->systems; system && *system; system++)
		if (strlen(*system) == len && strncmp(*system, word, len) == 0)
			return true;
	return false;
}

static const struct package_family *of_word(const char *word, size_t len)
{
	for (size_t i = 0; package_families[i]; i++)
		if (has_system(package_families[i], word, len))
			return package_families[i];
	return NULL;
}

/* The first word that some family knows decides; ID_LIKE has the closest relation first. */
static const struct package_family *of_words(const char *words)
{
	const struct package_family *found = NULL;

	for (size_t len; words && *words && !found; words += len) {
		words += strspn(words, " ");
		len = strcspn(words, " ");
		found = of_word(words, len);
	}
	return found;
}

static int no_database(struct error *err)
{
	CLEANUP_BUFFER struct buffer tried = {0};

	for (size_t i = 0; package_families[i]; i++)
		buffer_printf(&tried, "%s%s", i ? ", " : "", package_families[i]->database);
	return error_set(err, ERROR_IMAGE, "no known package database in the guest: looked for %s",
			 tried.data);
}

/* The only one of the families but `named` whose database is there, or NULL. */
static const struct package_family *only_one(struct tree *tree, const struct package_family *named,
					     struct error *err)
{
	const struct package_family *only = NULL;

	for (size_t i = 0; package_families[i]; i++) {
		const struct package_family *family = package_families[i];
		int found = family == named ? 0 : package_manager_of(family)->detect(tree, err);

		if (found < 0)
			return NULL;
		if (found && only)
			return error_set(err, ERROR_IMAGE,
					 "there are two package databases, %s and %s, and nothing "
					 "in os-release (ID, ID_LIKE) tells which of them is the "
					 "system's: say it there",
					 only->database, family->database),
			       NULL;
		if (found)
			only = family;
	}
	if (!only)
		no_database(err);
	return only;
}

const struct package_family *package_family_detect(struct tree *tree, const struct guest_os *os,
						   struct error *err)
{
	const struct package_family *named = of_words(os->id), *other;
	int found;

	if (!named)
		named = of_words(os->id_like);
	found = named ? package_manager_of(named)->detect(tree, err) : 0;
	if (found)
		return found < 0 ? NULL : named;
	other = only_one(tree, named, err);
	if (other && named)
		return error_set(err, ERROR_IMAGE,
				 "os-release says that this is %s, whose package database would be "
				 "%s, but only %s is there: start the guest and restore its "
				 "database",
				 os->id, named->database, other->database),
		       NULL;
	return other;
}
