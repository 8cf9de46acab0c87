/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file is made under a hidden name and linked into place, so that whoever lists the directory
 * sees whole ones only. */
#include "library/publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/temporary.h"
#include "disk/backing.h"
#include "disk/image.h"

static char *file_name(const char *template_name, uint64_t generation, uint64_t disk)
{
	return disk ? xasprintf("%s-g%" PRIu64 "-disk%" PRIu64 ".qcow2", template_name, generation,
				disk)
		    : xasprintf("%s-g%" PRIu64 ".qcow2", template_name, generation);
}

/* Of "TEMPLATES/NAME/N/diskK.qcow2", NAME-gN...; NULL: it is no such path. */
static char *name_of_disk(const char *path, const char *templates)
{
	size_t len = strlen(templates), name_len;
	CLEANUP_FREE char *name = NULL, *again = NULL;
	uint64_t generation, disk;
	const char *rest;

	if (strncmp(path, templates, len) != 0 || path[len] != '/')
		return NULL;
	path += len + 1;
	name_len = strcspn(path, "/");
	rest = path + name_len;
	if (sscanf(rest, "/%" SCNu64 "/disk%" SCNu64, &generation, &disk) != 2)
		return NULL;
	name = xstrndup(path, name_len);
	again = xasprintf("%s/%" PRIu64 "/disk%" PRIu64 ".qcow2", name, generation, disk);
	return strcmp(again, path) == 0 ? file_name(name, generation, disk) : NULL;
}

void publish_list_new(const struct template *template, struct publish_list *ret)
{
	for (size_t i = 0; i < template->n_generations; i++) {
		const struct template_generation *generation = &template->generations[i];

		if (!generation->named || generation->problem || generation->pruned)
			continue;
		for (size_t disk = 0; disk < generation->n_disks; disk++) {
			struct publish_entry *entry = ARRAY_ADD(ret->entries, ret->n_entries);

			entry->disk = xstrdup(generation->disks[disk]);
			entry->name = file_name(template->name, generation->number, disk);
		}
	}
}

void publish_list_free(struct publish_list *list)
{
	for (size_t i = 0; i < list->n_entries; i++) {
		free(list->entries[i].name);
		free(list->entries[i].disk);
	}
	free(list->entries);
	*list = (struct publish_list){0};
}

/* What the file in the directory is backed by; NULL: it is not there, or no overlay. */
static char *backing_of(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_BACKING struct image_backing backing = {0};
	struct error ignored;

	if (fd < 0 || image_backing_read(fd, &backing, &ignored) < 0)
		return NULL;
	return steal(backing.name);
}

static int size_of(const char *disk, uint64_t *ret, struct error *err)
{
	CLEANUP_CLOSE int fd = file_open(disk, "a disk", ERROR_TRUST, err);
	CLEANUP_BACKING struct image_backing backing = {0};

	if (fd < 0 || image_backing_read(fd, &backing, err) < 0)
		return -1;
	*ret = backing.virtual_size;
	return 0;
}

/* A name that outlives the bytes in a power cut would be a file of others from then on. */
static int link_whole(const char *hidden, const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open(hidden, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0444) < 0 || fsync(fd) < 0 ||
	    (link(hidden, path) < 0 && errno != EEXIST))
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

static int make(const struct publish_entry *entry, const char *path, const char *hidden,
		struct error *err)
{
	struct image_file top = {.format = IMAGE_FORMAT_QCOW2, .fd = -1};
	const struct image image = {.files = &top, .n_files = 1};
	int result;

	if (size_of(entry->disk, &top.virtual_size, err) < 0 ||
	    image_create_overlay(&image, hidden, entry->disk, err) < 0)
		return -1;
	result = link_whole(hidden, path, err);
	unlink(hidden);
	return result;
}

static int mend_entry(const char *directory, const struct publish_entry *entry,
		      const struct monitor *monitor, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, entry->name);
	CLEANUP_FREE char *hidden = temporary_path(directory, "published");
	CLEANUP_FREE char *backing = backing_of(path);
	struct stat st;

	if (backing && strcmp(backing, entry->disk) == 0)
		return 0;
	if (lstat(path, &st) < 0)
		return make(entry, path, hidden, err);
	monitor_log(monitor, LOG_LEVEL_WARNING, "%s: not published: a file of others is there",
		    path);
	return 0;
}

static bool is_listed(const struct publish_list *list, const char *name)
{
	for (size_t i = 0; i < list->n_entries; i++)
		if (strcmp(list->entries[i].name, name) == 0)
			return true;
	return false;
}

/* Opened as read-only, of ours; -1: it is none. */
static int open_ours(int dir, const char *name, const char *templates)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_BACKING struct image_backing backing = {0};
	CLEANUP_FREE char *expected = NULL;
	struct error ignored;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0222) ||
	    image_backing_read(fd, &backing, &ignored) < 0 || !backing.name)
		return -1;
	expected = name_of_disk(backing.name, templates);
	if (!expected || strcmp(expected, name) != 0 || !image_is_empty_overlay(fd))
		return -1;
	return steal_fd(&fd);
}

bool publish_is_ours(int dir, const char *name, const char *templates)
{
	CLEANUP_CLOSE int fd = open_ours(dir, name, templates);

	return fd >= 0;
}

static bool is_of_template(const char *template_name, const char *file)
{
	CLEANUP_FREE char *name = NULL;
	uint64_t generation, disk = 0;
	size_t len = strlen(template_name);

	if (strncmp(file, template_name, len) != 0 ||
	    sscanf(file + len, "-g%" SCNu64 "-disk%" SCNu64, &generation, &disk) < 1)
		return false;
	name = file_name(template_name, generation, disk);
	return strcmp(file, name) == 0;
}

/* The directory that is mended, and what for. */
struct mending {
	const char *path, *template_directory;
	const struct publish_list *list;
	const struct monitor *monitor;
	int dir;
};

static void remove_if_stale(const struct mending *mending, const char *name)
{
	const char *template_name = strrchr(mending->template_directory, '/') + 1;
	size_t len = (size_t)(template_name - 1 - mending->template_directory);
	CLEANUP_FREE char *templates = xstrndup(mending->template_directory, len);
	CLEANUP_CLOSE int fd = -1;
	struct error ignored;
	bool in_use = true;

	if (!is_of_template(template_name, name) || is_listed(mending->list, name))
		return;
	fd = open_ours(mending->dir, name, templates);
	if (fd < 0 || image_file_in_use(fd, &in_use, &ignored) < 0 || in_use)
		return;
	if (unlinkat(mending->dir, name, 0) < 0 && errno != ENOENT)
		monitor_log(mending->monitor, LOG_LEVEL_WARNING,
			    "%s/%s: is published, and its generation is gone; it could not be "
			    "removed (%s), which the next prune tries again",
			    mending->path, name, strerror(errno));
}

int publish_mend_directory(const char *directory, const char *template_directory,
			   const struct publish_list *list, const struct monitor *monitor,
			   struct error *err)
{
	struct mending mending = {directory, template_directory, list, monitor, -1};
	DIR *dir;
	const struct dirent *entry;

	temporary_sweep(directory);
	for (size_t i = 0; i < list->n_entries; i++)
		if (mend_entry(directory, &list->entries[i], monitor, err) < 0)
			return error_prefix(err, "publish");
	dir = opendir(directory);
	if (!dir)
		return error_os(err, ERROR_IO, errno, "publish: %s", directory);
	mending.dir = dirfd(dir);
	while ((entry = readdir(dir)))
		remove_if_stale(&mending, entry->d_name);
	closedir(dir);
	return 0;
}
