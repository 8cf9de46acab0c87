/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/directory.h"

#include <errno.h>
#include <string.h>

const struct dirent *directory_next(DIR *dir, const char *path, int *result, struct error *err)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
	if (!entry && errno)
		*result = error_os(err, ERROR_IO, errno, "%s: reading the directory", path);
	return entry;
}
