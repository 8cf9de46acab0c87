/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/commit.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary.h"
#include "library/change.h"
#include "library/heads.h"

char *heads_staged_path(const struct library *library, const char *name, const char *run)
{
	CLEANUP_FREE char *temporary = temporary_name(run);

	return library_path(library, "templates/%s/heads/%s", name, temporary);
}

/* Nobody goes on from what is not there. */
static int check_previous(const char *name, int dir, uint64_t number, struct error *err)
{
	CLEANUP_FREE char *file = heads_file_name(number - 1);
	struct stat st;

	if (number <= 1 || fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return error_set(err, ERROR_TRUST, "%s: head %" PRIu64 " is gone: nothing can follow it",
			 name, number - 1);
}

static int somebody_was_faster(const char *name, uint64_t number, struct error *err)
{
	return error_set(err, ERROR_BUSY,
			 "%s: somebody else was faster with head %" PRIu64 "; try again", name,
			 number);
}

static int append(const struct library *library, const char *name, uint64_t number,
		  const char *staged, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/heads", name);
	CLEANUP_FREE char *file = heads_file_name(number);
	CLEANUP_CLOSE int dir = change_open_directory(library, relative, err);

	if (dir < 0 || check_previous(name, dir, number, err) < 0)
		return -1;
	if (change_link(AT_FDCWD, staged, dir, file, err) == 0)
		return 0;
	return err->kind == ERROR_BUSY ? somebody_was_faster(name, number, err) : -1;
}

int heads_check_last(const struct library *library, const char *name, uint64_t number,
		     struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/heads", name);
	CLEANUP_FREE char *next = heads_file_name(number + 1);
	CLEANUP_CLOSE int dir = change_open_directory(library, relative, err);
	struct stat st;

	if (dir < 0)
		return -1;
	return fstatat(dir, next, &st, AT_SYMLINK_NOFOLLOW) == 0
		       ? somebody_was_faster(name, number + 1, err)
		       : 0;
}

int heads_append(const struct library *library, const char *name, uint64_t number,
		 const char *staged, struct error *err)
{
	int result = append(library, name, number, staged, err);

	unlink(staged);
	return result;
}

/* Of two that append one after the other, the first may come to this point last: whoever writes
 * looks again whether there is a later head. */
int current_mend(const struct library *library, const char *name, uint64_t generation,
		 struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	CLEANUP_CLOSE int dir = change_open_directory(library, relative, err);

	for (;;) {
		CLEANUP_CLAIMS struct heads_claims claims = {0};
		CLEANUP_FREE char *target = xasprintf("%" PRIu64, generation);
		char found[32];
		ssize_t n;

		if (dir < 0)
			return -1;
		n = readlinkat(dir, "current", found, sizeof found);
		if ((n != (ssize_t)strlen(target) || memcmp(found, target, (size_t)n) != 0) &&
		    change_symlink(dir, "current", target, err) < 0)
			return -1;
		if (heads_claims_read(library, name, &claims, err) < 0)
			return -1;
		if (claims.unreadable || claims.last == 0 || claims.last_generation == generation)
			return 0;
		generation = claims.last_generation;
	}
}

struct owner_file *template_lease(const struct library *library, const char *name, const char *run,
				  struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	CLEANUP_CLOSE int dir = change_open_directory(library, relative, err);
	struct owner_file *owner =
		dir < 0 ? NULL : owner_file_new(library, dir, LEASE_NAME, run, err);

	if (!owner && dir >= 0)
		error_prefix(err, "template %s", name);
	return owner;
}
