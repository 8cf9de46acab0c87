/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files are numbered in the state's own order; names.json holds their names, so that no name of
 * a family has to be safe as a file name. */
#include "session/state_dir.h"

#include "base/file.h"

enum { MAX_STATE_FILE = 256 << 20 };

static char *numbered(const char *directory, size_t number)
{
	return xasprintf("%s/%zu", directory, number);
}

int state_dir_write(const char *directory, const struct package_state *state, struct error *err)
{
	CLEANUP_FREE char *names_path = path_join(directory, "names.json");
	CLEANUP_JSON json_t *names = json_array();

	for (size_t i = 0; i < state->n_files; i++) {
		CLEANUP_FREE char *path = numbered(directory, i);
		const struct buffer *content = &state->files[i].content;

		if (file_replace(path, content->data, content->len, 0600, err) < 0)
			return -1;
		json_array_append_new(names, json_bytes(state->files[i].name));
	}
	return json_write_file(names_path, names, 0600, err);
}

int state_dir_read(const char *directory, struct package_state *ret, struct error *err)
{
	CLEANUP_FREE char *names_path = path_join(directory, "names.json");
	CLEANUP_JSON json_t *names = json_read_file(names_path, ERROR_BUG, err);
	CLEANUP_PACKAGE_STATE struct package_state state = {0};
	const json_t *name;
	size_t i;

	if (!names)
		return -1;
	json_array_foreach(names, i, name)
	{
		CLEANUP_FREE char *path = numbered(directory, i);
		struct package_state_file *file = ARRAY_ADD(state.files, state.n_files);

		file->name = xstrdup(json_string_value(name) ? json_string_value(name) : "");
		if (file_read(path, MAX_STATE_FILE, &file->content, err) < 0)
			return -1;
	}
	*ret = state;
	state = (struct package_state){0};
	return 0;
}
