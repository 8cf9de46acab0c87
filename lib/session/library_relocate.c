/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Following a base that was moved: nothing but its digest says that it is the same file.  One that
 * lies in the library stays there; it may have been copied with that, without its times.
 *
 * As the file is read anyway, what the library says of the base need not fit: a base whose .json
 * and link tell of two places is one again afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "library/base.h"
#include "library/inside.h"
#include "session/change_summary.h"
#include "session/image.h"
#include "session/outputs.h"
#include "session/strings.h"
#include "session/task.h"

struct relocation {
	const struct coldpatch_relocate_options *options;
	const struct library *library;
	char *run;
	struct digest digest;
	char *path; /* absolute */
	bool changed, already, time_only;
};

static void relocation_free(struct relocation *relocation)
{
	free(relocation->run);
	free(relocation->path);
}

static int check_options(const struct coldpatch_relocate_options *options, struct digest *ret,
			 struct error *err)
{
	const char *const strings[] = {options->digest, options->path, options->actor,
				       options->reason};

	if (strings_check(strings, 4, "argument", err) < 0)
		return -1;
	if (digest_from_hex(options->digest, ret))
		return 0;
	return error_set(err, ERROR_USAGE, "%s: not a SHA-256, 64 lower-case hexadecimal digits",
			 options->digest);
}

/* The directory's real name; a link in the file's place is refused by who opens it. */
static char *absolute(const char *path, struct error *err)
{
	CLEANUP_FREE char *directory = outputs_directory(path);
	CLEANUP_FREE char *real = realpath(directory, NULL);

	if (!real) {
		error_os(err, ERROR_MISSING, errno, "%s", path);
		return NULL;
	}
	return path_join(real, path_last(path));
}

static int check_digest(struct coldpatch_session *session, const struct relocation *relocation,
			struct error *err)
{
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;
	const char *found;

	json_put_string(input, "path", relocation->path);
	if (task_run(session, "digest", input, &result, err) < 0)
		return -1;
	found = string_member(result, "sha256");
	if (strcmp(found, relocation->options->digest) == 0)
		return 0;
	return error_set(err, ERROR_TRUST, "%s: its sha256 is %s, the base is %s: another file",
			 relocation->path, found, relocation->options->digest);
}

static bool is_there_already(struct relocation *relocation)
{
	struct error ignored;
	CLEANUP(base_free)
	struct base *base = base_load(relocation->library, &relocation->digest, &ignored);

	relocation->already = base && strcmp(base->path, relocation->path) == 0 &&
			      base_check_unchanged(base, &ignored) == 0;
	return relocation->already;
}

/* *ret: what the file is before it is read. */
static int read_file(struct coldpatch_session *session, const struct relocation *relocation,
		     struct stat *ret, struct error *err)
{
	if (lstat(relocation->path, ret) < 0)
		return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s",
				relocation->path);
	return check_digest(session, relocation, err);
}

static int put_time_right(struct coldpatch_session *session, struct relocation *relocation,
			  const struct base *base, struct error *err)
{
	struct stat seen;

	relocation->time_only = true;
	if (read_file(session, relocation, &seen, err) < 0)
		return -1;
	relocation->changed = !relocation->options->dry_run;
	return relocation->changed ? base_restore_time(base, &seen, err) : 0;
}

/* Another file is told as that, before anything is said of chains that it does not belong to. */
static bool could_be(const struct base *base, const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == base->size;
}

/* Prune would remove it from there, or verify call it a stranger. */
static int check_outside(const struct relocation *relocation, struct error *err)
{
	CLEANUP_FREE char *directory = outputs_directory(relocation->path);
	CLEANUP_CLOSE int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat root;

	if (dir < 0 || fstat(relocation->library->fd, &root) < 0)
		return error_os(err, ERROR_IO, errno, "%s", directory);
	if (!directory_is_inside(dir, &root))
		return 0;
	return error_set(err, ERROR_USAGE, "%s: lies in the library; name a place outside",
			 relocation->path);
}

static int relocate_leased(struct coldpatch_session *session, struct relocation *relocation,
			   struct error *err)
{
	CLEANUP(base_free)
	struct base *base = base_read(relocation->library, &relocation->digest, err);
	struct stat seen;

	relocation->path = base ? absolute(relocation->options->path, err) : NULL;
	if (!relocation->path ||
	    strings_check((const char *const *)&relocation->path, 1, "path", err) < 0)
		return -1;
	if (is_there_already(relocation))
		return 0;
	if (base->mode != BASE_REFERENCE && strcmp(base->path, relocation->path) == 0)
		return put_time_right(session, relocation, base, err);
	if (check_outside(relocation, err) < 0 ||
	    (!could_be(base, relocation->path) && check_digest(session, relocation, err) < 0))
		return -1;
	if (base_may_relocate(relocation->library, &relocation->digest, relocation->path, err) <
		    0 ||
	    read_file(session, relocation, &seen, err) < 0)
		return -1;
	relocation->changed = !relocation->options->dry_run;
	return relocation->changed ? base_relocate(relocation->library, &relocation->digest,
						   relocation->path, &seen, err)
				   : 0;
}

static int relocate(struct coldpatch_session *session, struct relocation *relocation,
		    struct error *err)
{
	CLEANUP(owner_file_free)
	struct owner_file *lease = NULL;

	if (check_options(relocation->options, &relocation->digest, err) < 0)
		return -1;
	relocation->library = session_library(session, err);
	if (!relocation->library)
		return -1;
	if (!relocation->options->dry_run) {
		lease = base_lease(relocation->library, relocation->run, err);
		if (!lease)
			return error_prefix(err, "relocate");
	}
	return relocate_leased(session, relocation, err);
}

static const char *message(const struct relocation *relocation)
{
	if (relocation->already)
		return "is there already";
	if (relocation->time_only)
		return relocation->changed ? "has its time of change again"
					   : "would have its time of change again";
	return relocation->changed ? "relocated" : "would be relocated";
}

static json_t *summarise(const struct relocation *relocation)
{
	const struct coldpatch_relocate_options *options = relocation->options;
	json_t *json = json_object();

	summary_of_none(json);
	json_put_string(json, "run", relocation->run);
	json_put_string(json, "image", options->digest);
	json_put_bool(json, "changed", relocation->changed);
	json_put_bool(json, "failed", false);
	json_put_u64(json, "code", COLDPATCH_OK);
	json_put_string(json, "msg", message(relocation));
	json_put_string(json, "path", relocation->path);
	json_put_bytes(json, "actor", options->actor);
	json_put_bytes(json, "reason", options->reason);
	return json;
}

int coldpatch_base_relocate(struct coldpatch_session *session,
			    const struct coldpatch_relocate_options *options, char **ret_json,
			    struct coldpatch_error *ret_err)
{
	__attribute__((cleanup(relocation_free))) struct relocation relocation = {
		.options = options, .run = run_id_new()};
	CLEANUP_JSON json_t *summary = NULL;
	struct error err = {0};

	if (relocate(session, &relocation, &err) < 0)
		return session_fail_change(ret_err, &err, relocation.run, options->digest, NULL);
	summary = summarise(&relocation);
	if (relocation.changed)
		library_keep_outcome(relocation.library, relocation.run, ".", summary, NULL);
	*ret_json = session_text(summary);
	return 0;
}
