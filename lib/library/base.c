/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bases/SHA256.json comes first and tells the truth, bases/SHA256 second: killed in between, a base
 * is not there yet, and adding it again completes it.  Relocation writes the new path beside the
 * old one ("before"), then turns the link, then drops the old one: each state between is one of the
 * two.
 */
#include "library/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/temporary.h"
#include "base/text.h"
#include "library/base_place.h"
#include "library/change.h"
#include "library/inside.h"

enum { MAX_FILE = 1 << 16 };

static const char *const modes[] = {
	[BASE_REFERENCE] = "reference",
	[BASE_COPY] = "copy",
	[BASE_MOVE] = "move",
};

void base_free(struct base *base)
{
	if (!base)
		return;
	free(base->path);
	free(base->name);
	free(base->format);
	free(base->backing_name);
	free(base);
}

static char *relative_path(const struct digest *digest, const char *suffix)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	return xasprintf("bases/%s%s", hex, suffix);
}

char *base_to_text(const struct base *base, const char *before)
{
	CLEANUP_JSON json_t *json = json_object();

	json_put_u64(json, "version", 1);
	json_put_digest(json, "digest", &base->digest);
	json_put_string(json, "mode", modes[base->mode]);
	json_put_string(json, "format", base->format);
	json_put_u64(json, "size", base->size);
	json_put(json, "mtime", json_integer(base->mtime_s));
	json_put_u64(json, "mtimeNs", base->mtime_ns);
	if (base->mode == BASE_REFERENCE)
		json_put_bytes(json, "path", base->path);
	if (before)
		json_put_bytes(json, "before", before);
	if (base->backing_name) {
		json_put_digest(json, "backing", &base->backing);
		json_put_bytes(json, "backingName", base->backing_name);
	}
	return json_to_text(json);
}

static void get_mode(struct json_reader *reader, enum base_mode *ret)
{
	CLEANUP_FREE char *mode = NULL;

	json_get_string(reader, "mode", &mode);
	for (size_t i = 0; !reader->failed && i < sizeof modes / sizeof *modes; i++)
		if (strcmp(mode, modes[i]) == 0) {
			*ret = (enum base_mode)i;
			return;
		}
	if (reader->failed)
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: mode '%s' is none", reader->what, mode);
}

static int from_json(const json_t *json, const char *what, struct base *base, char **ret_before,
		     struct error *err)
{
	struct json_reader reader = {json, what, ERROR_TRUST, err, false};
	uint64_t mtime_ns = 0;

	json_get_digest(&reader, "digest", &base->digest);
	get_mode(&reader, &base->mode);
	json_get_string(&reader, "format", &base->format);
	json_get_u64(&reader, "size", &base->size);
	json_get_i64(&reader, "mtime", &base->mtime_s);
	json_get_u64(&reader, "mtimeNs", &mtime_ns);
	if (!reader.failed && base->mode == BASE_REFERENCE)
		json_get_bytes(&reader, "path", &base->path);
	if (json_object_get(json, "before"))
		json_get_bytes(&reader, "before", ret_before);
	if (json_object_get(json, "backing")) {
		json_get_digest(&reader, "backing", &base->backing);
		json_get_bytes(&reader, "backingName", &base->backing_name);
	}
	base->mtime_ns = (uint32_t)mtime_ns;
	return json_reader_result(&reader);
}

static struct base *read_base(const struct library *library, const struct digest *digest,
			      char **ret_before, struct error *err)
{
	CLEANUP_FREE char *relative = relative_path(digest, ".json");
	CLEANUP_FREE char *what = library_path(library, "%s", relative);
	CLEANUP_FREE char *name = relative_path(digest, "");
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP(base_free)
	struct base *base = xcalloc(1, sizeof *base);

	if (library_read(library, relative, MAX_FILE, &text, err) < 0)
		return NULL;
	json = json_parse(text.data ? text.data : "", text.len, what, ERROR_TRUST, err);
	if (!json || from_json(json, what, base, ret_before, err) < 0)
		return NULL;
	if (!digest_equal(&base->digest, digest))
		return error_set(err, ERROR_TRUST, "%s: tells of another base", what), NULL;
	base->name = library_path(library, "%s", name);
	if (!base->path)
		base->path = xstrdup(base->name);
	return steal(base);
}

