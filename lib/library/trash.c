/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is left of a generation (its record, the mark) is made in the trash, under the name that the
 * generation is to have there, and the two are exchanged.  Where the file system cannot exchange
 * (NFS), there is a moment without either; recovery takes back what a killed prune left so.
 *
 * Several may want one generation back at the same time.  An exchange that is done twice is none,
 * so it is claimed first: renamed to a name that nobody else uses.  Once it has that name, either
 * it holds disks, and nobody moves them but the claimant or one who renames it again; or it holds
 * what was left of the generation, and somebody else was faster.
 */
#include "library/trash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/directory.h"
#include "base/file.h"

#define RECORD	   "record.sigstore.json"
#define FIRST_DISK "disk0.qcow2"
#define CLAIMED	   ".back-"
#define ASIDE	   ".rest"
#define RUN_STAMP  "20261122T140501Z"

enum { TRIES = 100, PAUSE_MS = 20, MAX_MARK = 1 << 20, MAX_BELOW = 4096 };

int64_t run_id_time(const char *run)
{
	struct tm utc = {0};
	const char *end = strptime(run, "%Y%m%dT%H%M%SZ", &utc);

	if (!end || end - run != sizeof RUN_STAMP - 1 || *end != '-')
		return -1;
	return timegm(&utc);
}

static uint32_t random_number(void)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof number, 0) != sizeof number)
		number = (uint32_t)getpid();
	return number;
}

static int open_trash(const struct library *library, struct error *err)
{
	if (mkdirat(library->fd, "trash", 0750) < 0 && errno != EEXIST)
		return error_os(err, ERROR_IO, errno, "%s/trash", library->path);
	return library_openat(library, "trash", O_RDONLY | O_DIRECTORY, 0, err);
}

static int open_template(const struct library *library, const char *name, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);

	return library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, err);
}

static int open_generation(const struct library *library, const char *name, uint64_t number,
			   struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/%" PRIu64, name, number);

	return library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, err);
}

