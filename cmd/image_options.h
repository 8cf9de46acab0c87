/* SPDX-License-Identifier: GPL-2.0-or-later */
/* With what every verb on an image names it. */
#ifndef COLDPATCH_CMD_IMAGE_OPTIONS_H
#define COLDPATCH_CMD_IMAGE_OPTIONS_H

#include "cmd.h"

struct image_options {
	struct list disks;   /* --disk, or the arguments */
	struct list backing; /* --backing */
	struct list keys;    /* --disk-key */
};

enum { OPTION_DISK = 2000, OPTION_BACKING, OPTION_DISK_KEY };
#define IMAGE_OPTIONS                                                                              \
	{"disk", required_argument, NULL, OPTION_DISK},                                            \
		{"disk-key", required_argument, NULL, OPTION_DISK_KEY},                            \
	{                                                                                          \
		"backing", required_argument, NULL, OPTION_BACKING                                 \
	}
#define IMAGE_OPTIONS_HELP                                                                         \
	"  --disk FILE      a disk of the guest; again for each further one, in the guest's "      \
	"order\n"                                                                                  \
	"  --backing FILE   a file that may back the image; again for each further one\n"          \
	"  --disk-key FILE  a key file of encrypted volumes (LUKS) of the guest; again for each "  \
	"further one\n"

/* 0, or -1 when it is none of these. */
int image_option(struct image_options *values, int option);
/* The image: one argument without a / is a template; the vectors are those of `values`.  -1 when
 * nothing was named. */
int image_of_options(struct image_options *values, int n_arguments, char **arguments,
		     struct coldpatch_image *ret);

#endif
