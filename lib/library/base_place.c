/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two imports may bring in one content at the same time, each with a copy of its own.  Of the
 * .jsons the last stays, of the files the first.  So that any of those fits any of these, also when
 * one import is killed, the time of a copy follows from its digest: a day between 2001 and 2017.
 * By that a copy is known, too, when the .json is that of an import which leaves the file outside
 * and was killed before its link.  The other way round the link is there and a .json that tells of
 * a copy: that nobody follows, until the file outside is read again (base_add, base_relocate).
 */
#include "library/base_place.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "library/change.h"
#include "library/trash.h"

int base_remove_staged(const char *path, struct error *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

static void time_of_copy(const struct digest *digest, struct timespec ret[2])
{
	uint32_t n;

	memcpy(&n, digest->bytes, sizeof n);
	ret[0] = ret[1] = (struct timespec){.tv_sec = 1000000000 + le32toh(n) % 500000000};
}

/* Of a file system that keeps no such time, every copy has the same other one. */
static int set_time(struct base *base, struct error *err)
{
	struct timespec times[2];
	struct stat st;

	time_of_copy(&base->digest, times);
	if (utimensat(AT_FDCWD, base->path, times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    lstat(base->path, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", base->path);
	base->mtime_s = st.st_mtim.tv_sec;
	base->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	return 0;
}

static bool is_like(const struct base *base, const struct stat *st)
{
	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == base->size &&
	       st->st_mtim.tv_sec == base->mtime_s && st->st_mtim.tv_nsec == (long)base->mtime_ns;
}

void base_take_as_copy(struct base *base)
{
	struct base copy = *base; /* its strings stay the base's */
	char below[DIGEST_HEX_SIZE];
	struct timespec times[2];
	struct stat st;

	time_of_copy(&base->digest, times);
	copy.mtime_s = times[1].tv_sec;
	copy.mtime_ns = 0;
	if (base->mode != BASE_REFERENCE || lstat(base->name, &st) < 0 || !is_like(&copy, &st))
		return;
	base->mode = BASE_COPY;
	base->mtime_s = copy.mtime_s;
	base->mtime_ns = copy.mtime_ns;
	free(base->path);
	base->path = xstrdup(base->name);
	if (!base->backing_name)
		return;
	digest_to_hex(&base->backing, below);
	free(base->backing_name);
	base->backing_name = xstrdup(below);
}

/* A file without its .json is used when it is what its name says. */
static int take_over(struct base *base, int dir, const char *file, const struct stat *st,
		     struct error *err)
{
	CLEANUP_CLOSE int fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct digest digest;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", base->name);
	if (digest_of_fd(fd, &digest, err) < 0)
		return error_prefix(err, "%s", base->name);
	if (!digest_equal(&digest, &base->digest))
		return error_set(err, ERROR_TRUST,
				 "%s: has another content than its name says; move it out of the "
				 "way",
				 base->name);
	base->mtime_s = st->st_mtim.tv_sec;
	base->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	return 0;
}

/* Before the .json is written: it has to fit what is there already. */
static int look_at_place(struct base *base, int dir, const char *file, struct error *err)
{
	struct stat st;

	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : error_os(err, ERROR_IO, errno, "%s", base->name);
	if (base->mode == BASE_REFERENCE ? S_ISLNK(st.st_mode) : is_like(base, &st))
		return 0;
	if (base->mode == BASE_REFERENCE || !S_ISREG(st.st_mode))
		return error_set(err, ERROR_BUSY,
				 "%s: is %s, which another import may be making; try again, or "
				 "move it out of the way",
				 base->name, S_ISREG(st.st_mode) ? "a file" : "a link");
	return take_over(base, dir, file, &st, err);
}

static bool is_placed(const struct base *base, int dir, const char *file)
{
	struct stat st;

	return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_like(base, &st);
}

/* Before the .json, as it may take long, and the one without the other is no base. */
static int finish_own(struct base *base, struct error *err)
{
	CLEANUP_CLOSE int fd = open(base->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, st.st_mode & 0444) < 0)
		return error_os(err, ERROR_IO, errno, "%s", base->path);
	if (set_time(base, err) < 0)
		return -1;
	return fsync(fd) < 0 ? error_os(err, ERROR_IO, errno, "%s", base->path) : 0;
}

/* The file of a copy was made beside its place, by base_staged_path. */
static int place_own(const struct base *base, int dir, const char *file, struct error *err)
{
	int result = change_link(AT_FDCWD, base->path, dir, file, err);

	if (result < 0 && err->kind == ERROR_BUSY)
		result = is_placed(base, dir, file) ? 0 : -1;
	return result < 0 ? result : base_remove_staged(base->path, err);
}

static int place_link(const struct base *base, int dir, const char *file, struct error *err)
{
	CLEANUP_FREE char *target = base_link_target(base);
	struct stat st;

	if (symlinkat(target, dir, file) == 0)
		return change_sync(dir, err);
	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		return error_set(err, ERROR_BUSY, "%s: somebody else was faster; try again",
				 base->name);
	return change_symlink(dir, file, target, err);
}

static int write_json(const struct base *base, int dir, const char *file, struct error *err)
{
	CLEANUP_FREE char *json = xasprintf("%s.json", file);
	CLEANUP_FREE char *text = base_to_text(base, NULL);

	return change_replace(dir, json, text, 0644, err);
}

/* The file is another import's copy. */
static int yield(const struct base *base, int dir, const char *file, struct error *err)
{
	struct base copy = *base;
	char below[DIGEST_HEX_SIZE];
	struct stat st;

	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	digest_to_hex(&base->backing, below);
	copy.mode = BASE_COPY;
	copy.backing_name = base->backing_name ? below : NULL;
	copy.mtime_s = st.st_mtim.tv_sec;
	copy.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	return write_json(&copy, dir, file, err);
}

/* Another import placed its file or link first, after it wrote its .json; ours may have come last.
 * A copy does not know whither another's link leads, and takes its place. */
static int settle(const struct library *library, const struct base *base, int dir, const char *file,
		  struct error *err)
{
	struct error problem = {0};
	CLEANUP(base_free)
	struct base *there = base_load(library, &base->digest, &problem);
	struct stat st;

	if (there)
		return -1;
	if (base->mode == BASE_REFERENCE) {
		if (yield(base, dir, file, &problem) < 0)
			*err = problem;
		return -1;
	}
	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(st.st_mode))
		return -1;
	if (renameat(AT_FDCWD, base->path, dir, file) < 0)
		return error_os(err, ERROR_IO, errno, "%s", base->name);
	return change_sync(dir, err);
}

static int place(const struct library *library, struct base *base, int dir, const char *file,
		 struct error *err)
{
	int result;

	if ((base->mode != BASE_REFERENCE && finish_own(base, err) < 0) ||
	    look_at_place(base, dir, file, err) < 0 || write_json(base, dir, file, err) < 0)
		return -1;
	result = base->mode == BASE_REFERENCE ? place_link(base, dir, file, err)
					      : place_own(base, dir, file, err);
	return result < 0 && err->kind == ERROR_BUSY ? settle(library, base, dir, file, err)
						     : result;
}

int base_touch(const struct library *library, const struct base *base, struct error *err)
{
	CLEANUP_CLOSE int dir = change_open_directory(library, "bases", err);
	char hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *json = NULL;

	if (dir < 0)
		return -1;
	digest_to_hex(&base->digest, hex);
	json = xasprintf("%s.json", hex);
	/* Another user's may stay as it is: nobody could touch it before, either. */
	if (utimensat(dir, json, NULL, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT &&
	    errno != EACCES && errno != EPERM)
		return error_os(err, ERROR_IO, errno, "bases/%s", json);
	return 0;
}

/* Who has added it anew wrote the .json first. */
static int take_back(int from, int to, const char *name, struct error *err)
{
	if (change_rename_new(from, name, to, name, err) == 0 || err->kind == ERROR_BUSY ||
	    err->os_errno == ENOENT)
		return 0;
	return -1;
}

int base_take_back(const struct library *library, const struct digest *digest, const char *run,
		   struct error *err)
{
	CLEANUP_FREE char *entry = xasprintf("trash/%s" TRASH_BASES, run);
	CLEANUP_CLOSE int to = change_open_directory(library, "bases", err);
	CLEANUP_CLOSE int from = to < 0 ? -1 : change_open_directory(library, entry, err);
	char hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *json = NULL;

	if (to < 0)
		return -1;
	if (from < 0)
		return err->kind == ERROR_MISSING ? 0 : -1;
	digest_to_hex(digest, hex);
	json = xasprintf("%s.json", hex);
	if (take_back(from, to, json, err) < 0 || take_back(from, to, hex, err) < 0)
		return -1;
	unlinkat(library->fd, entry, AT_REMOVEDIR);
	return 0;
}

int base_place(const struct library *library, const struct base *base, struct error *err)
{
	CLEANUP_CLOSE int dir = change_open_directory(library, "bases", err);
	char hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *name = NULL;
	struct base placed = *base; /* its strings stay the caller's */

	if (dir < 0)
		return -1;
	digest_to_hex(&base->digest, hex);
	name = library_path(library, "bases/%s", hex);
	placed.name = name;
	return place(library, &placed, dir, hex, err);
}
