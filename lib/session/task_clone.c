/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clone: {"image", "overlays": [{"path", "backing_name"}]} -> {}
 *
 * Makes an empty overlay of each disk.
 */
#include "disk/image.h"
#include "session/strings.h"
#include "session/task.h"

static int clone_disk(const char *disk, const struct image_options *options, const json_t *overlay,
		      struct error *err)
{
	CLEANUP(image_free)
	struct image *image = image_open(disk, options, err);

	if (!image)
		return -1;
	return image_create_overlay(image, string_member(overlay, "path"),
				    string_member(overlay, "backing_name"), err);
}

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	const json_t *image = json_object_get(input, "image"), *overlay;
	size_t n_disks, n_backing, i;
	CLEANUP_FREE const char **disks =
		strings_of_json(json_object_get(image, "disks"), &n_disks);
	CLEANUP_FREE const char **backing =
		strings_of_json(json_object_get(image, "backing"), &n_backing);
	const struct image_options options = {.backing = backing, .n_backing = n_backing};

	monitor_progress(monitor, "clone", NULL, 0, 0);
	json_array_foreach(json_object_get(input, "overlays"), i, overlay)
	{
		if (i >= n_disks || clone_disk(disks[i], &options, overlay, err) < 0)
			return -1;
	}
	*ret = json_object();
	return 0;
}

const struct task task_clone = {.name = "clone", .run = run};
