/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * export: {"image", "outputs": [{"path", "format", "content"}]}
 *         -> {"outputs": [{"sha256", "sha512", "content", "virtual_size"}]}
 *
 * Converts each disk into one file, then reads the file afresh: a guest must see on it what it
 * would have seen on the disk, whose content digest is given.
 */
#include <string.h>

#include "base/checksum.h"
#include "base/file.h"
#include "disk/convert.h"
#include "session/strings.h"
#include "session/task.h"

struct exported {
	const char *path;
	enum image_format format;
	const struct monitor *monitor;
	struct digest content;
	uint64_t virtual_size;
};

static int convert(const json_t *image, size_t disk, const struct exported *exported,
		   struct error *err)
{
	struct image_options options = {0};
	CLEANUP_FREE const char **backing =
		strings_of_json(json_object_get(image, "backing"), &options.n_backing);
	CLEANUP(image_free)
	struct image *source = NULL;

	options.backing = backing;
	source =
		image_open(json_string_value(json_array_get(json_object_get(image, "disks"), disk)),
			   &options, err);
	if (!source)
		return -1;
	monitor_progress(exported->monitor, "convert", source->files[0].path, 0, 0);
	return image_convert(source, exported->path, exported->format, exported->monitor, err);
}

static int read_back(const char *socket_dir, struct exported *exported, struct error *err)
{
	CLEANUP(image_free)
	struct image *image = image_open_converted(exported->path, exported->format, err);
	CLEANUP(block_free)
	struct block *block = image ? image_attach(image, false, socket_dir, err) : NULL;

	if (!block)
		return -1;
	monitor_progress(exported->monitor, "digest", exported->path, 0, 0);
	exported->virtual_size = block_size(block);
	return image_content_digest(block, exported->monitor, &exported->content, err);
}

static int compare(const json_t *output, const struct exported *exported, struct error *err)
{
	const char *expected = string_member(output, "content");
	char found[DIGEST_HEX_SIZE];

	digest_to_hex(&exported->content, found);
	if (strcmp(expected, found) == 0)
		return 0;
	return error_set(
		err, ERROR_TRUST,
		"a guest would see other bytes than the record tells (content digest %s, not "
		"%s); coldpatch verify says which file was changed",
		found, expected);
}

static int describe(const struct exported *exported, json_t *list, struct error *err)
{
	CLEANUP_CLOSE int fd = file_open(exported->path, "a file", ERROR_IO, err);
	struct checksum sha512;
	struct digest sha256;
	json_t *json;

	if (fd < 0 || digest_of_fd_monitored(fd, exported->monitor, &sha256, err) < 0 ||
	    checksum_of_fd(fd, CHECKSUM_SHA512, exported->monitor, &sha512, err) < 0)
		return -1;
	json = json_object();
	json_put_digest(json, "sha256", &sha256);
	json_put_string(json, "sha512", sha512.hex);
	json_put_digest(json, "content", &exported->content);
	json_put_u64(json, "virtual_size", exported->virtual_size);
	json_array_append_new(list, json);
	return 0;
}

static int export_disk(const json_t *input, size_t disk, const char *socket_dir,
		       const struct monitor *monitor, json_t *list, struct error *err)
{
	const json_t *output = json_array_get(json_object_get(input, "outputs"), disk);
	struct exported exported = {.path = string_member(output, "path"), .monitor = monitor};

	if (!image_export_format(string_member(output, "format"), &exported.format))
		return error_set(err, ERROR_BUG, "export: no such format");
	if (convert(json_object_get(input, "image"), disk, &exported, err) < 0 ||
	    read_back(socket_dir, &exported, err) < 0 || compare(output, &exported, err) < 0)
		return -1;
	return describe(&exported, list, err);
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	const json_t *image = json_object_get(input, "image");
	CLEANUP_FREE char *socket_dir =
		directory_make_temporary(string_member(image, "work_dir"), "nbd", err);
	CLEANUP_JSON json_t *list = json_array();
	struct error ignored;
	int result = socket_dir ? 0 : -1;

	for (size_t i = 0; result == 0 && i < json_array_size(json_object_get(image, "disks")); i++)
		result = export_disk(input, i, socket_dir, monitor, list, err);
	if (socket_dir)
		directory_remove(socket_dir, &ignored);
	if (result < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "outputs", steal(list));
	return 0;
}

const struct task task_export = {.name = "export", .run = run};
