/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The originals of what was moved into the library go last of all, and only those that are what was
 * copied, whose copy is whole, that nobody has open, and that no file needs which stays: none in a
 * directory that one of them lies in, whatever it is called, and none in the clone roots.  Where
 * that cannot be told, all of them stay.
 *
 * They go from the top of each chain down, so that when one cannot be removed, what it may need is
 * still there, and stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/backing.h"
#include "library/inside.h"
#include "session/library_import.h"
#include "session/library_publish.h"
#include "session/strings.h"
#include "session/task.h"

struct originals {
	struct coldpatch_session *session;
	const json_t **files; /* borrowed */
	char **paths;
	size_t n;
	struct clones clones;
};

static void originals_free(struct originals *originals)
{
	free(originals->files);
	strings_free(originals->paths, originals->n);
	clones_free(&originals->clones);
}

static void tell(const struct originals *originals, const char *path, const char *what)
{
	monitor_log(&originals->session->monitor, LOG_LEVEL_WARNING, "%s: is copied, and %s", path,
		    what);
}

static bool is_at(const json_t *file, const char *name, const struct timespec *at)
{
	const json_t *then = json_object_get(file, name);

	return json_integer_value(json_array_get(then, 0)) == (json_int_t)at->tv_sec &&
	       json_integer_value(json_array_get(then, 1)) == (json_int_t)at->tv_nsec;
}

static bool is_as_copied(const json_t *file, const struct stat *st)
{
	return S_ISREG(st->st_mode) &&
	       json_integer_value(json_object_get(file, "device")) == (json_int_t)st->st_dev &&
	       json_integer_value(json_object_get(file, "inode")) == (json_int_t)st->st_ino &&
	       json_integer_value(json_object_get(file, "size")) == (json_int_t)st->st_size &&
	       is_at(file, "modified", &st->st_mtim) && is_at(file, "changed", &st->st_ctim);
}

static bool is_open(int fd)
{
	struct error ignored;
	bool in_use = true;

	return image_file_in_use(fd, &in_use, &ignored) < 0 || in_use;
}

/* Why it stays, or NULL.  Whether it is open is asked first: who opens it later and writes changes
 * its times. */
static const char *why_it_stays(const json_t *file, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? NULL : "could not be removed";
	if (is_open(fd))
		return "stays: a process has it open (a running machine?)";
	if (lstat(path, &st) < 0 || !is_as_copied(file, &st))
		return "stays: it was changed since";
	return NULL;
}

/* A file below several others is listed with each, and goes after the last. */
static bool is_listed_again(const json_t *files, size_t i)
{
	const json_t *path = json_object_get(json_array_get(files, i), "path");

	for (size_t j = i + 1; j < json_array_size(files); j++)
		if (json_equal(json_object_get(json_array_get(files, j), "path"), path))
			return true;
	return false;
}

static void add(struct originals *originals, const json_t *file)
{
	CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
	const char *why = path ? why_it_stays(file, path) : NULL;

	if (!path || path_is_in_library(path))
		return;
	if (why) {
		tell(originals, path, why);
		return;
	}
	originals->files[originals->n] = file;
	originals->paths[originals->n++] = steal(path);
}

static void list(struct originals *originals, const json_t *files)
{
	const json_t *file;
	size_t i;

	originals->files = xcalloc(json_array_size(files) + 1, sizeof *originals->files);
	originals->paths = xcalloc(json_array_size(files) + 1, sizeof *originals->paths);
	json_array_foreach(files, i, file)
	{
		if (!is_listed_again(files, i))
			add(originals, file);
	}
}

static void tell_unknown(const struct originals *originals)
{
	const struct clones *clones = &originals->clones;
	CLEANUP_FREE char *more = clones->n_unknown > 1
					  ? xasprintf(" (and %zu more)", clones->n_unknown - 1)
					  : xstrdup("");

	monitor_log(&originals->session->monitor, LOG_LEVEL_WARNING,
		    "%s%s: %s: what it needs is not known, so no original is removed",
		    clones->unknown[0].path, more, clones->unknown[0].why);
}

/* Is it known who needs them? */
static bool look_who_needs(struct originals *originals)
{
	struct error problem = {0};

	if (library_clones_of_files(originals->session, originals->paths, originals->n,
				    &originals->clones, &problem) < 0) {
		monitor_log(&originals->session->monitor, LOG_LEVEL_WARNING,
			    "who needs the originals is not known, so none is removed: %s",
			    problem.msg);
		return false;
	}
	if (originals->clones.n_unknown)
		tell_unknown(originals);
	return !originals->clones.n_unknown;
}

/* Who needs it, borrowed; NULL: nobody. */
static const char *needed_by(const struct originals *originals, size_t i)
{
	for (size_t j = 0; j < originals->clones.n_uses; j++) {
		const struct clone_use *use = &originals->clones.uses[j];

		if (use->target == CLONE_OF_FILE && use->number == i)
			return use->path;
	}
	return NULL;
}

/* It became a base of our library, left where it lies, while it was copied?  Why it stays then,
 * allocated; NULL: it is none. */
static char *why_base_stays(const struct originals *originals, const char *path)
{
	CLEANUP_FREE char *base = NULL;
	struct error problem = {0};

	if (import_find_referenced(originals->session->library, path, &base, &problem) < 0)
		return xasprintf("stays: whether it is a base is not known: %s", problem.msg);
	return base ? xasprintf("stays: %s leads to it", base) : NULL;
}

/* Was its copy not made in this call, and is it not what it was?  Why the original stays then,
 * allocated. */
static char *why_copy_is_none(const struct originals *originals, size_t i)
{
	CLEANUP_FREE char *base = json_bytes_value(json_object_get(originals->files[i], "base"));
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;
	struct error ignored;

	if (!base)
		return NULL;
	json_put_string(input, "path", base);
	if (task_run(originals->session, "digest", input, &result, &ignored) == 0 &&
	    strcmp(string_member(result, "sha256"), path_last(base)) == 0)
		return NULL;
	return xasprintf("stays: its copy, %s, was there before, and is damaged or cannot be read",
			 base);
}

/* What is the matter, allocated; NULL: it is gone. */
static char *remove_original(const struct originals *originals, size_t i)
{
	const char *path = originals->paths[i], *user = needed_by(originals, i);
	const char *why = why_it_stays(originals->files[i], path);
	char *base, *damaged;

	if (user)
		return xasprintf("stays: %s needs it", user);
	if (why)
		return xstrdup(why);
	base = why_base_stays(originals, path);
	if (base)
		return base;
	damaged = why_copy_is_none(originals, i);
	if (damaged)
		return damaged;
	if (unlink(path) < 0 && errno != ENOENT)
		return xasprintf("could not be removed: %s", strerror(errno));
	return NULL;
}

static void remove_all(const struct originals *originals)
{
	bool stopped = false;

	for (size_t i = 0; i < originals->n; i++) {
		CLEANUP_FREE char *problem = stopped ? xstrdup("stays: what stays may need it")
						     : remove_original(originals, i);

		if (problem)
			tell(originals, originals->paths[i], problem);
		stopped |= problem && !needed_by(originals, i);
	}
}

void import_remove_originals(struct coldpatch_session *session, const json_t *files)
{
	__attribute__((cleanup(originals_free))) struct originals originals = {.session = session};

	list(&originals, files);
	if (originals.n == 0)
		return;
	if (look_who_needs(&originals)) {
		remove_all(&originals);
		return;
	}
	for (size_t i = 0; i < originals.n; i++)
		tell(&originals, originals.paths[i], "stays: an image may need it");
}
