/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/lifetime.h"
#include "base/temporary.h"
#include "library/change.h"

enum { MAX_OWNER = 4096, TAKE_TRIES = 5 };

struct owner {
	char *host, *boot, *run;
	uint64_t pid, started;
};

static void owner_free_members(struct owner *owner)
{
	free(owner->host);
	free(owner->boot);
	free(owner->run);
}
#define CLEANUP_OWNER __attribute__((cleanup(owner_free_members)))

static bool is_old(const struct stat *st)
{
	return time(NULL) - st->st_mtime > OWNER_GONE_S;
}

static int read_owner(int fd, struct owner *ret)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_JSON json_t *json = NULL;
	struct error ignored = {0};
	struct json_reader reader = {NULL, "owner", ERROR_IO, &ignored, false};

	if (file_read_fd(fd, "owner", MAX_OWNER, &text, &ignored) < 0 || !text.data)
		return -1;
	json = json_parse(text.data, text.len, "owner", ERROR_IO, &ignored);
	reader.object = json;
	json_get_bytes(&reader, "host", &ret->host);
	json_get_string(&reader, "boot", &ret->boot);
	json_get_bytes(&reader, "run", &ret->run);
	json_get_u64(&reader, "pid", &ret->pid);
	json_get_u64(&reader, "started", &ret->started);
	return json_reader_result(&reader);
}

/* The file's owner, or -1; `ret_stat` is of what has the name, or else of the directory: that is
 * touched by whoever tries to take it. */
static int open_owner(int dir, const char *name, struct owner *ret, struct stat *ret_stat)
{
	CLEANUP_CLOSE int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	bool is_file = fd >= 0 && fstat(fd, ret_stat) == 0 && S_ISREG(ret_stat->st_mode);

	if (is_file && read_owner(fd, ret) == 0)
		return 0;
	if (!is_file && fstatat(dir, name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0 &&
	    fstat(dir, ret_stat) < 0)
		ret_stat->st_mtime = time(NULL);
	return -1;
}

static bool judge(const struct library *library, const struct owner *owner, const struct stat *st)
{
	if (owner && strcmp(owner->host, library->host) == 0 &&
	    strcmp(owner->boot, lifetime_boot()) == 0)
		return lifetime_is_over(owner->pid, owner->started);
	return is_old(st);
}

bool owner_is_gone(const struct library *library, int dir, const char *name)
{
	CLEANUP_OWNER struct owner owner = {0};
	struct stat st;
	bool known = open_owner(dir, name, &owner, &st) == 0;

	return judge(library, known ? &owner : NULL, &st);
}

char *owner_run(int dir, const char *name)
{
	CLEANUP_OWNER struct owner owner = {0};
	struct stat st;

	return open_owner(dir, name, &owner, &st) == 0 ? steal(owner.run) : NULL;
}

bool owner_temporary_is_gone(const struct library *library, int dir, const char *name)
{
	enum temporary_owner owner = temporary_owner_of(name);
	CLEANUP_CLOSE int inside = -1;
	struct stat st;

	if (owner != TEMPORARY_ELSEWHERE)
		return owner == TEMPORARY_GONE;
	inside = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (inside >= 0)
		return owner_is_gone(library, inside, OWNER_FILE);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_old(&st);
}

struct owner_file {
	int dir, fd;
	char *name;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
};

static void *touch(void *opaque)
{
	struct owner_file *owner = opaque;
	struct timespec until;

	pthread_mutex_lock(&owner->mutex);
	while (!owner->stop) {
		futimens(owner->fd, NULL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += OWNER_TOUCH_S;
		pthread_cond_timedwait(&owner->wake, &owner->mutex, &until);
	}
	pthread_mutex_unlock(&owner->mutex);
	return NULL;
}

/* Signals are for the threads that expect them. */
static int start_thread(struct owner_file *owner, struct error *err)
{
	pthread_condattr_t attributes;
	sigset_t all, before;
	int result;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&owner->mutex, NULL);
	pthread_cond_init(&owner->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&owner->thread, NULL, touch, owner);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result == 0)
		return 0;
	pthread_cond_destroy(&owner->wake);
	pthread_mutex_destroy(&owner->mutex);
	return error_os(err, ERROR_BUSY, result, "starting a thread");
}

