/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/mounts.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

/* Blanks, tabs, newlines and backslashes are written \040. */
static void decode(char *text)
{
	char *to = text;

	for (const char *at = text; *at; to++) {
		unsigned value;

		if (at[0] == '\\' && sscanf(at + 1, "%3o", &value) == 1) {
			*to = (char)value;
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = '\0';
}

static void add_line(struct mounts *mounts, const char *line)
{
	struct mount mount = {0};

	if (sscanf(line, "%d %*d %ms %ms %ms", &mount.id, &mount.device, &mount.root,
		   &mount.point) != 4) {
		free(mount.device);
		free(mount.root);
		return;
	}
	decode(mount.root);
	decode(mount.point);
	*ARRAY_ADD(mounts->items, mounts->n) = mount;
}

int mounts_load(struct mounts *ret)
{
	CLEANUP_FCLOSE FILE *file = fopen("/proc/self/mountinfo", "re");
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;

	if (!file)
		return -1;
	while (getline(&line, &size, file) > 0)
		add_line(ret, line);
	return 0;
}

void mounts_free(struct mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++) {
		free(mounts->items[i].device);
		free(mounts->items[i].root);
		free(mounts->items[i].point);
	}
	free(mounts->items);
}

static int id_of(int fd)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fdinfo/%d", fd);
	CLEANUP_FCLOSE FILE *file = fopen(path, "re");
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;
	int id = -1;

	while (file && id < 0 && getline(&line, &size, file) > 0)
		if (sscanf(line, "mnt_id: %d", &id) != 1)
			id = -1;
	return id;
}

const struct mount *mounts_of(const struct mounts *mounts, int fd)
{
	int id = id_of(fd);

	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->items[i].id == id)
			return &mounts->items[i];
	return NULL;
}

char *mount_path_of(const struct mount *whole, const struct mount *part)
{
	size_t len = strcmp(whole->root, "/") ? strlen(whole->root) : 0;

	if (strcmp(whole->device, part->device) != 0 || strlen(part->root) <= len + 1 ||
	    strncmp(whole->root, part->root, len) != 0 || part->root[len] != '/')
		return NULL;
	return xasprintf("%s%s", strcmp(whole->point, "/") ? whole->point : "", part->root + len);
}
