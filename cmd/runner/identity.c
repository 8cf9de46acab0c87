/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes a machine this machine is after the run what it was before: a package script that
 * mints host keys or a machine-id in a template would give every clone the same ones.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

enum { CONTENT_LIMIT = 1 << 20, LINK_LIMIT = 4096 };

static const char *const identity_paths[] = {
	"/etc/machine-id",
	"/etc/hostname",
	"/etc/resolv.conf",
	"/etc/adjtime",
	"/var/lib/dbus/machine-id",
	"/var/lib/systemd/random-seed",
	"/var/lib/systemd/credential.secret",
	"/var/lib/urandom/random-seed",
	"/var/lib/misc/random-seed",
};
static const char keys_directory[] = "/etc/ssh", keys_prefix[] = "ssh_host_";

struct item {
	char *path;
	bool exists;
	struct stat stat;
	struct buffer content; /* of a file; of a symlink its target */
};

struct identity {
	struct item *items;
	size_t n_items;
};

static void item_clear(struct item *item)
{
	free(item->path);
	buffer_free(&item->content);
}

void identity_free(struct identity *identity)
{
	for (size_t i = 0; identity && i < identity->n_items; i++)
		item_clear(&identity->items[i]);
	if (identity)
		free(identity->items);
	free(identity);
}

static int read_content(const char *path, struct buffer *ret)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	while (n > 0 && ret->len < CONTENT_LIMIT) {
		n = read(fd, buffer_reserve(ret, 4096), 4096);
		if (n > 0)
			ret->len += (size_t)n;
	}
	return n < 0 ? -1 : 0;
}

static int read_target(const char *path, struct buffer *ret)
{
	ssize_t n = readlink(path, buffer_reserve(ret, LINK_LIMIT), LINK_LIMIT);

	if (n < 0)
		return -1;
	ret->len = (size_t)n;
	ret->data[n] = '\0';
	return 0;
}

/* Anything but a file or a link is left to the guest. */
static int item_read(const char *path, struct item *ret)
{
	ret->path = xstrdup(path);
	if (lstat(path, &ret->stat) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	ret->exists = true;
	if (S_ISREG(ret->stat.st_mode))
		return read_content(path, &ret->content);
	return S_ISLNK(ret->stat.st_mode) ? read_target(path, &ret->content) : 0;
}

static bool known(const struct identity *identity, const char *path)
{
	for (size_t i = 0; i < identity->n_items; i++)
		if (strcmp(identity->items[i].path, path) == 0)
			return true;
	return false;
}

/* Adds the host keys that are there now and were not seen before. */
static void add_keys(struct identity *identity, bool present)
{
	DIR *directory = opendir(keys_directory);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", keys_directory, entry->d_name);

		if (strncmp(entry->d_name, keys_prefix, strlen(keys_prefix)) != 0 ||
		    known(identity, path))
			continue;
		if (present)
			item_read(path, ARRAY_ADD(identity->items, identity->n_items));
		else
			ARRAY_ADD(identity->items, identity->n_items)->path = steal(path);
	}
	if (directory)
		closedir(directory);
}

struct identity *identity_save(struct error *err)
{
	CLEANUP(identity_free)
	struct identity *identity = xcalloc(1, sizeof *identity);

	for (size_t i = 0; i < sizeof identity_paths / sizeof *identity_paths; i++)
		if (item_read(identity_paths[i], ARRAY_ADD(identity->items, identity->n_items)) <
		    0) {
			error_os(err, ERROR_HOST, errno, "read %s", identity_paths[i]);
			return NULL;
		}
	add_keys(identity, true);
	return steal(identity);
}

static bool same(const struct item *a, const struct item *b)
{
	if (a->exists != b->exists)
		return false;
	return !a->exists ||
	       (a->stat.st_mode == b->stat.st_mode && a->stat.st_uid == b->stat.st_uid &&
		a->stat.st_gid == b->stat.st_gid &&
		a->stat.st_mtim.tv_sec == b->stat.st_mtim.tv_sec &&
		a->stat.st_mtim.tv_nsec == b->stat.st_mtim.tv_nsec &&
		a->content.len == b->content.len &&
		(a->content.len == 0 ||
		 memcmp(a->content.data, b->content.data, a->content.len) == 0));
}

static int write_file(const struct item *item)
{
	CLEANUP_CLOSE int fd =
		open(item->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || (item->content.len && write(fd, item->content.data, item->content.len) !=
						    (ssize_t)item->content.len))
		return -1;
	return fchmod(fd, item->stat.st_mode & 07777);
}

static int item_write(const struct item *item, const struct item *now)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, item->stat.st_mtim};

	if (now->exists &&
	    (!item->exists || !S_ISREG(item->stat.st_mode) || !S_ISREG(now->stat.st_mode)) &&
	    unlink_quietly(item->path) < 0)
		return -1;
	if (!item->exists)
		return 0;
	if ((S_ISLNK(item->stat.st_mode) ? symlink(item->content.data, item->path)
					 : write_file(item)) < 0 ||
	    lchown(item->path, item->stat.st_uid, item->stat.st_gid) < 0)
		return -1;
	/* chown may have taken mode bits away. */
	if (S_ISREG(item->stat.st_mode) && chmod(item->path, item->stat.st_mode & 07777) < 0)
		return -1;
	return utimensat(AT_FDCWD, item->path, times, AT_SYMLINK_NOFOLLOW);
}

static int item_restore(const struct item *item, int report, struct error *err)
{
	struct item now = {0};
	int outcome = item_read(item->path, &now);

	if (outcome == 0 && !same(item, &now) &&
	    (!item->exists || S_ISREG(item->stat.st_mode) || S_ISLNK(item->stat.st_mode))) {
		outcome = item_write(item, &now);
		report_pair(report, "restored", "path", item->path);
	}
	if (outcome < 0 && err)
		error_os(err, ERROR_HOST, errno, "put %s back as it was", item->path);
	item_clear(&now);
	return err ? outcome : 0;
}

int identity_restore(const struct identity *identity, int report, struct error *err)
{
	struct identity later = {0};
	int outcome = 0;

	for (size_t i = 0; outcome == 0 && i < identity->n_items; i++)
		outcome = item_restore(&identity->items[i], report, err);
	for (size_t i = 0; i < identity->n_items; i++)
		ARRAY_ADD(later.items, later.n_items)->path = xstrdup(identity->items[i].path);
	add_keys(&later, false);
	for (size_t i = identity->n_items; outcome == 0 && i < later.n_items; i++)
		outcome = item_restore(&later.items[i], report, err);
	for (size_t i = 0; i < later.n_items; i++)
		item_clear(&later.items[i]);
	free(later.items);
	return outcome;
}