static char *own_text(const struct library *library, const char *run)
{
	CLEANUP_JSON json_t *json = json_object();

	json_put_bytes(json, "host", library->host);
	json_put_string(json, "boot", lifetime_boot());
	json_put_bytes(json, "run", run);
	json_put_u64(json, "pid", (uint64_t)getpid());
	json_put_u64(json, "started", lifetime_started());
	return json_to_bytes(json);
}

/* A clock that was ahead touched it, or is behind now: nobody can tell how long ago that was. */
static bool is_of_future(const struct stat *st)
{
	return st->st_mtime - time(NULL) > OWNER_GONE_S;
}

static int say_busy(const struct owner *owner, const struct stat *st, const char *name,
		    struct error *err)
{
	if (is_of_future(st))
		return error_set(
			err, ERROR_BUSY,
			"%s: was touched in the future, so whether somebody has it is not "
			"known: set the clocks of all hosts, and remove it where nobody does",
			name);
	if (!owner)
		return error_set(err, ERROR_BUSY,
				 "%s: somebody has it, and does not say who; try again in ten "
				 "minutes",
				 name);
	return error_set(err, ERROR_BUSY, "%s: host %s has it, process %llu, run %s", name,
			 owner->host, (unsigned long long)owner->pid, owner->run);
}

/* Taken out of the way by a rename, and looked at again: somebody may have taken it over in
 * between, and then it is put back. */
static void take_over(const struct library *library, int dir, const char *name)
{
	CLEANUP_FREE char *aside = temporary_name("gone");

	if (renameat(dir, name, dir, aside) < 0)
		return;
	if (!owner_is_gone(library, dir, aside))
		linkat(dir, aside, dir, name, 0);
	unlinkat(dir, aside, 0);
}

void owner_clear_gone(const struct library *library, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    owner_is_gone(library, dir, name))
		take_over(library, dir, name);
}

static bool is_strange(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode);
}

static int make_file(const struct library *library, int dir, const char *name, const char *run,
		     struct error *err)
{
	CLEANUP_FREE char *text = own_text(library, run);

	for (int i = 0; i < TAKE_TRIES; i++) {
		CLEANUP_OWNER struct owner owner = {0};
		struct stat st;
		bool known;

		if (change_write_new(dir, name, text, 0644, err) == 0)
			return 0;
		if (err->kind != ERROR_BUSY)
			return -1;
		if (is_strange(dir, name))
			return error_set(
				err, ERROR_TRUST,
				"%s: is no regular file, so coldpatch did not make it; see "
				"what it is, and remove it",
				name);
		known = open_owner(dir, name, &owner, &st) == 0;
		if (!judge(library, known ? &owner : NULL, &st))
			return say_busy(known ? &owner : NULL, &st, name, err);
		take_over(library, dir, name);
	}
	return error_set(err, ERROR_BUSY, "%s: too many want it; try again", name);
}

static void owner_file_close(struct owner_file *owner)
{
	close(owner->fd);
	close(owner->dir);
	free(owner->name);
	free(owner);
}

struct owner_file *owner_file_new(const struct library *library, int dir, const char *name,
				  const char *run, struct error *err)
{
	struct owner_file *owner;

	if (make_file(library, dir, name, run, err) < 0)
		return NULL;
	owner = xcalloc(1, sizeof *owner);
	owner->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	owner->fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	owner->name = xstrdup(name);
	if (owner->dir < 0 || owner->fd < 0) {
		error_os(err, ERROR_IO, errno, "opening %s", name);
	} else if (start_thread(owner, err) == 0) {
		return owner;
	}
	unlinkat(dir, name, 0);
	owner_file_close(owner);
	return NULL;
}

static bool is_ours(const struct owner_file *owner)
{
	struct stat own, there;

	return fstat(owner->fd, &own) == 0 &&
	       fstatat(owner->dir, owner->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       own.st_dev == there.st_dev && own.st_ino == there.st_ino;
}

void owner_file_free(struct owner_file *owner)
{
	if (!owner)
		return;
	pthread_mutex_lock(&owner->mutex);
	owner->stop = true;
	pthread_cond_signal(&owner->wake);
	pthread_mutex_unlock(&owner->mutex);
	pthread_join(owner->thread, NULL);
	pthread_cond_destroy(&owner->wake);
	pthread_mutex_destroy(&owner->mutex);
	if (is_ours(owner))
		unlinkat(owner->dir, owner->name, 0);
	owner_file_close(owner);
}
