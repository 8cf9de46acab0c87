/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new one is complete and on disk before it is renamed to its key, so a directory of that name
 * is whole or was damaged later.  Damage shows in the manifest: whoever writes to a file changes
 * its ctime, and only root could set that back, by setting the clock.
 */
#include "appliance/fixed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/fixed_build.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

enum { LOCK_DEADLINE_MS = 600000, LOCK_POLL_US = 100000, TEXT_LIMIT = 4096 };

static json_t *file_state(const char *directory, const char *name)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	json_t *state = json_object();
	struct stat st;

	if (lstat(path, &st) < 0)
		return state;
	json_put_u64(state, "inode", st.st_ino);
	json_put_u64(state, "mode", st.st_mode);
	json_put_u64(state, "size", (uint64_t)st.st_size);
	json_put(state, "mtime",
		 json_pack("[I,I]", (json_int_t)st.st_mtim.tv_sec, (json_int_t)st.st_mtim.tv_nsec));
	json_put(state, "ctime",
		 json_pack("[I,I]", (json_int_t)st.st_ctim.tv_sec, (json_int_t)st.st_ctim.tv_nsec));
	return state;
}

static json_t *manifest_of(const char *directory)
{
	json_t *manifest = json_object();

	for (size_t i = 0; i < FIXED_N_FILES; i++)
		json_put(manifest, fixed_files[i], file_state(directory, fixed_files[i]));
	return manifest;
}

static int read_digest(const char *directory, struct digest *ret, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, FIXED_DIGESTS);
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read(path, TEXT_LIMIT, &text, err) < 0)
		return -1;
	digest_of(text.data ? text.data : "", text.len, ret);
	return 0;
}

/* Is what lies there what was put there? */
static bool is_whole(const char *directory, struct digest *ret)
{
	CLEANUP_FREE char *path = path_join(directory, FIXED_MANIFEST);
	CLEANUP_JSON json_t *now = manifest_of(directory);
	struct error ignored = {0};
	CLEANUP_JSON json_t *then = json_read_file(path, ERROR_HOST, &ignored);

	return then && json_equal(now, then) && read_digest(directory, ret, &ignored) == 0;
}

static int lock_cache(const char *cache, const struct monitor *monitor, struct error *err)
{
	CLEANUP_FREE char *path = path_join(cache, "lock");
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int64_t end = clock_ms() + LOCK_DEADLINE_MS;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_os(err, ERROR_IO, errno, "%s", path);
		if (clock_ms() > end)
			return error_set(err, ERROR_BUSY,
					 "%s: another process has been building the appliance "
					 "for %d s",
					 path, LOCK_DEADLINE_MS / 1000);
		if (monitor_check(monitor, err) < 0)
			return -1;
		usleep(LOCK_POLL_US);
	}
	return steal_fd(&fd);
}

/* Removes what nobody uses; the caller holds the cache's lock, so nobody begins to. */
static void remove_unused(const char *cache, const char *name)
{
	CLEANUP_FREE char *path = path_join(cache, name);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct error ignored = {0};

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		directory_remove(path, &ignored);
}

static void remove_others(const char *cache, const char *kept)
{
	DIR *dir = opendir(cache);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, kept) != 0)
			remove_unused(cache, entry->d_name);
	if (dir)
		closedir(dir);
}

static int write_manifest(const char *directory, struct error *err)
{
	CLEANUP_FREE char *path = path_join(directory, FIXED_MANIFEST);
	CLEANUP_JSON json_t *manifest = manifest_of(directory);

	return json_write_file(path, manifest, 0444, err);
}

/* The damaged one of this key, if there is one, may still be in use: its name is taken from it. */
static int put_in_place(const char *cache, const char *built, const char *directory,
			struct error *err)
{
	CLEANUP_FREE char *aside = NULL;

	if (access(directory, F_OK) == 0) {
		aside = directory_make_temporary(cache, "damaged", err);
		if (!aside)
			return -1;
		if (rename(directory, aside) < 0)
			return error_os(err, ERROR_IO, errno, "%s", directory);
	}
	if (rename(built, directory) < 0)
		return error_os(err, ERROR_IO, errno, "%s", directory);
	return file_sync_directory_of(directory, err);
}

static int build(const char *cache, const char *directory, const struct monitor *monitor,
		 struct error *err)
{
	CLEANUP_FREE char *work = directory_make_temporary(cache, "new", err);
	CLEANUP_FREE char *built = work ? path_join(work, "appliance") : NULL;
	struct error ignored = {0};
	int result;

	if (!work)
		return -1;
	monitor_progress(monitor, "appliance", NULL, 0, 0);
	result = fixed_appliance_build(built, work, monitor, err);
	if (result == 0)
		result = write_manifest(built, err);
	if (result == 0)
		result = put_in_place(cache, built, directory, err);
	directory_remove(work, &ignored);
	return result;
}

static int hold(struct fixed_appliance *fixed, struct error *err)
{
	fixed->lock = open(fixed->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fixed->lock < 0 || flock(fixed->lock, LOCK_SH | LOCK_NB) < 0)
		return error_os(err, ERROR_IO, errno, "%s", fixed->directory);
	return 0;
}

struct fixed_appliance *fixed_appliance_open(const char *cache, const struct monitor *monitor,
					     struct error *err)
{
	CLEANUP(fixed_appliance_free)
	struct fixed_appliance *fixed = xcalloc(1, sizeof *fixed);
	CLEANUP_FREE char *key = NULL;
	CLEANUP_CLOSE int lock = -1;

	fixed->lock = -1;
	if (directory_make(cache, 0755, err) < 0 || !(key = fixed_appliance_key(err)) ||
	    (lock = lock_cache(cache, monitor, err)) < 0)
		return NULL;
	fixed->directory = path_join(cache, key);
	if (!is_whole(fixed->directory, &fixed->digest)) {
		if (build(cache, fixed->directory, monitor, err) < 0)
			return NULL;
		if (!is_whole(fixed->directory, &fixed->digest)) {
			error_set(err, ERROR_IO, "%s: changed while it was built",
				  fixed->directory);
			return NULL;
		}
		remove_others(cache, key);
	}
	return hold(fixed, err) < 0 ? NULL : steal(fixed);
}

void fixed_appliance_free(struct fixed_appliance *fixed)
{
	if (!fixed)
		return;
	close_p(&fixed->lock);
	free(fixed->directory);
	free(fixed);
}
