/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/workspace.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/process.h"

#define LOCK_NAME "LOCK"

/* Of one that is being made: until it is locked it has another name. */
#define MAKING_SUFFIX ".new"

enum { MAKING_S = 600, GUARD_TRIES = 100, GUARD_PAUSE_MS = 100 };

/* PREFIX-20261122T140501Z-3f9a1c: what somebody else calls by our prefix is not ours to remove. */
static bool is_workspace_name(const char *name, const char *prefix, bool *ret_making)
{
	static const char pattern[] = "-00000000T000000Z-xxxxxx";
	size_t len = strlen(prefix), all = len + sizeof pattern - 1;

	if (strncmp(name, prefix, len) != 0 || strlen(name) < all)
		return false;
	*ret_making = !strcmp(name + all, MAKING_SUFFIX);
	if (name[all] && !*ret_making)
		return false;
	for (size_t i = 0; i < sizeof pattern - 1; i++) {
		char c = name[len + i];
		bool fits = pattern[i] == '0'	? isdigit((unsigned char)c)
			    : pattern[i] == 'x' ? isxdigit((unsigned char)c)
						: c == pattern[i];

		if (!fits)
			return false;
	}
	return true;
}

/* Without a lock file one that has its name is half removed already.  One that is being made may
 * have none, or one that is not locked, for a moment. */
static bool is_abandoned(int parent, const char *name, bool making)
{
	CLEANUP_CLOSE int dir =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_CLOSE int lock = -1;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 0777) != 0700)
		return false;
	if (making && st.st_mtime + MAKING_S > time(NULL))
		return false;
	lock = openat(dir, LOCK_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return lock < 0 ? errno == ENOENT : flock(lock, LOCK_EX | LOCK_NB) == 0;
}

static void sweep(const char *parent, const char *prefix)
{
	DIR *dir = opendir(parent);
	const struct dirent *entry;
	struct error ignored;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		CLEANUP_FREE char *path = path_join(parent, entry->d_name);
		bool making;

		if (is_workspace_name(entry->d_name, prefix, &making) &&
		    is_abandoned(dirfd(dir), entry->d_name, making))
			directory_remove(path, &ignored);
	}
	closedir(dir);
}

void workspaces_sweep(const char *scratch)
{
	sweep(scratch, WORKSPACE_PREFIX);
}

static int start_janitor(struct workspace *workspace, const char *janitor, struct error *err)
{
	CLEANUP_FREE char *number = NULL;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	number = xasprintf("%d", ends[0]);
	{
		const char *const argv[] = {janitor, workspace->path, number, NULL};
		const struct process_spec spec = {
			.argv = argv, .pass_fds = ends, .n_pass_fds = 1, .death_signal = SIGURG};

		workspace->janitor = process_start(&spec, -1, -1, err);
	}
	close(ends[0]);
	workspace->janitor_pipe = ends[1];
	return workspace->janitor < 0 ? -1 : 0;
}

static int take_lock(struct workspace *workspace, struct error *err)
{
	CLEANUP_FREE char *path = path_join(workspace->path, LOCK_NAME);

	workspace->lock = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (workspace->lock < 0 || flock(workspace->lock, LOCK_EX | LOCK_NB) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

/* The lock goes with the directory to its name: under that, nobody ever finds it without. */
static int make(struct workspace *workspace, const char *path, struct error *err)
{
	CLEANUP_FREE char *making = xasprintf("%s" MAKING_SUFFIX, path);

	if (mkdir(making, 0700) < 0)
		return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s", path);
	workspace->path = steal(making);
	if (take_lock(workspace, err) < 0)
		return -1;
	if (rename(workspace->path, path) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	free(workspace->path);
	workspace->path = xstrdup(path);
	return 0;
}

struct workspace *workspace_new(const char *parent, const char *prefix, const char *run,
				const char *janitor, struct error *err)
{
	CLEANUP(workspace_free)
	struct workspace *workspace = xcalloc(1, sizeof *workspace);
	CLEANUP_FREE char *path = xasprintf("%s/%s-%s", parent, prefix, run);

	workspace->lock = workspace->janitor_pipe = -1;
	sweep(parent, prefix);
	if (make(workspace, path, err) < 0 || start_janitor(workspace, janitor, err) < 0)
		return NULL;
	return steal(workspace);
}

void workspace_free(struct workspace *workspace)
{
	struct error ignored;

	if (!workspace)
		return;
	if (workspace->path)
		directory_remove(workspace->path, &ignored);
	close_p(&workspace->janitor_pipe);
	if (workspace->janitor > 0)
		while (waitpid(workspace->janitor, NULL, 0) < 0 && errno == EINTR)
			;
	close_p(&workspace->lock);
	free(workspace->path);
	free(workspace);
}

/* Workers that lost their session are still dropping what they had, so it may take some tries. */
int workspace_guard(const char *path, int pipe)
{
	struct timespec pause = {.tv_nsec = GUARD_PAUSE_MS * 1000000L};
	struct error ignored;
	char byte;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (read(pipe, &byte, 1) < 0 && errno == EINTR)
		;
	for (int i = 0; i < GUARD_TRIES; i++) {
		if (directory_remove(path, &ignored) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return 1;
}
