/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/library.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/directory.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/temporary.h"
#include "library/change.h"
#include "library/heads.h"
#include "library/inside.h"
#include "library/owner.h"
#include "library/policy.h"

enum { MAX_NAME = 128 };

/* Layers and runs hold what guests keep from their users. */
static const struct part {
	const char *name;
	mode_t mode;
} parts[] = {
	{"bases", 0755}, {"templates", 0755}, {"runs", 0750},  {"layers", 0750},
	{"plans", 0755}, {"packages", 0755},  {"trash", 0700}, {"mirror-snapshots", 0755},
};
enum { N_PARTS = sizeof parts / sizeof *parts };

static const char first_policy[] =
	"# What this library asks for. It may only tighten what the host's configuration allows.\n"
	"chain-depth: 4\n"
	"trash-days: 14\n"
	"run-days: 30\n";

/* A killed init left nothing but these. */
static bool is_part(const char *name)
{
	for (size_t i = 0; i < N_PARTS; i++)
		if (strcmp(parts[i].name, name) == 0)
			return true;
	return temporary_named(name);
}

static int check_empty(const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return error_os(err, ERROR_IO, errno, "%s", path);
	while (result == 0 && (entry = directory_next(dir, path, &result, err)))
		if (!is_part(entry->d_name))
			result =
				error_set(err, ERROR_DENIED,
					  "%s: is not empty (%s): a library is made in a directory "
					  "of its own",
					  path, entry->d_name);
	closedir(dir);
	return result;
}

static int make_parts(const struct library *library, struct error *err)
{
	for (size_t i = 0; i < N_PARTS; i++)
		if (change_make_directory(library->fd, parts[i].name, parts[i].mode, err) < 0)
			return -1;
	return change_write_new(library->fd, POLICY_NAME, first_policy, 0644, err);
}

