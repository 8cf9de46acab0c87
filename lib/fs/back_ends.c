/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alone in its file: a test that brings a back end of its own links another table instead. */
#include <stddef.h>

#include "fs/fs_ops.h"

const struct fs_ops *const fs_back_ends[] = {&ext_ops, NULL};
