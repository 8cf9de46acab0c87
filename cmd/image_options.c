/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image_options.h"

int image_option(struct image_options *values, int option)
{
	switch (option) {
	case OPTION_DISK:
		list_add(&values->disks, optarg);
		return 0;
	case OPTION_BACKING:
		list_add(&values->backing, optarg);
		return 0;
	default:
		return -1;
	}
}

int image_of_options(struct image_options *values, int n_arguments, char **arguments,
		     struct coldpatch_image *ret)
{
	for (int i = 0; i < n_arguments; i++)
		list_add(&values->disks, arguments[i]);
	*ret = (struct coldpatch_image){.size = sizeof *ret,
					.disks = values->disks.items,
					.n_disks = values->disks.n,
					.backing = values->backing.items,
					.n_backing = values->backing.n};
	return values->disks.n ? 0 : -1;
}