int library_init(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	char host[] = "init";
	struct library library = {.host = host};

	if (directory_make(path, 0755, err) < 0 || check_empty(path, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	library.fd = fd;
	if (make_parts(&library, err) < 0)
		return -1;
	return file_sync_directory_of(path, err);
}

/* The published names would be strange files there, and clones of its own disks. */
static int check_publish(const struct library *library, const char *policy, struct error *err)
{
	const char *publish = library->policy.publish;
	CLEANUP_FREE char *inside = publish ? path_join(publish, ".") : NULL;

	if (!publish || !path_is_in_library(inside))
		return 0;
	return error_set(err, ERROR_CONFIG, "%s: publish: %s is in a library", policy, publish);
}

static int read_policy(const struct library *library, const char *name, struct buffer *ret,
		       struct error *err)
{
	CLEANUP_CLOSE int fd = library_openat(library, POLICY_NAME, O_RDONLY, 0, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > POLICY_MAX_SIZE)
		return error_set(err, ERROR_CONFIG, "%s: longer than %d bytes", name,
				 POLICY_MAX_SIZE);
	return library_read(library, POLICY_NAME, POLICY_MAX_SIZE, ret, err);
}

struct library *library_open(const char *path, const char *host, struct error *err)
{
	CLEANUP(library_free)
	struct library *library = xcalloc(1, sizeof *library);
	CLEANUP_BUFFER struct buffer policy = {0};
	CLEANUP_FREE char *name = NULL;

	library->host = xstrdup(host);
	library->path = realpath(path, NULL);
	library->fd = library->path ? open(library->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (library->fd < 0)
		return error_os(err, errno == ENOENT || errno == ENOTDIR ? ERROR_MISSING : ERROR_IO,
				errno, "library %s", path),
		       NULL;
	name = library_path(library, POLICY_NAME);
	if (read_policy(library, name, &policy, err) < 0) {
		if (err->kind == ERROR_MISSING)
			error_set(err, ERROR_MISSING,
				  "%s: no library (%s is missing); coldpatch init makes one", path,
				  POLICY_NAME);
		return NULL;
	}
	if (policy_parse(name, &policy, &library->policy, err) < 0 ||
	    check_publish(library, name, err) < 0)
		return NULL;
	return steal(library);
}

void library_free(struct library *library)
{
	if (!library)
		return;
	if (library->fd > 0)
		close(library->fd);
	policy_free(&library->policy);
	free(library->path);
	free(library->host);
	free(library);
}

static int open_failed(const struct library *library, const char *relative, struct error *err)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return error_set(err, ERROR_MISSING, "%s/%s: not there", library->path, relative);
	case ELOOP:
		return error_set(err, ERROR_TRUST,
				 "%s/%s: is a link, or lies behind one; nothing in a library is",
				 library->path, relative);
	case EXDEV:
		return error_set(err, ERROR_TRUST, "%s/%s: leads out of the library", library->path,
				 relative);
	case ENOSYS:
		return error_set(err, ERROR_HOST,
				 "openat2 is missing: a library needs Linux 5.6 or newer");
	case EACCES:
	case EPERM:
		return error_os(err, ERROR_DENIED, errno, "%s/%s", library->path, relative);
	default:
		return error_os(err, ERROR_IO, errno, "%s/%s", library->path, relative);
	}
}

int library_openat(const struct library *library, const char *relative, int flags, unsigned mode,
		   struct error *err)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = -1;

	/* EAGAIN: something was renamed meanwhile. */
	for (int tries = 0; tries < 100; tries++) {
		fd = syscall(SYS_openat2, library->fd, relative, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd >= 0 ? (int)fd : open_failed(library, relative, err);
}

int library_read(const struct library *library, const char *relative, size_t limit,
		 struct buffer *ret, struct error *err)
{
	CLEANUP_CLOSE int fd = library_openat(library, relative, O_RDONLY, 0, err);
	CLEANUP_FREE char *path = library_path(library, "%s", relative);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERROR_TRUST, "%s: is no regular file", path);
	if (st.st_size < 0 || (size_t)st.st_size > limit)
		return error_set(err, ERROR_TRUST, "%s: longer than %zu bytes", path, limit);
	return file_read_fd(fd, path, limit, ret, err);
}

char *library_path(const struct library *library, const char *fmt, ...)
{
	CLEANUP_FREE char *relative = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&relative, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return path_join(library->path, relative);
}

int template_name_check(const char *name, struct error *err)
{
	static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789._-";
	size_t len = strlen(name);

	if (len <= MAX_NAME && isalnum((unsigned char)name[0]) && strspn(name, rest) == len)
		return 0;
	return error_set(
		err, ERROR_USAGE,
		"template name '%s': a letter or digit, then letters, digits and . _ -, at "
		"most %d",
		name, MAX_NAME);
}

static int parse_generation(const char *text, const char *reference, int64_t *ret,
			    struct error *err)
{
	uint64_t number;

	if (!generation_number_parse(text, &number))
		return error_set(err, ERROR_USAGE, "%s: behind the @ stands a generation's number",
				 reference);
	*ret = (int64_t)number;
	return 0;
}

int template_reference_parse(const char *text, char **ret_name, int64_t *ret_generation,
			     struct error *err)
{
	const char *at = strchr(text, '@');
	CLEANUP_FREE char *name = xstrndup(text, at ? (size_t)(at - text) : strlen(text));
	int64_t generation = -1;

	if (template_name_check(name, err) < 0)
		return -1;
	if (at && parse_generation(at + 1, text, &generation, err) < 0)
		return -1;
	*ret_name = steal(name);
	*ret_generation = generation;
	return 0;
}

int library_list_directory(const struct library *library, const char *relative, char ***ret,
			   size_t *ret_n, struct error *err)
{
	CLEANUP_FREE char *path = library_path(library, "%s", relative);
	int fd = library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, err);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char **names = NULL;
	size_t n = 0;
	int result = 0;

	if (fd < 0)
		return -1;
	if (!dir) {
		close(fd);
		return error_os(err, ERROR_IO, errno, "%s", path);
	}
	while ((entry = directory_next(dir, path, &result, err)))
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

void names_free(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

int library_list_templates(const struct library *library, char ***ret_names, size_t *ret_n,
			   struct error *err)
{
	struct error ignored = {0};
	char **names, **kept = NULL;
	size_t n, n_kept = 0;

	if (library_list_directory(library, "templates", &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (template_name_check(names[i], &ignored) == 0 &&
		    heads_or_generations_exist(library, names[i]))
			*ARRAY_ADD(kept, n_kept) = steal(names[i]);
	names_free(names, n);
	if (n_kept)
		qsort(kept, n_kept, sizeof *kept, strings_compare);
	*ret_names = kept;
	*ret_n = n_kept;
	return 0;
}
