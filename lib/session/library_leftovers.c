/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A layer or a plan is needed while the record of a generation that is whole names it, or of one
 * that such a generation was made of: a squash makes it anew from the base.  Where one such record
 * cannot be read, nobody knows, and none goes.  They are kept for a while after they were made, for
 * the run that has just made them.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "library/commit.h"
#include "library/owner.h"
#include "library/trash.h"
#include "session/library_lineage.h"
#include "session/library_prune.h"

enum { DAY_S = 86400, HOUR_S = 3600, RUN_DEPTH = 2 /* RUN/NAME/log */ };

/* --- layers and plans --- */

struct needed {
	struct digest *digests;
	size_t n;
	bool unknown; /* a record cannot be read */
};

static bool is_needed(const struct needed *needed, const struct digest *digest)
{
	for (size_t i = 0; i < needed->n; i++)
		if (digest_equal(&needed->digests[i], digest))
			return true;
	return false;
}

/* Of a generation that is whole, and of what it was made of.  What one of which the record cannot
 * be read was made of is not known, nor whether one that is whole was made of it. */
static void add_needed(const struct lineage *lineage, const struct lineage_step *step,
		       struct needed *needed)
{
	if (!step->record)
		needed->unknown = true;
	if (step->generation->pruned)
		return;
	for (size_t i = 0; step && step->record && i < lineage->n; i++) {
		for (size_t j = 0; j < step->record->n_byproducts; j++)
			if (!is_needed(needed, &step->record->byproducts[j].digest))
				*ARRAY_ADD(needed->digests, needed->n) =
					step->record->byproducts[j].digest;
		step = lineage_step(lineage, step->before);
	}
}

static int find_needed(struct pruning *pruning, struct needed *needed, struct error *err)
{
	char **names = NULL;
	size_t n = 0;
	int result = 0;

	if (library_list_templates(pruning->library, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n && result == 0; i++) {
		CLEANUP(template_free)
		struct template *template = session_template(pruning->session, names[i], err);
		CLEANUP(lineage_free)
		struct lineage *lineage =
			template ? lineage_new(template, pruning->session->keys) : NULL;

		result = lineage ? 0 : -1;
		for (size_t j = 0; lineage && j < lineage->n; j++)
			add_needed(lineage, &lineage->steps[j], needed);
	}
	names_free(names, n);
	return result;
}

/* By its name; a plan's name is that of its inputs, so by its content. */
static bool digest_of_entry(const struct pruning *pruning, const char *directory, const char *name,
			    struct digest *ret)
{
	CLEANUP_FREE char *path = library_path(pruning->library, "%s/%s", directory, name);
	struct error ignored;

	if (strcmp(directory, "layers") == 0)
		return digest_from_hex(name, ret);
	return name[0] != '.' && digest_of_file(path, ret, &ignored) == 0;
}

static bool is_old(const struct pruning *pruning, const char *directory, const char *name)
{
	CLEANUP_FREE char *path = library_path(pruning->library, "%s/%s", directory, name);
	struct stat st;

	return lstat(path, &st) == 0 &&
	       st.st_mtime <
		       pruning->rules.now - (int64_t)pruning->library->policy.trash_days * DAY_S;
}

static int drop_entry(struct pruning *pruning, const struct needed *needed, const char *directory,
		      const char *name, struct error *err)
{
	const char *const names[] = {name, NULL};
	struct digest digest;

	if (!is_old(pruning, directory, name) ||
	    !digest_of_entry(pruning, directory, name, &digest) || is_needed(needed, &digest))
		return 0;
	if (!pruning->dry_run &&
	    trash_take_files(pruning->library, directory, names, pruning->run, err) < 0)
		return -1;
	prune_tell(pruning, strcmp(directory, "layers") ? "plan" : "layer", name);
	return 0;
}

static int drop_entries(struct pruning *pruning, const struct needed *needed, const char *directory,
			struct error *err)
{
	struct error problem = {0};
	char **names = NULL;
	size_t n = 0;
	int result = 0;

	if (library_list_directory(pruning->library, directory, &names, &n, &problem) < 0) {
		if (problem.kind == ERROR_MISSING || prune_goes_on(pruning, &problem))
			return 0;
		*err = problem;
		return -1;
	}
	for (size_t i = 0; i < n && result == 0; i++)
		result = drop_entry(pruning, needed, directory, names[i], err);
	names_free(names, n);
	return result;
}

static int drop_content(struct pruning *pruning, struct error *err)
{
	struct needed needed = {0};
	int result = find_needed(pruning, &needed, err);

	if (result == 0 && needed.unknown)
		monitor_log(&pruning->session->monitor, LOG_LEVEL_WARNING,
			    "layers and plans are all kept: a record that may name them cannot "
			    "be read");
	else if (result == 0)
		result = drop_entries(pruning, &needed, "layers", err) < 0 ||
					 drop_entries(pruning, &needed, "plans", err) < 0
				 ? -1
				 : 0;
	free(needed.digests);
	return result;
}

/* --- what is old --- */

/* A prune that was killed may have left there what the template needs, and nobody come by since. */
static bool takes_back(const struct pruning *pruning, const char *name)
{
	struct error ignored = {0};
	CLEANUP(template_free)
	struct template *template = session_template(pruning->session, name, &ignored);

	return template && !template_is_leased(pruning->library, name) &&
	       template_take_back(pruning->library, template, &ignored) == 0;
}

/* RUN-NAME-N, and of some names more. */
static bool is_of(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return strlen(entry) > RUN_ID_LENGTH + 1 &&
	       !strncmp(entry + RUN_ID_LENGTH + 1, name, len) &&
	       entry[RUN_ID_LENGTH + 1 + len] == '-';
}

/* What is left of entries[]: without those of templates of which that is not known. */
static int spare_unknown(const struct pruning *pruning, char **entries, size_t n, struct error *err)
{
	char **names = NULL;
	size_t n_names = 0;

	if (library_list_templates(pruning->library, &names, &n_names, err) < 0)
		return -1;
	for (size_t i = 0; i < n_names; i++) {
		if (takes_back(pruning, names[i]))
			continue;
		for (size_t j = 0; j < n; j++)
			if (entries[j] && is_of(entries[j], names[i]))
				free(steal(entries[j]));
	}
	names_free(names, n_names);
	return 0;
}

/* What another prune has taken in this hour may still be taken back. */
static int empty_trash(struct pruning *pruning, struct error *err)
{
	int64_t age = (int64_t)pruning->library->policy.trash_days * DAY_S;
	struct error problem = {0};
	char **entries = NULL;
	size_t n = 0;
	int result = 0;

	if (trash_list_older(pruning->library, pruning->rules.now, age > HOUR_S ? age : HOUR_S,
			     &entries, &n, &problem) < 0) {
		if (prune_goes_on(pruning, &problem))
			return 0;
		*err = problem;
		return -1;
	}
	if (n > 0 && !pruning->dry_run)
		result = spare_unknown(pruning, entries, n, err);
	for (size_t i = 0; i < n && result == 0; i++) {
		if (!entries[i])
			continue;
		result = pruning->dry_run ? 0 : trash_remove(pruning->library, entries[i], err);
		if (result == 0)
			prune_tell(pruning, "trash", entries[i]);
	}
	names_free(entries, n);
	return result;
}

struct leased {
	char **runs;
	size_t n;
};

static void leased_free(struct leased *leased)
{
	names_free(leased->runs, leased->n);
}

/* Whoever works on a template writes to the directory of its run, whatever the time is here. */
static int find_leased(const struct library *library, struct leased *leased, struct error *err)
{
	char **names = NULL;
	size_t n = 0;

	if (library_list_directory(library, "templates", &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *relative = xasprintf("templates/%s", names[i]);
		struct error ignored = {0};
		CLEANUP_CLOSE int dir =
			library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, &ignored);
		char *run = dir < 0 ? NULL : owner_run(dir, LEASE_NAME);

		if (run)
			*ARRAY_ADD(leased->runs, leased->n) = run;
	}
	names_free(names, n);
	return 0;
}

static bool is_leased(const struct leased *leased, const char *run)
{
	for (size_t i = 0; i < leased->n; i++)
		if (strcmp(leased->runs[i], run) == 0)
			return true;
	return false;
}

/* The last time that anything in it was written. */
static int64_t written_at(const struct library *library, const char *relative, unsigned depth)
{
	CLEANUP_FREE char *path = library_path(library, "%s", relative);
	struct error ignored = {0};
	int64_t latest = 0;
	struct stat st;
	char **names;
	size_t n;

	if (lstat(path, &st) == 0)
		latest = st.st_mtime;
	if (depth == 0 || library_list_directory(library, relative, &names, &n, &ignored) < 0)
		return latest;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *below = xasprintf("%s/%s", relative, names[i]);
		int64_t written = written_at(library, below, depth - 1);

		latest = written > latest ? written : latest;
	}
	names_free(names, n);
	return latest;
}