static bool has_file(int dir, const char *name)
{
	struct stat st;

	return dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool entry_has_disks(int trash, const char *entry)
{
	CLEANUP_CLOSE int dir =
		openat(trash, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return has_file(dir, FIRST_DISK);
}

static int sync_both(int a, int b, struct error *err)
{
	if (fsync(a) < 0 || fsync(b) < 0)
		return error_os(err, ERROR_IO, errno, "fsync of the trash");
	return 0;
}

/* --- taking --- */

static char *mark_text(const struct trash_order *order)
{
	CLEANUP_JSON json_t *mark = json_object();
	json_t *below = json_array();

	for (size_t i = 0; i < order->n_below; i++)
		json_array_append_new(below, json_integer((json_int_t)order->below[i]));
	json_put(mark, "below", below);
	json_put_string(mark, "run", order->run);
	json_put_u64(mark, "time", (uint64_t)time(NULL));
	return json_to_bytes(mark);
}

static int write_mark(int dir, const struct trash_order *order, struct error *err)
{
	CLEANUP_FREE char *text = mark_text(order);
	CLEANUP_CLOSE int fd =
		openat(dir, TRASH_MARK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, TRASH_MARK);
	if (file_write_all(fd, text, strlen(text), err) < 0)
		return -1;
	return fsync(fd) < 0 ? error_os(err, ERROR_IO, errno, TRASH_MARK) : 0;
}

/* What is to stay. */
static int make_rest(const struct library *library, int trash, const char *entry,
		     const struct trash_order *order, struct error *err)
{
	CLEANUP_CLOSE int from = open_generation(library, order->name, order->number, err);
	CLEANUP_CLOSE int rest = -1;

	if (from < 0)
		return -1;
	if (mkdirat(trash, entry, 0755) < 0)
		return error_os(err, ERROR_IO, errno, "trash/%s", entry);
	rest = openat(trash, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rest < 0 || linkat(from, RECORD, rest, RECORD, 0) < 0) {
		if (errno == EXDEV)
			return error_set(err, ERROR_IO,
					 "%s/trash: lies on another file system than template %s, "
					 "and nothing can be moved there: it has to be a directory "
					 "of the library's own",
					 library->path, order->name);
		return error_os(err, ERROR_IO, errno, "%s@%" PRIu64 ": " RECORD, order->name,
				order->number);
	}
	if (write_mark(rest, order, err) < 0)
		return -1;
	return fsync(rest) < 0 ? error_os(err, ERROR_IO, errno, "trash/%s", entry) : 0;
}

/* The file system, or the kernel, has no renameat2 with that flag. */
static bool lacks_flag(int os_errno)
{
	return os_errno == EINVAL || os_errno == ENOSYS;
}

/* The directory `place` of `dir` and the `entry` of the trash change places. */
static int exchange(int trash, const char *entry, int dir, const char *place, struct error *err)
{
	CLEANUP_FREE char *aside = xasprintf("%s" ASIDE, entry);

	if (renameat2(trash, entry, dir, place, RENAME_EXCHANGE) == 0)
		return 0;
	if (!lacks_flag(errno))
		return error_os(err, ERROR_IO, errno, "trash/%s", entry);
	if (renameat(trash, entry, trash, aside) < 0 || renameat(dir, place, trash, entry) < 0 ||
	    renameat(trash, aside, dir, place) < 0)
		return error_os(err, ERROR_IO, errno, "trash/%s", entry);
	return 0;
}

static void drop_entry(const struct library *library, int trash, const char *entry)
{
	CLEANUP_FREE char *path = library_path(library, "trash/%s", entry);
	struct error ignored;

	if (!entry_has_disks(trash, entry))
		directory_remove(path, &ignored);
}

int trash_take_generation(const struct library *library, const struct trash_order *order,
			  bool *ret_taken, struct error *err)
{
	CLEANUP_FREE char *entry =
		xasprintf("%s-%s-%" PRIu64, order->run, order->name, order->number);
	CLEANUP_FREE char *place = xasprintf("%" PRIu64, order->number);
	CLEANUP_CLOSE int trash = open_trash(library, err);
	CLEANUP_CLOSE int template = trash < 0 ? -1 : open_template(library, order->name, err);

	*ret_taken = false;
	if (template <0)
		return -1;
	if (make_rest(library, trash, entry, order, err) < 0 || sync_both(trash, trash, err) < 0 ||
	    exchange(trash, entry, template, place, err) < 0) {
		*ret_taken = entry_has_disks(trash, entry);
		drop_entry(library, trash, entry);
		return -1;
	}
	*ret_taken = true;
	return sync_both(template, trash, err);
}

/* --- taking back --- */

/* RUN-NAME-N, also one that somebody has claimed, or had in hand when he was killed. */
static bool is_entry_of(const char *entry, const char *name, uint64_t number)
{
	CLEANUP_FREE char *tail = xasprintf("-%s-%" PRIu64, name, number);
	size_t len = strlen(tail);
	const char *rest;

	if (run_id_time(entry) < 0 || strlen(entry) < RUN_ID_LENGTH + len ||
	    strncmp(entry + RUN_ID_LENGTH, tail, len) != 0)
		return false;
	rest = entry + RUN_ID_LENGTH + len;
	if (strncmp(rest, CLAIMED, sizeof CLAIMED - 1) == 0)
		rest += sizeof CLAIMED - 1 + strspn(rest + sizeof CLAIMED - 1, "0123456789");
	return !*rest || strcmp(rest, ASIDE) == 0;
}

/* *ret is NULL when there is none. */
static int find_entry(int trash, const char *name, uint64_t number, char **ret, struct error *err)
{
	int copy = openat(trash, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	char *found = NULL;
	int result = 0;

	if (!dir) {
		close_p(&copy);
		return error_os(err, ERROR_IO, errno, "trash");
	}
	while (!found && (entry = directory_next(dir, "trash", &result, err)))
		if (is_entry_of(entry->d_name, name, number) &&
		    entry_has_disks(trash, entry->d_name))
			found = xstrdup(entry->d_name);
	closedir(dir);
	*ret = found;
	return result;
}

static int rename_to_new(int trash, const char *entry, int dir, const char *name)
{
	if (renameat2(trash, entry, dir, name, RENAME_NOREPLACE) == 0)
		return 0;
	/* A directory never takes the place of one that holds something. */
	return lacks_flag(errno) ? renameat(trash, entry, dir, name) : -1;
}

/* Somebody else has moved what was there, or put something there. */
static bool was_faster(int os_errno)
{
	return os_errno == ENOENT || os_errno == EEXIST || os_errno == ENOTEMPTY;
}

/* 1: it is in its place now; 0: somebody else was faster.  `plain` is the entry's name before
 * anybody claimed it. */
static int put_back(const struct library *library, int trash, const char *entry, size_t plain,
		    int template, const char *place, struct error *err)
{
	CLEANUP_FREE char *claim =
		xasprintf("%.*s" CLAIMED "%" PRIu32, (int)plain, entry, random_number());

	if (rename_to_new(trash, entry, trash, claim) < 0)
		return was_faster(errno) ? 0 : error_os(err, ERROR_IO, errno, "trash/%s", entry);
	if (!entry_has_disks(trash, claim))
		return 0;
	if (rename_to_new(trash, claim, template, place) < 0 &&
	    exchange(trash, claim, template, place, err) < 0)
		return was_faster(err->os_errno) ? 0 : -1;
	drop_entry(library, trash, claim);
	return 1;
}

/* Tried that often: somebody else may have it in hand. */
static int take_back_one(const struct library *library, const char *name, uint64_t number,
			 int tries, struct error *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	CLEANUP_FREE char *place = xasprintf("%" PRIu64, number);
	size_t plain = RUN_ID_LENGTH + strlen(name) + strlen(place) + 2;
	CLEANUP_CLOSE int trash = open_trash(library, err);
	CLEANUP_CLOSE int template = trash < 0 ? -1 : open_template(library, name, err);
	struct error ignored;

	if (template <0)
		return -1;
	for (int i = 0; i < tries; i++) {
		CLEANUP_CLOSE int dir = open_generation(library, name, number, &ignored);
		CLEANUP_FREE char *entry = NULL;
		int back = 0;

		if (has_file(dir, FIRST_DISK))
			return 0;
		if (find_entry(trash, name, number, &entry, err) < 0)
			return -1;
		if (entry)
			back = put_back(library, trash, entry, plain, template, place, err);
		if (back)
			return back < 0 ? -1 : sync_both(template, trash, err);
		if (i + 1 < tries)
			nanosleep(&pause, NULL);
	}
	return error_set(err, ERROR_MISSING,
			 "%s@%" PRIu64 ": was pruned, and is not in the trash any more", name,
			 number);
}

static bool read_below(int dir, uint64_t *ret, size_t *ret_n)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_CLOSE int fd = openat(dir, TRASH_MARK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_JSON json_t *mark = NULL;
	const json_t *number;
	struct error ignored;
	size_t i;

	if (fd < 0 || file_read_fd(fd, TRASH_MARK, MAX_MARK, &text, &ignored) < 0)
		return false;
	mark = json_parse(text.data ? text.data : "", text.len, TRASH_MARK, ERROR_TRUST, &ignored);
	json_array_foreach(json_object_get(mark, "below"), i, number) if (i < MAX_BELOW)
		ret[(*ret_n)++] = (uint64_t)json_integer_value(number);
	return mark;
}

static int take_back(const struct library *library, const char *name, uint64_t number, int tries,
		     struct error *err)
{
	struct error ignored;
	CLEANUP_CLOSE int dir = open_generation(library, name, number, &ignored);
	CLEANUP_FREE uint64_t *below = xcalloc(MAX_BELOW, sizeof *below);
	size_t n_below = 0;

	if (dir >= 0 && has_file(dir, FIRST_DISK))
		return 0;
	if (dir >= 0)
		read_below(dir, below, &n_below);
	if (take_back_one(library, name, number, tries, err) < 0)
		return -1;
	for (size_t i = 0; i < n_below; i++)
		if (take_back_one(library, name, below[i], tries, err) < 0)
			return -1;
	return 0;
}

int trash_take_back(const struct library *library, const char *name, uint64_t number,
		    struct error *err)
{
	return take_back(library, name, number, TRIES, err);
}

int trash_take_back_left(const struct library *library, const char *name, uint64_t number,
			 struct error *err)
{
	struct error problem = {0};

	if (take_back(library, name, number, 1, &problem) == 0 || problem.kind == ERROR_MISSING)
		return 0;
	*err = problem;
	return -1;
}

/* --- files, and the end --- */

int trash_take_files(const struct library *library, const char *directory, const char *const *names,
		     const char *run, struct error *err)
{
	CLEANUP_FREE char *entry = xasprintf("%s-%s", run, directory);
	CLEANUP_CLOSE int trash = open_trash(library, err);
	CLEANUP_CLOSE int from =
		trash < 0 ? -1 : library_openat(library, directory, O_RDONLY | O_DIRECTORY, 0, err);
	CLEANUP_CLOSE int to = -1;

	if (from < 0)
		return -1;
	if (mkdirat(trash, entry, 0750) < 0 && errno != EEXIST)
		return error_os(err, ERROR_IO, errno, "trash/%s", entry);
	to = openat(trash, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return error_os(err, ERROR_IO, errno, "trash/%s", entry);
	for (; *names; names++)
		if (renameat(from, *names, to, *names) < 0 && errno != ENOENT)
			return error_os(err, ERROR_IO, errno, "%s/%s", directory, *names);
	return sync_both(from, to, err);
}

static bool is_older(const char *entry, int64_t limit)
{
	int64_t taken = run_id_time(entry);

	return !strncmp(entry, TRASH_GONE, sizeof TRASH_GONE - 1) || (taken >= 0 && taken < limit);
}

int trash_list_older(const struct library *library, int64_t now, int64_t age_s, char ***ret,
		     size_t *ret_n, struct error *err)
{
	CLEANUP_CLOSE int trash = open_trash(library, err);
	DIR *dir = trash < 0 ? NULL : fdopendir(trash);
	const struct dirent *entry;
	char **names = NULL;
	size_t n = 0;
	int result = 0;

	if (trash < 0)
		return -1;
	if (!dir)
		return error_os(err, ERROR_IO, errno, "trash");
	steal_fd(&trash);
	while ((entry = directory_next(dir, "trash", &result, err)))
		if (is_older(entry->d_name, now - age_s))
			*ARRAY_ADD(names, n) = xstrdup(entry->d_name);
	closedir(dir);
	if (result < 0) {
		names_free(names, n);
		return -1;
	}
	*ret = names;
	*ret_n = n;
	return 0;
}

/* Under a name that nobody takes back from, since it is not whole for a moment. */
int trash_remove(const struct library *library, const char *entry, struct error *err)
{
	CLEANUP_FREE char *gone = xasprintf(TRASH_GONE "%" PRIu32, random_number());
	CLEANUP_FREE char *path = library_path(library, "trash/%s", gone);
	CLEANUP_CLOSE int trash = open_trash(library, err);

	if (trash < 0)
		return -1;
	if (renameat(trash, entry, trash, gone) < 0)
		return errno == ENOENT ? 0 : error_os(err, ERROR_IO, errno, "trash/%s", entry);
	if (unlinkat(trash, gone, 0) == 0)
		return 0;
	return directory_remove(path, err);
}
