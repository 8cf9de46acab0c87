/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What killed commands left behind.
 *
 * Taken away is only what a temporary name or an owner file tells to be somebody's who is gone, and
 * of numbered directories only those that no head names, whoever signed it.  Such a directory is
 * renamed first and the heads are read again: its owner may have been asleep, not gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary.h"
#include "disk/backing.h"
#include "library/change.h"
#include "library/commit.h"
#include "library/heads.h"
#include "library/trash.h"

/* Temporary files and directories of one directory; ERROR_MISSING is none. */
static int clear_temporaries(const struct library *library, const char *relative, struct error *err)
{
	struct error problem = {0};
	CLEANUP_CLOSE int dir = change_open_directory(library, relative, &problem);
	int result = 0;
	char **names;
	size_t n;

	if (dir < 0 && problem.kind == ERROR_MISSING)
		return 0;
	if (dir < 0) {
		*err = problem;
		return -1;
	}
	if (library_list_directory(library, relative, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++)
		if (owner_temporary_is_gone(library, dir, names[i]))
			result = change_remove_tree(dir, names[i], err);
	names_free(names, n);
	return result;
}

static bool is_named(const struct library *library, const char *name, uint64_t number)
{
	CLEANUP_CLAIMS struct heads_claims claims = {0};
	struct error ignored = {0};

	return heads_claims_read(library, name, &claims, &ignored) < 0 ||
	       heads_claims_name(&claims, number);
}

static int remove_generation(const struct library *library, const char *name, int template,
			     uint64_t number, struct error *err)
{
	CLEANUP_FREE char *number_text = xasprintf("%" PRIu64, number);
	CLEANUP_FREE char *aside = temporary_name("unnamed");

	if (change_rename(template, number_text, template, aside, err) < 0)
		return -1;
	if (is_named(library, name, number))
		return change_rename(template, aside, template, number_text, err);
	return change_remove_tree(template, aside, err);
}

/* One that a head names is finished: the mark of its making can go, once its maker is gone.  One
 * without that mark was finished; if no head names it, then heads were taken away, and it is kept.
 */
static int recover_generation(const struct library *library, const char *name, int template,
			      uint64_t number, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/%" PRIu64, name, number);
	struct error problem = {0};
	CLEANUP_CLOSE int dir = change_open_directory(library, relative, &problem);
	struct stat st;

	if (dir < 0 || fstatat(dir, OWNER_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !owner_is_gone(library, dir, OWNER_FILE))
		return 0;
	return is_named(library, name, number)
		       ? change_remove(dir, OWNER_FILE, err)
		       : remove_generation(library, name, template, number, err);
}

static int recover_generations(const struct library *library, const char *name,
			       const char *relative, int template, struct error *err)
{
	uint64_t number;
	int result = 0;
	char **names;
	size_t n;

	if (library_list_directory(library, relative, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++)
		if (generation_number_parse(names[i], &number))
			result = recover_generation(library, name, template, number, err);
	names_free(names, n);
	return result;
}

/* --- what killed prunes left in the trash --- */

/* What its first disk is backed by; false: no generation of the same template. */
static bool read_generation_below(const struct library *library, const char *name, uint64_t number,
				  uint64_t *ret)
{
	CLEANUP_FREE char *relative =
		xasprintf("templates/%s/%" PRIu64 "/disk0.qcow2", name, number);
	CLEANUP_BACKING struct image_backing backing = {0};
	struct error ignored = {0};
	CLEANUP_CLOSE int fd = library_openat(library, relative, O_RDONLY, 0, &ignored);
	CLEANUP_FREE char *again = NULL;

	if (fd < 0 || image_backing_read(fd, &backing, &ignored) < 0 || !backing.name ||
	    sscanf(backing.name, "../%" SCNu64, ret) != 1)
		return false;
	again = xasprintf("../%" PRIu64 "/disk0.qcow2", *ret);
	return strcmp(again, backing.name) == 0 && *ret < number;
}

static int take_chain_back(const struct library *library, const char *name, uint64_t number,
			   struct error *err)
{
	do
		if (trash_take_back_left(library, name, number, err) < 0)
			return -1;
	while (read_generation_below(library, name, number, &number));
	return 0;
}

static int take_missing_back(const struct library *library, const struct template *template,
			     struct error *err)
{
	for (size_t i = 0; i < template->n_generations; i++) {
		const struct template_generation *generation = &template->generations[i];

		if (access(generation->directory, F_OK) < 0 && errno == ENOENT &&
		    trash_take_back_left(library, template->name, generation->number, err) < 0)
			return -1;
	}
	return 0;
}

/* By one of the pins that come before that one. */
static bool is_pinned_before(const struct template *template, size_t pin)
{
	for (size_t i = 0; i < pin; i++)
		if (template->pins[i].generation == template->pins[pin].generation)
			return true;
	return false;
}

int template_take_back(const struct library *library, const struct template *template,
		       struct error *err)
{
	const struct template_head *last = template_last_head(template);

	if (take_missing_back(library, template, err) < 0)
		return -1;
	for (size_t i = 0; i < template->n_pins; i++)
		if (!is_pinned_before(template, i) &&
		    take_chain_back(library, template->name, template->pins[i].generation, err) < 0)
			return -1;
	return last && last->head
		       ? take_chain_back(library, template->name, last->head->generation, err)
		       : 0;
}

static bool is_leased(int template)
{
	struct stat st;

	return fstatat(template, LEASE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool template_is_leased(const struct library *library, const char *name)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	struct error ignored;
	CLEANUP_CLOSE int template = change_open_directory(library, relative, &ignored);

	if (template <0)
		return false;
	owner_clear_gone(library, template, LEASE_NAME);
	return is_leased(template);
}

/* Whoever has the lease may be in the middle of a prune. */
static int recover_template(const struct library *library, const char *name, int directory,
			    const struct record_keys *keys, struct error *err)
{
	CLEANUP(template_free)
	struct template *template = template_load(library, name, keys, err);
	const struct template_head *last;
	struct error ignored = {0};

	if (!template)
		return err->kind == ERROR_MISSING ? 0 : -1;
	/* Where that fails, status tells; what was asked for may do without. */
	if (!is_leased(directory))
		template_take_back(library, template, &ignored);
	last = template_last_head(template);
	if (!last || last->problem)
		return 0;
	return current_mend(library, name, last->head->generation, err);
}

/* Does anything but the directory of heads lie in the template's? */
static bool is_used(const struct library *library, const char *relative)
{
	struct error ignored = {0};
	char **names;
	size_t n;

	if (library_list_directory(library, relative, &names, &n, &ignored) < 0)
		return true;
	names_free(names, n);
	return n > 1;
}

/* Beside anything else, heads were taken away: an empty directory of them tells of it. */
void template_remove_unborn(const struct library *library, const char *name, int template)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	CLEANUP_FREE char *path = library_path(library, "%s", relative);

	if (is_used(library, relative))
		return;
	if (unlinkat(template, "heads", AT_REMOVEDIR) == 0 || errno == ENOENT)
		rmdir(path);
}

static int clear_template(const struct library *library, const char *name, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	CLEANUP_FREE char *heads = xasprintf("templates/%s/heads", name);
	CLEANUP_FREE char *pins = xasprintf("templates/%s/pins", name);

	return clear_temporaries(library, relative, err) < 0 ||
			       clear_temporaries(library, heads, err) < 0 ||
			       clear_temporaries(library, pins, err) < 0
		       ? -1
		       : 0;
}

int template_recover(const struct library *library, const char *name,
		     const struct record_keys *keys, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	CLEANUP_CLOSE int template = change_open_directory(library, relative, err);

	if (template <0)
		return err->kind == ERROR_MISSING ? 0 : -1;
	if (clear_template(library, name, err) < 0 ||
	    recover_generations(library, name, relative, template, err) < 0)
		return error_prefix(err, "recovery of template %s", name);
	owner_clear_gone(library, template, LEASE_NAME);
	template_remove_unborn(library, name, template);
	return recover_template(library, name, template, keys, err);
}

bool template_has_heads(const struct library *library, const char *name)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/heads", name);
	struct error problem = {0};
	bool found = false;
	char **names;
	size_t n;

	if (library_list_directory(library, relative, &names, &n, &problem) < 0)
		return problem.kind != ERROR_MISSING;
	for (size_t i = 0; i < n; i++)
		found = found || names[i][0] != '.';
	names_free(names, n);
	return found;
}

/* A template that never came to be, and may never be asked for again. */
static int recover_unborn(const struct library *library, const char *name, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	struct error problem = {0};
	CLEANUP_CLOSE int template = change_open_directory(library, relative, &problem);

	if (template <0)
		return 0;
	if (clear_template(library, name, err) < 0 ||
	    recover_generations(library, name, relative, template, err) < 0)
		return error_prefix(err, "recovery of template %s", name);
	owner_clear_gone(library, template, LEASE_NAME);
	template_remove_unborn(library, name, template);
	return 0;
}

static int recover_unborn_all(const struct library *library, struct error *err)
{
	struct error ignored = {0};
	int result = 0;
	char **names;
	size_t n;

	if (library_list_directory(library, "templates", &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < n; i++)
		if (template_name_check(names[i], &ignored) == 0 &&
		    !template_has_heads(library, names[i]))
			result = recover_unborn(library, names[i], err);
	names_free(names, n);
	return result;
}

int library_recover(const struct library *library, struct error *err)
{
	if (clear_temporaries(library, ".", err) < 0 ||
	    clear_temporaries(library, "templates", err) < 0 ||
	    recover_unborn_all(library, err) < 0)
		return -1;
	return clear_temporaries(library, "bases", err);
}