/* Its name tells when it began; one of a loose image has no lease, and writes its log. */
static bool is_old_run(const struct pruning *pruning, const char *name)
{
	CLEANUP_FREE char *relative = xasprintf("runs/%s", name);
	int64_t age = (int64_t)pruning->library->policy.run_days * DAY_S;
	int64_t before = pruning->rules.now - (age > HOUR_S ? age : HOUR_S);
	int64_t began = run_id_time(name);

	return began >= 0 && began < before &&
	       written_at(pruning->library, relative, RUN_DEPTH) < before;
}

static int remove_run(struct pruning *pruning, const char *name, struct error *err)
{
	CLEANUP_FREE char *path = library_path(pruning->library, "runs/%s", name);

	if (!pruning->dry_run && directory_remove(path, err) < 0)
		return -1;
	prune_tell(pruning, "run", name);
	return 0;
}

static int remove_runs(struct pruning *pruning, struct error *err)
{
	__attribute__((cleanup(leased_free))) struct leased leased = {0};
	struct error problem = {0};
	char **names = NULL;
	size_t n = 0;
	int result = 0;

	if (library_list_directory(pruning->library, "runs", &names, &n, &problem) < 0) {
		if (problem.kind == ERROR_MISSING || prune_goes_on(pruning, &problem))
			return 0;
		*err = problem;
		return -1;
	}
	result = find_leased(pruning->library, &leased, err);
	for (size_t i = 0; i < n && result == 0; i++)
		if (is_old_run(pruning, names[i]) && !is_leased(&leased, names[i]))
			result = remove_run(pruning, names[i], err);
	names_free(names, n);
	return result;
}

int prune_expired(struct pruning *pruning, struct error *err)
{
	return empty_trash(pruning, err) < 0 || remove_runs(pruning, err) < 0 ? -1 : 0;
}

int prune_unneeded(struct pruning *pruning, struct error *err)
{
	return prune_bases(pruning, err) < 0 || drop_content(pruning, err) < 0 ? -1 : 0;
}