/* Has its header a name that is looked for beside it? */
static bool is_in_directory(const struct base *base)
{
	return base->mode == BASE_REFERENCE && base->backing_name && base->backing_name[0] != '/';
}

static char *link_target(const struct base *base, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!is_in_directory(base) || !slash)
		return xstrdup(path);
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

char *base_link_target(const struct base *base)
{
	return link_target(base, base->path);
}

char *base_overlay_backing(const struct base *base)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&base->digest, hex);
	return xasprintf("../../../bases/%s%s", hex,
			 is_in_directory(base) ? strrchr(base->path, '/') : "");
}

static int check_link(const struct base *base, int dir, const char *file, const char *before,
		      struct error *err)
{
	CLEANUP_FREE char *now = base_link_target(base);
	CLEANUP_FREE char *old = before ? link_target(base, before) : NULL;
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, file, target, sizeof target - 1);

	if (n < 0 && errno == ENOENT)
		return error_set(err, ERROR_MISSING, "%s: not there", base->name);
	if (n < 0)
		return error_set(err, ERROR_TRUST, "%s: is no link to %s", base->name, base->path);
	target[n] = '\0';
	if (strcmp(target, now) == 0 || (old && strcmp(target, old) == 0))
		return 0;
	return error_set(err, ERROR_TRUST, "%s: leads to %s, not to %s as its .json says",
			 base->name, target, now);
}

static int check_own(const struct base *base, int dir, const char *file, struct error *err)
{
	struct stat st;

	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? error_set(err, ERROR_MISSING,
						   "%s: not there; an import --copy of the same "
						   "file, under any name, brings it back",
						   base->name)
				       : error_os(err, ERROR_IO, errno, "%s", base->name);
	if (S_ISREG(st.st_mode))
		return 0;
	if (S_ISLNK(st.st_mode))
		return error_set(err, ERROR_TRUST,
				 "%s: is a link, and its .json tells of a file; coldpatch relocate "
				 "%s PATH, where PATH is what the link led to, puts that right",
				 base->name, file);
	return error_set(err, ERROR_TRUST, "%s: is no regular file, as its .json says", base->name);
}

static int check_place(const struct library *library, const struct base *base, const char *before,
		       struct error *err)
{
	CLEANUP_CLOSE int dir = change_open_directory(library, "bases", err);
	const char *file = strrchr(base->name, '/') + 1;

	if (dir < 0)
		return -1;
	return base->mode == BASE_REFERENCE ? check_link(base, dir, file, before, err)
					    : check_own(base, dir, file, err);
}

struct base *base_load(const struct library *library, const struct digest *digest,
		       struct error *err)
{
	CLEANUP_FREE char *before = NULL;
	CLEANUP(base_free)
	struct base *base = read_base(library, digest, &before, err);

	if (!base)
		return NULL;
	base_take_as_copy(base);
	return check_place(library, base, before, err) < 0 ? NULL : steal(base);
}

/* Where the link in its place leads, allocated; NULL: there is none. */
static char *link_there(const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlink(name, target, sizeof target);

	return n < 0 || (size_t)n == sizeof target ? NULL : xstrndup(target, (size_t)n);
}

struct base *base_read(const struct library *library, const struct digest *digest,
		       struct error *err)
{
	CLEANUP_FREE char *ignored = NULL;
	CLEANUP(base_free)
	struct base *base = read_base(library, digest, &ignored, err);
	char *target;

	if (!base)
		return NULL;
	base_take_as_copy(base);
	target = base->mode == BASE_REFERENCE ? NULL : link_there(base->name);
	if (target) {
		free(base->path);
		base->path = target;
		base->mode = BASE_REFERENCE;
	}
	return steal(base);
}

char *base_staged_path(const struct library *library, const char *run)
{
	CLEANUP_FREE char *temporary = temporary_name(run);

	return library_path(library, "bases/%s", temporary);
}

