/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/generations.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "library/commit.h"
#include "library/heads.h"
#include "library/owner.h"
#include "library/trash.h"

#define RECORD_NAME "record.sigstore.json"

enum { MAX_RECORD = 64 << 20, MAX_DISKS = 1024 };

static struct template_generation *add(const struct library *library, struct template *template,
				       uint64_t number)
{
	struct template_generation *one = ARRAY_ADD(template->generations, template->n_generations);

	one->number = number;
	one->directory = library_path(library, "templates/%s/%" PRIu64, template->name, number);
	one->record = xasprintf("%s/" RECORD_NAME, one->directory);
	return one;
}

static void set_problem(struct template_generation *generation, const char *text)
{
	if (!generation->problem)
		generation->problem = xstrdup(text);
}

/* Without its record, a generation is nothing. */
static void set_record_problem(struct template_generation *generation, const char *text)
{
	set_problem(generation, text);
	if (!generation->record_problem)
		generation->record_problem = xstrdup(text);
}

static bool is_file(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void read_disks(struct template_generation *generation, int dir)
{
	for (size_t i = 0; i < MAX_DISKS; i++) {
		CLEANUP_FREE char *name = xasprintf("disk%zu.qcow2", i);
		CLEANUP_FREE char *path = xasprintf("%s/%s", generation->directory, name);
		CLEANUP_FREE char *problem = xasprintf(
			"%s: is %s", path, is_there(dir, name) ? "no regular file" : "missing");

		if (is_file(dir, name)) {
			*ARRAY_ADD(generation->disks, generation->n_disks) = steal(path);
			continue;
		}
		if ((i == 0 && !generation->pruned) || is_there(dir, name))
			set_problem(generation, problem);
		return;
	}
}

static void read_record(const struct library *library, struct template_generation *generation,
			const char *relative)
{
	CLEANUP_FREE char *path = xasprintf("%s/" RECORD_NAME, relative);
	CLEANUP_BUFFER struct buffer file = {0};
	struct error problem = {0};

	if (library_read(library, path, MAX_RECORD, &file, &problem) < 0)
		set_record_problem(generation, problem.msg);
	else
		digest_of(file.data, file.len, &generation->digest);
}

static void read_directory(const struct library *library, const char *name,
			   struct template_generation *generation)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/%" PRIu64, name, generation->number);
	struct error problem = {0};
	CLEANUP_CLOSE int dir =
		library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, &problem);

	if (dir < 0) {
		set_record_problem(generation, problem.msg);
		return;
	}
	generation->pruned = is_file(dir, TRASH_MARK) && !is_there(dir, "disk0.qcow2");
	generation->unfinished = is_there(dir, OWNER_FILE);
	read_disks(generation, dir);
	read_record(library, generation, relative);
}

static int list(const struct library *library, struct template *template, struct error *err)
{
	static const char *const known[] = {"heads", "pins", "current", "template.json",
					    LEASE_NAME};
	CLEANUP_FREE char *relative = xasprintf("templates/%s", template->name);
	uint64_t number;
	char **names;
	size_t n;

	if (library_list_directory(library, relative, &names, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool fine = names[i][0] == '.';

		for (size_t j = 0; j < sizeof known / sizeof *known; j++)
			fine = fine || strcmp(names[i], known[j]) == 0;
		if (generation_number_parse(names[i], &number))
			add(library, template, number);
		else if (!fine)
			*ARRAY_ADD(template->problems, template->n_problems) =
				xasprintf("%s/%s/%s: nothing of coldpatch's has this name",
					  library->path, relative, names[i]);
	}
	names_free(names, n);
	return 0;
}

/* What a good head names has to be there, with the record that it names. */
static void compare(const struct library *library, struct template *template,
		    const struct template_head *head)
{
	struct template_generation *generation =
		template_generation_numbered(template, head->head->generation);
	static const struct digest none;
	char expected[DIGEST_HEX_SIZE];
	char text[ERROR_TEXT_SIZE];

	if (!generation) {
		generation = add(library, template, head->head->generation);
		snprintf(text, sizeof text, "%s: is missing: head %" PRIu64 " names it",
			 generation->directory, head->number);
		set_record_problem(generation, text);
	}
	generation->named = true;
	digest_to_hex(&head->head->record, expected);
	if (digest_equal(&generation->digest, &head->head->record) ||
	    digest_equal(&generation->digest, &none))
		return;
	snprintf(text, sizeof text,
		 "%s: is not the record with sha256 %s, which head %" PRIu64 " names",
		 generation->record, expected, head->number);
	set_record_problem(generation, text);
}

static void name_claimed(struct template *template, const struct template_head *head)
{
	const struct head *claim = head->head ? head->head : head->claimed;
	struct template_generation *generation =
		claim ? template_generation_numbered(template, claim->generation) : NULL;

	if (generation)
		generation->named = true;
}

static int by_number(const void *a, const void *b)
{
	const struct template_generation *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

bool generation_is_beside_disks(const char *name)
{
	static const char *const names[] = {RECORD_NAME, "run.log.zst", TRASH_MARK, OWNER_FILE};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

int generations_load(const struct library *library, struct template *template, struct error *err)
{
	if (list(library, template, err) < 0)
		return -1;
	for (size_t i = 0; i < template->n_generations; i++)
		read_directory(library, template->name, &template->generations[i]);
	for (size_t i = 0; i < template->n_heads; i++)
		if (template->heads[i].head && !template->heads[i].problem)
			compare(library, template, &template->heads[i]);
		else
			name_claimed(template, &template->heads[i]);
	if (template->n_generations)
		qsort(template->generations, template->n_generations, sizeof *template->generations,
		      by_number);
	return 0;
}
