/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of file systems that an appliance mounts for us.  To add one, name it in the table of
 * copied_type.c. */
#ifndef COLDPATCH_FS_COPIED_TYPE_H
#define COLDPATCH_FS_COPIED_TYPE_H

#include "fs/fs.h"

struct copied_type {
	const char *name;		/* as probed */
	const char *driver;		/* as mount(2) takes it */
	const char *options;		/* of mount(2) */
	const char *part_option;	/* the option that chooses a tree, with its "="; or NULL */
	const char *const *root_parts;	/* where distributions put their root; NULL-terminated */
	const char *const *aliases;	/* attributes that show others in another form */
	const struct fs_limits *limits; /* as it is mounted with the options; NULL: none */
};

/* NULL when there is no such type. */
const struct copied_type *copied_type_find(const char *name);

#endif
