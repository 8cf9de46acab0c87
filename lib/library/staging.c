/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/temporary.h"
#include "library/change.h"
#include "library/commit.h"
#include "library/heads.h"

#define LABEL "security.selinux"

enum { MAKE_TRIES = 10, MAX_LABEL = 4096 };

/* Recovery removes the directory of an import that was killed; somebody may just do that. */
static int open_template(const struct library *library, const char *name, struct error *err)
{
	CLEANUP_CLOSE int templates = change_open_directory(library, "templates", err);
	CLEANUP_FREE char *heads = xasprintf("templates/%s/heads", name);
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);

	if (templates < 0)
		return -1;
	for (int i = 0; i < MAKE_TRIES; i++) {
		CLEANUP_CLOSE int dir = -1;
		CLEANUP_CLOSE int inside = -1;

		if (change_make_directory(templates, name, 0755, err) < 0)
			return -1;
		dir = change_open_directory(library, relative, err);
		if (dir >= 0 && change_make_directory(dir, "heads", 0755, err) == 0)
			inside = change_open_directory(library, heads, err);
		if (inside >= 0)
			return steal_fd(&dir);
		if (err->kind != ERROR_MISSING && err->os_errno != ENOENT)
			return -1;
	}
	return -1;
}

static int make_directory(struct staging *staging, int template, const char *temporary,
			  struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/%s", staging->name, temporary);
	CLEANUP_CLOSE int dir = -1;

	if (change_make_directory(template, temporary, 0755, err) < 0)
		return -1;
	dir = change_open_directory(staging->library, relative, err);
	if (dir < 0)
		return -1;
	staging->owner = owner_file_new(staging->library, dir, OWNER_FILE, staging->run, err);
	return staging->owner ? 0 : -1;
}

struct staging *staging_new(const struct library *library, const char *name, const char *run,
			    struct error *err)
{
	CLEANUP_FREE char *temporary = temporary_name(run);
	CLEANUP(staging_free)
	struct staging *staging = xcalloc(1, sizeof *staging);
	CLEANUP_CLOSE int template = -1;

	staging->library = library;
	staging->name = xstrdup(name);
	staging->run = xstrdup(run);
	if (template_name_check(name, err) < 0)
		return NULL;
	template = open_template(library, name, err);
	if (template <0)
		return NULL;
	staging->path = library_path(library, "templates/%s/%s", name, temporary);
	return make_directory(staging, template, temporary, err) < 0 ? NULL : steal(staging);
}

/* Of the parent's disk: who may read that may read the new one, and nobody else. */
struct likeness {
	bool given;
	struct stat st;
	char label[MAX_LABEL];
	ssize_t label_len; /* -1: none */
};

