/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_BASE_DIRECTORY_H
#define COLDPATCH_BASE_DIRECTORY_H

#include <dirent.h>

#include "base/error.h"

/* The next entry that is neither "." nor ".."; NULL at the end, and where the directory, which the
 * error calls `path`, cannot be read on: then *result is -1, with ERROR_IO.  What is there must not
 * be taken for absent. */
const struct dirent *directory_next(DIR *dir, const char *path, int *result, struct error *err);

#endif
