/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU takes {"file": {"filename": F}} and {"file.filename": F} alike, a string of it may be a name
 * of either form again, and a driver of several children has several of them. */
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "disk/backing.h"

enum { MAX_NAMES_IN_NAMES = 8 };

static int add_name(const char *name, struct image_backing_files *files, unsigned depth,
		    struct error *err);

static bool is_filename(const char *key)
{
	const char *dot = strrchr(key, '.');

	return strcmp(dot ? dot + 1 : key, "filename") == 0;
}

static int add_members(const json_t *json, struct image_backing_files *files, unsigned depth,
		       struct error *err)
{
	const json_t *value;
	const char *key;
	size_t i;

	json_array_foreach(json, i, value)
	{
		if (add_members(value, files, depth, err) < 0)
			return -1;
	}
	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		if (json_is_string(value) && is_filename(key) &&
		    add_name(json_string_value(value), files, depth, err) < 0)
			return -1;
		if (add_members(value, files, depth, err) < 0)
			return -1;
	}
	return 0;
}

static bool begins_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Drivers of QEMU that reach local files by names of their own spelling. */
static bool is_of_wrapper(const char *name)
{
	static const char *const prefixes[] = {
		"blkdebug:", "blkverify:", "blklogwrites:", "blkreplay:", "fat:", "throttle:"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (begins_with(name, prefixes[i]))
			return true;
	return false;
}

static int add_name(const char *name, struct image_backing_files *files, unsigned depth,
		    struct error *err)
{
	CLEANUP_JSON json_t *json = NULL;

	if (begins_with(name, "file:"))
		name += strlen("file:");
	else if (begins_with(name, "host_device:"))
		name += strlen("host_device:");
	if (is_of_wrapper(name))
		return error_set(
			err, ERROR_IMAGE,
			"its backing file, %.200s, is not understood: name the file itself", name);
	if (strncmp(name, "json:", 5) != 0) {
		*ARRAY_ADD(files->names, files->n) = xstrdup(name);
		return 0;
	}
	if (depth > MAX_NAMES_IN_NAMES)
		return error_set(err, ERROR_IMAGE,
				 "its backing file is a name within more than %d others",
				 MAX_NAMES_IN_NAMES);
	json = json_parse(name + 5, strlen(name + 5), "its backing file", ERROR_IMAGE, err);
	return json ? add_members(json, files, depth + 1, err) : -1;
}

int image_backing_files_new(const char *name, struct image_backing_files *ret, struct error *err)
{
	CLEANUP_BACKING_FILES struct image_backing_files files = {0};

	if (add_name(name, &files, 0, err) < 0)
		return -1;
	*ret = files;
	files = (struct image_backing_files){0};
	return 0;
}

void image_backing_files_free(struct image_backing_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->names[i]);
	free(files->names);
	*files = (struct image_backing_files){0};
}