static bool says_the_same(const struct base *a, const struct base *b)
{
	return a->size == b->size && !a->backing_name == !b->backing_name &&
	       strcmp(a->format, b->format) == 0 &&
	       (!a->backing_name || digest_equal(&a->backing, &b->backing));
}

/* Its link is there, and only what its .json says is wrong: an import or a relocation was killed.
 */
static bool is_linked(const struct library *library, const struct base *base)
{
	CLEANUP_FREE char *relative = relative_path(&base->digest, "");
	CLEANUP_FREE char *name = library_path(library, "%s", relative);
	CLEANUP_FREE char *wanted = base_link_target(base);
	CLEANUP_FREE char *target = link_there(name);

	return base->mode == BASE_REFERENCE && target && strcmp(target, wanted) == 0;
}

/* *ret: the one that is there, to be used; NULL: it is to be placed. */
static int judge(const struct library *library, const struct base *base, struct base **ret,
		 struct error *err)
{
	CLEANUP(base_free)
	struct base *there = base_load(library, &base->digest, err);

	if (!there)
		return err->kind == ERROR_MISSING || is_linked(library, base) ? 0 : -1;
	if (base_check_unchanged(there, err) < 0)
		return -1;
	if (!says_the_same(there, base))
		return error_set(err, ERROR_TRUST,
				 "%s: is known with another format or another file below it",
				 there->name);
	/* The library would go on with the file outside, of which it was to become independent; a
	 * move would even remove it. */
	if (base->mode != BASE_REFERENCE && there->mode == BASE_REFERENCE)
		return error_set(err, ERROR_DENIED,
				 "%s is a base already, left where it lies; import it with "
				 "--reference",
				 there->path);
	*ret = steal(there);
	return 0;
}

int base_may_add(const struct library *library, const struct base *base, struct error *err)
{
	CLEANUP(base_free)
	struct base *there = NULL;

	return judge(library, base, &there, err);
}

int base_add(const struct library *library, const struct base *base, struct error *err)
{
	CLEANUP(base_free)
	struct base *there = NULL;

	/* Said first, and then looked: a prune moves it first, and looks then. */
	if (base_touch(library, base, err) < 0 || judge(library, base, &there, err) < 0)
		return -1;
	if (!there)
		return base_place(library, base, err);
	return base->mode != BASE_REFERENCE && strcmp(base->path, there->path) != 0
		       ? base_remove_staged(base->path, err)
		       : 0;
}

static int by_digest(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct digest));
}

int library_list_bases(const struct library *library, struct digest **ret, size_t *ret_n,
		       struct error *err)
{
	struct digest *digests = NULL, digest;
	char **names;
	size_t n_names, n = 0;

	if (library_list_directory(library, "bases", &names, &n_names, err) < 0)
		return -1;
	for (size_t i = 0; i < n_names; i++) {
		size_t len = strlen(names[i]);

		if (len != DIGEST_HEX_SIZE - 1 + 5 || strcmp(names[i] + len - 5, ".json") != 0)
			continue;
		names[i][len - 5] = '\0';
		if (digest_from_hex(names[i], &digest))
			*ARRAY_ADD(digests, n) = digest;
	}
	names_free(names, n_names);
	if (n)
		qsort(digests, n, sizeof *digests, by_digest);
	*ret = digests;
	*ret_n = n;
	return 0;
}

static bool has_size(const struct base *base, const struct stat *st)
{
	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == base->size;
}

static bool has_time(const struct base *base, const struct stat *st)
{
	return st->st_mtim.tv_sec == base->mtime_s && st->st_mtim.tv_nsec == (long)base->mtime_ns;
}

bool base_has_other_time(const struct base *base)
{
	struct stat st;

	return lstat(base->path, &st) == 0 && has_size(base, &st) && !has_time(base, &st);
}

