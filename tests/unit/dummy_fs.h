/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_UNIT_DUMMY_FS_H
#define TESTS_UNIT_DUMMY_FS_H

#include "fs/fs_ops.h"

#define DUMMY_FS_MAGIC "DUMMYFS1"

extern const struct fs_ops dummy_fs_ops;
/* An empty one on a device of zeros. */
int dummy_fs_make(struct block *block, struct error *err);

#endif
