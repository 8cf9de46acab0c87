/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "boot/boot.h"
#include "commit/check_packages.h"
#include "commit/commit.h"
#include "commit/expected.h"
#include "package/ownership.h"

/* What a warning names of the paths, and how much of each: the record keeps it for ever.  Paths of
 * a layer can be much longer. */
enum { NAMED_MAX = 50, NAMED_BYTES_MAX = 4096, NAMED_PATH_MAX = 1024 };

void commit_report_free(struct commit_report *report)
{
	for (size_t i = 0; i < report->n_warnings; i++)
		free(report->warnings[i]);
	free(report->warnings);
	*report = (struct commit_report){0};
}

void commit_report_warn(struct commit_report *report, const char *fmt, ...)
{
	char **new = ARRAY_ADD(report->warnings, report->n_warnings);
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(new, fmt, ap) < 0)
		abort();
	va_end(ap);
}

static int check_identity(const struct guest_identity *before, const struct guest_identity *after,
			  struct error *err)
{
	const char *what = NULL;

	if (!text_same(before->hostname, after->hostname))
		what = "host name";
	else if (before->machine_id != after->machine_id)
		what = "machine-id";
	else if (before->n_ssh_host_keys != after->n_ssh_host_keys)
		what = "number of SSH host keys";
	else if (before->random_seed != after->random_seed)
		what = "random seed";
	if (what)
		return error_set(err, ERROR_GUEST, "the update changed the guest's %s", what);
	return 0;
}

/* What would refuse the guest at the next update: its scripts brought it there. */
static int check_blockers(const struct guest *after, struct error *err)
{
	if (after->n_blockers == 0)
		return 0;
	return error_set(err, ERROR_GUEST, "after the update: %s", after->blockers[0].msg);
}

/* Before anything is read that only a family can read. */
static int check_family(const struct commit_guests *guests, struct error *err)
{
	if (guests->family_after == guests->family)
		return 0;
	if (check_blockers(guests->after, err) < 0)
		return -1;
	return error_set(err, ERROR_GUEST,
			 "after the update the guest's package database is another: %s, not %s",
			 guests->family_after ? guests->family_after->database : "none",
			 guests->family->database);
}

/* The package database as the new overlay has it, read again. */
static int check_database(struct tree *tree, const struct package_state *before,
			  const struct plan *plan, const struct package_family *family,
			  struct error *err)
{
	CLEANUP(guest_free)
	struct guest *scratch = xcalloc(1, sizeof *scratch);
	CLEANUP_PACKAGE_STATE struct package_state after = {0};
	const struct package_manager *manager = package_manager_of(family);

	if (manager->read_state(tree, scratch, &after, err) < 0 ||
	    manager->verify(before, &after, &plan->resolution, err) < 0)
		return -1;
	if (scratch->packages.n_broken > 0)
		return error_set(err, ERROR_GUEST, "after the update %s",
				 scratch->packages.broken[0]);
	return 0;
}

/* Collects what nobody is known to write. */
struct surprises {
	const struct package_family *family;
	const struct ownership *ownership, *owned_before;
	char *named[NAMED_MAX];
	size_t n;
};

/* Directories get new times from what happens in them; what a package had goes away. */
static bool is_unremarkable(const struct surprises *surprises, const struct layer_entry *entry)
{
	if (entry->action == LAYER_METADATA)
		return S_ISDIR(entry->stat.mode);
	return entry->action == LAYER_REMOVE &&
	       (ownership_has(surprises->owned_before, entry->path) ||
		ownership_has_below(surprises->owned_before, entry->path));
}

static int judge_entry(struct surprises *surprises, const struct layer_entry *entry,
		       struct error *err)
{
	if (path_is_identity(entry->path) && entry->action != LAYER_METADATA)
		return error_set(err, ERROR_GUEST,
				 "the update changed %s, which is the guest's own", entry->path);
	if (is_unremarkable(surprises, entry) || path_is_expected(surprises->family, entry->path) ||
	    ownership_has(surprises->ownership, entry->path) ||
	    (S_ISDIR(entry->stat.mode) && ownership_has_below(surprises->ownership, entry->path)))
		return 0;
	if (surprises->n < NAMED_MAX)
		surprises->named[surprises->n] = xstrdup(entry->path);
	surprises->n++;
	return 0;
}

static void report_surprises(const struct surprises *surprises, struct commit_report *report)
{
	CLEANUP_BUFFER struct buffer text = {0};
	size_t max = surprises->n < NAMED_MAX ? surprises->n : NAMED_MAX, named = 0;

	if (surprises->n == 0)
		return;
	for (; named < max && text.len < NAMED_BYTES_MAX; named++)
		buffer_printf(&text, "%s%.*s", named ? ", " : "", NAMED_PATH_MAX,
			      surprises->named[named]);
	if (surprises->n > named)
		buffer_printf(&text, " and %zu more", surprises->n - named);
	commit_report_warn(report, "the update changed %zu paths that no package owns: %s",
			   surprises->n, text.data);
}

static int check_paths(const struct package_files_check *files,
		       const struct ownership *owned_before, struct commit_report *report,
		       struct error *err)
{
	struct surprises surprises = {.family = files->family,
				      .ownership = files->ownership,
				      .owned_before = owned_before};
	int status = 0;

	for (size_t i = 0; status == 0 && i < files->seen->n_entries; i++)
		status = judge_entry(&surprises, &files->seen->entries[i], err);
	if (status == 0)
		report_surprises(&surprises, report);
	for (size_t i = 0; i < surprises.n && i < NAMED_MAX; i++)
		free(surprises.named[i]);
	return status;
}

static int check_files(const struct commit_guests *guests, struct commit_report *report,
		       struct error *err)
{
	CLEANUP(ownership_free)
	struct ownership *before = ownership_read(guests->family, guests->before_tree, err);
	CLEANUP(ownership_free)
	struct ownership *after =
		before ? ownership_read(guests->family, guests->after_tree, err) : NULL;
	const struct package_files_check files = {.tree = guests->after_tree,
						  .ownership = after,
						  .plan = guests->plan,
						  .family = guests->family,
						  .payloads = guests->payloads,
						  .seen = guests->seen};

	if (!after || check_paths(&files, before, report, err) < 0)
		return -1;
	return check_package_files(&files, report, err);
}

int commit_check_guest(const struct commit_guests *guests, struct commit_report *ret,
		       struct error *err)
{
	struct commit_report report = {0};

	if (check_family(guests, err) < 0 ||
	    check_database(guests->after_tree, guests->state_before, guests->plan, guests->family,
			   err) < 0 ||
	    check_blockers(guests->after, err) < 0 ||
	    check_identity(&guests->before->identity, &guests->after->identity, err) < 0 ||
	    boot_check(guests->before, guests->after, guests->after_tree, err) < 0)
		return -1;
	if (check_files(guests, &report, err) < 0) {
		commit_report_free(&report);
		return -1;
	}
	*ret = report;
	return 0;
}
