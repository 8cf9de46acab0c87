/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bases that nothing uses go to the trash, all at once, and come back all at once when one of them
 * came into use meanwhile: what is below one that is gone cannot be found to be used.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "library/base.h"
#include "library/trash.h"
#include "session/library_prune.h"

struct moved {
	struct digest *digests;
	size_t n;
};

static void moved_free(struct moved *moved)
{
	free(moved->digests);
	*moved = (struct moved){0};
}

static int take_base(const struct pruning *pruning, const struct digest *digest, struct error *err)
{
	char hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *json = NULL;

	digest_to_hex(digest, hex);
	json = xasprintf("%s.json", hex);
	return trash_take_files(pruning->library, "bases", (const char *const[]){hex, json, NULL},
				pruning->run, err);
}

static int take_bases(const struct pruning *pruning, const struct moved *moved, struct error *err)
{
	for (size_t i = 0; i < moved->n; i++)
		if (take_base(pruning, &moved->digests[i], err) < 0)
			return -1;
	return 0;
}

/* An import touches what it needs before it looks whether that is there. */
static bool was_touched(const struct pruning *pruning, const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *path = NULL;
	struct stat st;

	digest_to_hex(digest, hex);
	path = library_path(pruning->library, "trash/%s" TRASH_BASES "/%s.json", pruning->run, hex);
	return lstat(path, &st) == 0 && st.st_mtime > pruning->rules.now - RETENTION_YOUNG_S;
}

static bool is_named(const struct pruning *pruning, const struct digest *digest)
{
	for (size_t i = 0; i < pruning->clones.n_uses; i++)
		if (pruning->clones.uses[i].target == CLONE_OF_BASE &&
		    digest_equal(&pruning->clones.uses[i].base, digest))
			return true;
	return false;
}

/* One below another would not be found to be used while that is not there: with one all come back.
 * So they do when something fails. */
static int put_back(const struct pruning *pruning, const struct moved *moved, const char *run,
		    struct error *err)
{
	for (size_t i = moved->n; i-- > 0;)
		if (base_take_back(pruning->library, &moved->digests[i], run, err) < 0)
			return -1;
	return 0;
}

/* Somebody may have wanted one just before it was moved. */
static int look_again(struct pruning *pruning, const struct moved *moved, bool *ret_used,
		      struct error *err)
{
	if (prune_look(pruning, err) < 0)
		return -1;
	for (size_t i = 0; i < moved->n; i++)
		*ret_used = *ret_used || is_named(pruning, &moved->digests[i]) ||
			    was_touched(pruning, &moved->digests[i]);
	return 0;
}

static int find_unused(const struct pruning *pruning, struct moved *ret, struct error *err)
{
	return retention_unused_bases(pruning->library, &pruning->clones, pruning->rules.now,
				      &ret->digests, &ret->n, err);
}

/* What lies below a base that is not there or cannot be read is not known.  Generations have been
 * taken by then, and the rest has nothing to do with it. */
static int keep_bases(struct pruning *pruning, const struct error *problem)
{
	if (!prune_goes_on(pruning, problem))
		monitor_log(&pruning->session->monitor, LOG_LEVEL_WARNING, "bases are all kept: %s",
			    problem->msg);
	return 0;
}

static int move_bases(struct pruning *pruning, struct moved *moved, struct error *err)
{
	bool used = false;

	if (take_bases(pruning, moved, err) < 0 || look_again(pruning, moved, &used, err) < 0) {
		struct error problem = {0};

		if (put_back(pruning, moved, pruning->run, &problem) < 0)
			*err = problem;
		return -1;
	}
	if (!used)
		return 0;
	if (put_back(pruning, moved, pruning->run, err) < 0)
		return -1;
	moved_free(moved);
	monitor_log(&pruning->session->monitor, LOG_LEVEL_WARNING,
		    "bases are all kept: one came into use meanwhile");
	return 0;
}

static void tell_bases(struct pruning *pruning, const struct moved *moved)
{
	for (size_t i = 0; i < moved->n; i++) {
		char hex[DIGEST_HEX_SIZE];

		digest_to_hex(&moved->digests[i], hex);
		prune_tell(pruning, "base", hex);
	}
}

/* What seems unused is looked at again: it may have been imported anew since `clones` was found. */
int prune_bases(struct pruning *pruning, struct error *err)
{
	__attribute__((cleanup(moved_free))) struct moved moved = {0};
	struct error problem = {0};

	if (find_unused(pruning, &moved, &problem) < 0)
		return keep_bases(pruning, &problem);
	if (moved.n && !pruning->dry_run) {
		moved_free(&moved);
		if (prune_look(pruning, err) < 0)
			return -1;
		if (find_unused(pruning, &moved, &problem) < 0)
			return keep_bases(pruning, &problem);
	}
	if (moved.n && !pruning->dry_run && move_bases(pruning, &moved, err) < 0)
		return -1;
	tell_bases(pruning, &moved);
	return 0;
}

/* --- what a killed prune left --- */

static bool is_missing(const struct pruning *pruning, const char *hex)
{
	CLEANUP_FREE char *path = library_path(pruning->library, "bases/%s", hex);
	struct stat st;

	return lstat(path, &st) < 0;
}

/* A base is below another one by that one's word; no overlay names it. */
static bool is_below(const struct pruning *pruning, const struct digest *digest)
{
	CLEANUP_FREE struct digest *digests = NULL;
	struct error ignored;
	bool found = false;
	size_t n = 0;

	if (library_list_bases(pruning->library, &digests, &n, &ignored) < 0)
		return true;
	for (size_t i = 0; i < n && !found; i++) {
		CLEANUP(base_free)
		struct base *base = base_read(pruning->library, &digests[i], &ignored);

		found = base && base->backing_name && digest_equal(&base->backing, digest);
	}
	return found;
}

static bool is_wanted(const struct pruning *pruning, const char *hex, const struct digest *digest)
{
	return is_missing(pruning, hex) && (is_named(pruning, digest) || is_below(pruning, digest));
}

static int recover_entry(struct pruning *pruning, const char *entry, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("trash/%s", entry);
	CLEANUP_FREE char *run = xstrndup(entry, strlen(entry) - strlen(TRASH_BASES));
	__attribute__((cleanup(moved_free))) struct moved moved = {0};
	bool needed = false;
	char **names;
	size_t n;

	/* Another prune may just have removed it. */
	if (library_list_directory(pruning->library, relative, &names, &n, err) < 0)
		return err->kind == ERROR_MISSING ? 0 : -1;
	for (size_t i = 0; i < n; i++) {
		struct digest digest;

		if (!digest_from_hex(names[i], &digest))
			continue;
		*ARRAY_ADD(moved.digests, moved.n) = digest;
		needed = needed || is_wanted(pruning, names[i], &digest);
	}
	names_free(names, n);
	if (!needed)
		return 0;
	return put_back(pruning, &moved, run, err) < 0 ? -1 : prune_look(pruning, err);
}

int prune_recover_bases(struct pruning *pruning, struct error *err)
{
	struct error problem = {0};
	char **names = NULL;
	size_t n = 0;
	int result = 0;

	if (library_list_directory(pruning->library, "trash", &names, &n, &problem) < 0) {
		if (problem.kind == ERROR_MISSING)
			return 0;
		*err = problem;
		return -1;
	}
	for (size_t i = 0; i < n && result == 0; i++)
		if (run_id_time(names[i]) >= 0 && text_ends_with(names[i], TRASH_BASES))
			result = recover_entry(pruning, names[i], err);
	names_free(names, n);
	return result;
}
