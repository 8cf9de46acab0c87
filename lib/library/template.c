/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/template.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "library/generations.h"
#include "library/heads.h"
#include "library/info.h"

static void free_head(struct template_head *head)
{
	free(head->path);
	head_free(head->head);
	head_free(head->claimed);
	free(head->problem);
}

static void free_generation(struct template_generation *generation)
{
	free(generation->directory);
	names_free(generation->disks, generation->n_disks);
	free(generation->record);
	free(generation->problem);
	free(generation->record_problem);
}

void template_free(struct template *template)
{
	if (!template)
		return;
	for (size_t i = 0; i < template->n_heads; i++)
		free_head(&template->heads[i]);
	for (size_t i = 0; i < template->n_generations; i++)
		free_generation(&template->generations[i]);
	for (size_t i = 0; i < template->n_pins; i++) {
		free(template->pins[i].who);
		free(template->pins[i].host);
		free(template->pins[i].path);
	}
	free(template->heads);
	free(template->generations);
	free(template->pins);
	info_clear(&template->info);
	names_free(template->problems, template->n_problems);
	free(template->current);
	free(template->name);
	free(template);
}

/* A view, and no truth: whatever it is, it fails nothing. */
static void read_current(const struct library *library, struct template *template)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", template->name);
	struct error ignored = {0};
	CLEANUP_CLOSE int dir =
		library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, &ignored);
	char target[PATH_MAX];
	ssize_t n = dir < 0 ? -1 : readlinkat(dir, "current", target, sizeof target);

	if (n >= 0 && (size_t)n < sizeof target)
		template->current = xstrndup(target, (size_t)n);
}

/* Generations without a directory of heads are a template that lost it. */
static int load_heads(const struct library *library, const struct record_keys *keys,
		      struct template *template, struct error *err)
{
	struct error problem = {0};

	if (heads_load(library, keys, template, &problem) == 0 || problem.kind == ERROR_MISSING)
		return 0;
	*err = problem;
	return -1;
}

struct template *template_load(const struct library *library, const char *name,
			       const struct record_keys *keys, struct error *err)
{
	CLEANUP(template_free)
	struct template *template = xcalloc(1, sizeof *template);

	if (template_name_check(name, err) < 0)
		return NULL;
	template->name = xstrdup(name);
	if (load_heads(library, keys, template, err) < 0 ||
	    generations_load(library, template, err) < 0) {
		if (err->kind == ERROR_MISSING)
			error_set(err, ERROR_MISSING, "%s: no such template in %s", name,
				  library->path);
		return NULL;
	}
	if (template->n_heads == 0 && template->n_generations == 0)
		return error_set(err, ERROR_MISSING, "%s: no such template in %s", name,
				 library->path),
		       NULL;
	info_load(library, template);
	pins_load(library, template);
	read_current(library, template);
	return steal(template);
}

const struct template_head *template_last_head(const struct template *template)
{
	return template->n_heads ? &template->heads[template->n_heads - 1] : NULL;
}

bool template_lost_heads(const struct template *template)
{
	for (size_t i = 0; template->n_heads == 0 && i < template->n_generations; i++)
		if (!template->generations[i].unfinished)
			return true;
	return false;
}

int template_check_heads(const struct template *template, struct error *err)
{
	if (template->n_heads > 0)
		return 0;
	return error_set(err, ERROR_TRUST,
			 "%s: has generations, and no head: put its heads back from a backup",
			 template->name);
}

static const struct template_head *head_naming(const struct template *template, uint64_t number)
{
	const struct template_head *found = NULL;

	for (size_t i = 0; i < template->n_heads; i++) {
		const struct template_head *head = &template->heads[i];

		if (!head->head || head->head->generation != number)
			continue;
		if (!found || (found->problem && !head->problem))
			found = head;
	}
	return found;
}

struct template_generation *template_generation_numbered(const struct template *template,
							 uint64_t number)
{
	for (size_t i = 0; i < template->n_generations; i++)
		if (template->generations[i].number == number)
			return &template->generations[i];
	return NULL;
}

static const struct template_generation *generation_of(const struct template *template,
						       const struct template_head *head,
						       struct error *err)
{
	uint64_t number = head->head ? head->head->generation : 0;
	const struct template_generation *one = template_generation_numbered(template, number);

	if (head->problem)
		return error_set(err, ERROR_TRUST, "%s: %s", template->name, head->problem), NULL;
	if (!one)
		return error_set(err, ERROR_BUG, "%s: generation %" PRIu64, template->name, number),
		       NULL;
	if (one->problem)
		return error_set(err, ERROR_TRUST, "%s: %s", template->name, one->problem), NULL;
	if (one->pruned)
		return error_set(err, ERROR_MISSING,
				 "%s: generation %" PRIu64 " was pruned; it can be put back "
				 "as long as the trash has it (coldpatch-prune(1))",
				 template->name, number),
		       NULL;
	return one;
}

const struct template_generation *template_find(const struct template *template, int64_t number,
						struct error *err)
{
	const struct template_head *head =
		number < 0 ? template_last_head(template) : head_naming(template, (uint64_t)number);

	if (head)
		return generation_of(template, head, err);
	if (template_check_heads(template, err) < 0)
		return NULL;
	return error_set(err, ERROR_MISSING, "%s: has no generation %" PRId64, template->name,
			 number),
	       NULL;
}