int base_check_unchanged(const struct base *base, struct error *err)
{
	CLEANUP_FREE char *quoted = NULL;
	char hex[DIGEST_HEX_SIZE];
	struct stat st;

	digest_to_hex(&base->digest, hex);
	if (lstat(base->path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? error_set(err, ERROR_MISSING,
					   "base %s: is gone; if it was moved: coldpatch relocate "
					   "%s PATH",
					   base->path, hex)
			       : error_os(err, ERROR_IO, errno, "base %s", base->path);
	if (!has_size(base, &st))
		return error_set(err, ERROR_TRUST,
				 "base %s: was edited behind our back (its size differs); every "
				 "overlay on it may be broken",
				 base->path);
	if (has_time(base, &st))
		return 0;
	quoted = text_quote(base->path);
	return error_set(
		err, ERROR_TRUST,
		"base %s: was edited behind our back, or copied without its times; every "
		"overlay on it may be broken; coldpatch relocate %s %s reads it, and takes "
		"it when its content is right",
		base->path, hex, quoted);
}

static bool is_unchanged(const struct stat *a, const struct stat *b)
{
	return same_inode(a, b) && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int base_restore_time(const struct base *base, const struct stat *seen, struct error *err)
{
	const struct timespec at = {.tv_sec = base->mtime_s, .tv_nsec = (long)base->mtime_ns};
	const struct timespec times[2] = {at, at};
	CLEANUP_CLOSE int fd = open(base->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", base->path);
	if (!is_unchanged(&st, seen))
		return error_set(err, ERROR_BUSY, "%s: was changed while it was read", base->path);
	if (futimens(fd, times) == 0)
		return 0;
	return error_os(err, errno == EPERM || errno == EACCES ? ERROR_DENIED : ERROR_IO, errno,
			"%s: its time of change", base->path);
}

static int take_stat(struct base *base, const char *path, const struct stat *seen,
		     struct error *err)
{
	struct stat st;

	if (path[0] != '/')
		return error_set(err, ERROR_USAGE, "%s: is no absolute path", path);
	if (lstat(path, &st) < 0)
		return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_TRUST, "%s: is no regular file", path);
	if ((uint64_t)st.st_size != base->size)
		return error_set(err, ERROR_TRUST, "%s: has another size than the base", path);
	if (!is_unchanged(&st, seen))
		return error_set(err, ERROR_BUSY, "%s: was changed while it was read", path);
	base->mtime_s = st.st_mtim.tv_sec;
	base->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	return 0;
}

/* The file that the link leads to now, whatever the .json says: that may come from a relocation
 * which failed.  Allocated; NULL: there is no link. */
static char *file_before(const struct base *base)
{
	CLEANUP_FREE char *target = link_there(base->name);

	return target && is_in_directory(base) ? path_join(target, path_last(base->path))
					       : steal(target);
}

struct owner_file *base_lease(const struct library *library, const char *run, struct error *err)
{
	CLEANUP_CLOSE int dir = change_open_directory(library, "bases", err);

	return dir < 0 ? NULL : owner_file_new(library, dir, TEMPORARY_PREFIX "relocate", run, err);
}

int base_relocate(const struct library *library, const struct digest *digest, const char *path,
		  const struct stat *seen, struct error *err)
{
	CLEANUP(base_free)
	struct base *base = base_read(library, digest, err);
	CLEANUP_CLOSE int dir = change_open_directory(library, "bases", err);
	CLEANUP_FREE char *json = NULL;
	CLEANUP_FREE char *between = NULL;
	CLEANUP_FREE char *after = NULL;
	CLEANUP_FREE char *old = NULL;
	CLEANUP_FREE char *target = NULL;

	if (!base || dir < 0)
		return -1;
	if (take_stat(base, path, seen, err) < 0)
		return -1;
	free(base->path);
	base->path = xstrdup(path);
	old = file_before(base);
	between = base_to_text(base, old);
	after = base_to_text(base, NULL);
	target = base_link_target(base);
	json = xasprintf("%s.json", strrchr(base->name, '/') + 1);
	if (change_replace(dir, json, between, 0644, err) < 0 ||
	    change_symlink(dir, strrchr(base->name, '/') + 1, target, err) < 0)
		return -1;
	return change_replace(dir, json, after, 0644, err);
}
