/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/confine_paths.h"

#include <libgen.h>
#include <string.h>

#include "base/file.h"

enum { DIRECTORY_MODE = 0755 };

void paths_free(struct paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->items[i].path);
	free(paths->items);
	*paths = (struct paths){0};
}

static int add(struct paths *paths, const struct confined_path *rule, const char *value,
	       struct error *err)
{
	CLEANUP_FREE char *path = rule->below ? path_join(value, rule->below) : xstrdup(value);
	bool writable = rule->access != CONFINED_READ;

	if (rule->access == CONFINED_BESIDE) {
		CLEANUP_FREE char *file = steal(path);

		path = xstrdup(dirname(file));
	}
	if (writable && directory_make(path, DIRECTORY_MODE, err) < 0)
		return -1;
	*ARRAY_ADD(paths->items, paths->n) =
		(__typeof__(*paths->items)){.path = steal(path), .writable = writable};
	return 0;
}

/* `member` is what is left of the name. */
static int visit(struct paths *paths, const struct confined_path *rule, const json_t *at,
		 const char *member, struct error *err)
{
	size_t len = strcspn(member, "."), i;
	CLEANUP_FREE char *name = xstrndup(member, len);
	const json_t *element;

	if (json_is_array(at)) {
		json_array_foreach(at, i, element)
		{
			if (visit(paths, rule, element, member, err) < 0)
				return -1;
		}
		return 0;
	}
	if (json_is_string(at) && !*member)
		return add(paths, rule, json_string_value(at), err);
	if (!json_is_object(at) || !*member)
		return 0;
	return visit(paths, rule, json_object_get(at, name), member + len + (member[len] == '.'),
		     err);
}

int paths_collect(const struct confined_path *list, const json_t *input, struct paths *ret,
		  struct error *err)
{
	CLEANUP_PATHS struct paths paths = {0};

	for (; list->member; list++)
		if (visit(&paths, list, input, list->member, err) < 0)
			return -1;
	*ret = paths;
	paths = (struct paths){0};
	return 0;
}