static int read_likeness(const char *like, struct likeness *ret, struct error *err)
{
	CLEANUP_CLOSE int fd = -1;

	*ret = (struct likeness){.label_len = -1};
	if (!like)
		return 0;
	fd = open(like, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &ret->st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", like);
	ret->given = true;
	ret->label_len = fgetxattr(fd, LABEL, ret->label, sizeof ret->label);
	return 0;
}

static bool is_disk(const char *name)
{
	size_t len = strlen(name);

	return len > 6 && strcmp(name + len - 6, ".qcow2") == 0;
}

static bool is_log(const char *name)
{
	return strstr(name, ".log") != NULL;
}

static mode_t mode_of(const char *name, const struct likeness *likeness)
{
	mode_t mode = is_disk(name) && likeness->given ? likeness->st.st_mode & 0444 : 0444;

	return is_log(name) ? 0440 : mode;
}

/* Who is not root gives away nothing, and labels where there is no SELinux mean nothing. */
static int make_like(int fd, const char *name, const struct likeness *likeness)
{
	if (likeness->given && fchown(fd, likeness->st.st_uid, likeness->st.st_gid) < 0 &&
	    errno != EPERM)
		return -1;
	if (likeness->label_len > 0 &&
	    fsetxattr(fd, LABEL, likeness->label, (size_t)likeness->label_len, 0) < 0 &&
	    errno != EPERM && errno != EOPNOTSUPP)
		return -1;
	return fchmod(fd, mode_of(name, likeness)) < 0 || fsync(fd) < 0 ? -1 : 0;
}

static int finish_file(int dir, const char *name, const struct likeness *likeness, const char *path,
		       struct error *err)
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	/* One that could not be removed before; in a generation nothing would clear it away. */
	if (temporary_named(name))
		return change_remove(dir, name, err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s/%s", path, name);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_BUG, "%s/%s: is no file", path, name);
	if (make_like(fd, name, likeness) == 0)
		return 0;
	return error_os(err, ERROR_IO, errno, "%s/%s", path, name);
}

static int finish_files(const struct staging *staging, const char *relative, const char *like,
			struct error *err)
{
	CLEANUP_CLOSE int dir = change_open_directory(staging->library, relative, err);
	struct likeness likeness;
	int result = 0;
	char **names;
	size_t n;

	if (dir < 0 || read_likeness(like, &likeness, err) < 0 ||
	    library_list_directory(staging->library, relative, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++)
		if (strcmp(names[i], OWNER_FILE) != 0)
			result = finish_file(dir, names[i], &likeness, staging->path, err);
	names_free(names, n);
	return result < 0 ? -1 : change_sync(dir, err);
}

/* Above every number that a head names or that is there: a number is never used again. */
static int first_free(const struct staging *staging, uint64_t *ret, struct error *err)
{
	CLEANUP_CLAIMS struct heads_claims claims = {0};
	CLEANUP_FREE char *relative = xasprintf("templates/%s", staging->name);
	uint64_t number, next = 0;
	char **names;
	size_t n;

	if (heads_claims_read(staging->library, staging->name, &claims, err) < 0 ||
	    library_list_directory(staging->library, relative, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < claims.n_generations; i++)
		if (claims.generations[i] >= next)
			next = claims.generations[i] + 1;
	for (size_t i = 0; i < n; i++)
		if (generation_number_parse(names[i], &number) && number >= next)
			next = number + 1;
	names_free(names, n);
	*ret = next;
	return 0;
}

static int rename_to_number(struct staging *staging, int template, struct error *err)
{
	const char *temporary = strrchr(staging->path, '/') + 1;
	struct stat st;

	for (;;) {
		CLEANUP_FREE char *name = NULL;
		int result;

		if (first_free(staging, &staging->number, err) < 0)
			return -1;
		name = xasprintf("%" PRIu64, staging->number);
		result = change_rename(template, temporary, template, name, err);
		if (result < 0 && err->kind == ERROR_BUSY)
			continue;
		/* A failing fsync comes after the rename. */
		if (fstatat(template, temporary, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT) {
			free(staging->path);
			staging->path = library_path(staging->library, "templates/%s/%s",
						     staging->name, name);
			staging->published = true;
		}
		return result;
	}
}

int staging_publish(struct staging *staging, const char *like, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", staging->name);
	CLEANUP_FREE char *inside = xasprintf("%s/%s", relative, strrchr(staging->path, '/') + 1);
	CLEANUP_CLOSE int template = change_open_directory(staging->library, relative, err);

	if (template <0 || finish_files(staging, inside, like, err) < 0)
		return -1;
	/* Another import of this name may have given up, and taken the empty directory away. */
	if (change_make_directory(template, "heads", 0755, err) < 0)
		return -1;
	return rename_to_number(staging, template, err);
}

static bool may_be_named(const struct staging *staging)
{
	CLEANUP_CLAIMS struct heads_claims claims = {0};
	struct error ignored = {0};

	return staging->published &&
	       (heads_claims_read(staging->library, staging->name, &claims, &ignored) < 0 ||
		heads_claims_name(&claims, staging->number));
}

static void drop(const struct staging *staging)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", staging->name);
	struct error ignored = {0};
	CLEANUP_CLOSE int template = change_open_directory(staging->library, relative, &ignored);

	if (template <0)
		return;
	change_remove_tree(template, strrchr(staging->path, '/') + 1, &ignored);
	template_remove_unborn(staging->library, staging->name, template);
}

void staging_free(struct staging *staging)
{
	if (!staging)
		return;
	if (staging->path && !may_be_named(staging))
		drop(staging);
	owner_file_free(staging->owner);
	free(staging->name);
	free(staging->run);
	free(staging->path);
	free(staging);
}
