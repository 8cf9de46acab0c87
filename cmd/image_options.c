/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_options.h"

#include <string.h>

int image_option(struct image_options *values, int option)
{
	switch (option) {
	case OPTION_DISK:
		list_add(&values->disks, optarg);
		return 0;
	case OPTION_BACKING:
		list_add(&values->backing, optarg);
		return 0;
	case OPTION_DISK_KEY:
		list_add(&values->keys, optarg);
		return 0;
	default:
		return -1;
	}
}

/* What has a / in it is a path, anything else a template. */
static bool is_template(int n_arguments, char **arguments)
{
	return n_arguments == 1 && !strchr(arguments[0], '/');
}

int image_of_options(struct image_options *values, int n_arguments, char **arguments,
		     struct coldpatch_image *ret)
{
	const char *template_name = is_template(n_arguments, arguments) ? arguments[0] : NULL;

	for (int i = 0; i < n_arguments && !template_name; i++)
		list_add(&values->disks, arguments[i]);
	*ret = (struct coldpatch_image){.size = sizeof *ret,
					.disks = values->disks.items,
					.n_disks = values->disks.n,
					.backing = values->backing.items,
					.n_backing = values->backing.n,
					.template_name = template_name,
					.disk_keys = values->keys.items,
					.n_disk_keys = values->keys.n};
	return values->disks.n || template_name ? 0 : -1;
}
