/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <fcntl.h>

#include "runner.h"

/* Opening is what copies.  What cannot be opened so, the package manager will not open either, and
 * it can say what that means. */
static void copy_up_file(int directory, const struct dirent *entry)
{
	CLEANUP_CLOSE int fd = -1;

	if (entry->d_type == DT_REG)
		fd = openat(directory, entry->d_name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static void copy_up_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)) != NULL)
		copy_up_file(dirfd(directory), entry);
	closedir(directory);
}

void copy_up(const struct job *job)
{
	for (char **path = job->copied_up; *path; path++)
		copy_up_directory(*path);
}
