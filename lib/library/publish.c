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
#include "disk/backing.h"
#include "disk/image.h"
#include "library/clones.h"

static const char *skip_digits(const char *text)
{
	return text + strspn(text, "0123456789");
}

/* "gN.qcow2" or "gN-diskK.qcow2"? */
static bool is_suffix(const char *text)
{
	const char *end = skip_digits(text + 1);

	if (text[0] != 'g' || end == text + 1)
		return false;
	if (strncmp(end, "-disk", 5) == 0 && skip_digits(end + 5) > end + 5)
		end = skip_digits(end + 5);
	return strcmp(end, ".qcow2") == 0;
}

bool publish_is_name(const char *file)
{
	for (const char *dash = strchr(file, '-'); dash; dash = strchr(dash + 1, '-'))
		if (dash > file && is_suffix(dash + 1))
			return true;
	return false;
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
			entry->name = disk ? xasprintf("%s-g%" PRIu64 "-disk%zu.qcow2",
						       template->name, generation->number, disk)
					   : xasprintf("%s-g%" PRIu64 ".qcow2", template->name,
						       generation->number);
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

static int make(const struct publish_entry *entry, const char *path, const char *hidden,
		struct error *err)
{
	struct image_file top = {.format = IMAGE_FORMAT_QCOW2, .fd = -1};
	const struct image image = {.files = &top, .n_files = 1};
	int result;

	if (size_of(entry->disk, &top.virtual_size, err) < 0 ||
	    image_create_overlay(&image, hidden, entry->disk, err) < 0)
		return -1;
	result = chmod(hidden, 0444) < 0 || (link(hidden, path) < 0 && errno != EEXIST)
			 ? error_os(err, ERROR_IO, errno, "%s", path)
			 : 0;
	unlink(hidden);
	return result;
}

static int mend_entry(const char *directory, const struct publish_entry *entry,
		      const struct monitor *monitor, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, entry->name);
	CLEANUP_FREE char *hidden = xasprintf("%s/.%s.%d", directory, entry->name, (int)getpid());
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

static void remove_if_stale(const char *directory, const char *template_directory,
			    const struct publish_list *list, const char *name)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_FREE char *backing = NULL;
	size_t len = strlen(template_directory);

	if (!publish_is_name(name) || is_listed(list, name))
		return;
	backing = backing_of(path);
	if (backing && !strncmp(backing, template_directory, len) && backing[len] == '/')
		unlink(path);
}

int publish_mend_directory(const char *directory, const char *template_directory,
			   const struct publish_list *list, const struct monitor *monitor,
			   struct error *err)
{
	DIR *dir;
	const struct dirent *entry;

	for (size_t i = 0; i < list->n_entries; i++)
		if (mend_entry(directory, &list->entries[i], monitor, err) < 0)
			return error_prefix(err, "publish");
	dir = opendir(directory);
	if (!dir)
		return error_os(err, ERROR_IO, errno, "publish: %s", directory);
	while ((entry = readdir(dir)))
		remove_if_stale(directory, template_directory, list, entry->d_name);
	closedir(dir);
	return 0;
}
