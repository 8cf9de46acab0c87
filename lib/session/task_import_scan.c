/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import-scan: {"directory", "known_files": [PATH]}
 *              -> {"images": [{"path", "below": [PATH], "kind"?, "msg"?}]}
 *
 * The images of a directory, by their names (*.qcow2, *.img, *.raw), and what is below each; of one
 * that cannot be opened, why.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/directory.h"
#include "base/file.h"
#include "base/memory.h"
#include "disk/image.h"
#include "session/strings.h"
#include "session/task.h"

enum { MAX_SCANNED = 100000 };

static bool is_called_image(const char *name)
{
	static const char *const endings[] = {".qcow2", ".img", ".raw"};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot != name && i < sizeof endings / sizeof *endings; i++)
		if (!strcmp(dot, endings[i]))
			return true;
	return false;
}

struct names {
	char **items;
	size_t n;
};

static void names_free(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

/* Regular files only: a link is another file's second name. */
static int list_images(const char *directory, struct names *ret, struct error *err)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	struct stat st;
	int result = 0;

	if (!dir)
		return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s",
				directory);
	while (ret->n <= MAX_SCANNED && (entry = directory_next(dir, directory, &result, err)))
		if (is_called_image(entry->d_name) &&
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			*ARRAY_ADD(ret->items, ret->n) = path_join(directory, entry->d_name);
	closedir(dir);
	if (ret->n > MAX_SCANNED)
		return error_set(err, ERROR_USAGE,
				 "%s: has more than %d images; import them from several "
				 "directories",
				 directory, MAX_SCANNED);
	if (ret->n)
		qsort(ret->items, ret->n, sizeof *ret->items, strings_compare);
	return result;
}

static json_t *scan_image(const char *path, const struct image_options *options)
{
	struct error problem = {0};
	CLEANUP(image_free)
	struct image *image = image_open(path, options, &problem);
	json_t *json = json_object(), *below = json_array();

	json_put_bytes(json, "path", path);
	for (size_t i = 1; image && i < image->n_files; i++)
		json_array_append_new(below, json_bytes(image->files[i].path));
	json_put(json, "below", below);
	if (image)
		return json;
	json_put_u64(json, "kind", problem.kind);
	json_put_bytes(json, "msg", problem.msg);
	return json;
}

static int scan(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	__attribute__((cleanup(names_free))) struct names names = {0};
	size_t n_known;
	CLEANUP_FREE const char **known =
		strings_of_json(json_object_get(input, "known_files"), &n_known);
	CLEANUP_FREE const char **backing = NULL;
	json_t *images = json_array();

	*ret = json_object();
	json_put(*ret, "images", images);
	if (list_images(string_member(input, "directory"), &names, err) < 0)
		return -1;
	backing = xcalloc(names.n + n_known + 1, sizeof *backing);
	for (size_t i = 0; i < names.n; i++)
		backing[i] = names.items[i];
	for (size_t i = 0; i < n_known; i++)
		backing[names.n + i] = known[i];
	const struct image_options options = {.backing = backing, .n_backing = names.n + n_known};

	for (size_t i = 0; i < names.n; i++) {
		if (monitor_check(monitor, err) < 0)
			return -1;
		json_array_append_new(images, scan_image(names.items[i], &options));
	}
	return 0;
}

const struct task task_import_scan = {.name = "import-scan", .run = scan};
