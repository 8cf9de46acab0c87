/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "library/heads.h"

#include <inttypes.h>
#include <string.h>

#include "base/temporary.h"
#include "library/owner.h"

enum { MAX_DIGITS = 18 };

char *heads_file_name(uint64_t number)
{
	return xasprintf("%06" PRIu64, number);
}

static bool parse_digits(const char *text, uint64_t *ret)
{
	size_t len = strlen(text);

	if (len == 0 || len > MAX_DIGITS || strspn(text, "0123456789") != len)
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}

static bool parse_file_name(const char *text, uint64_t *ret)
{
	CLEANUP_FREE char *again = NULL;
	uint64_t number;

	if (!parse_digits(text, &number) || number == 0)
		return false;
	again = heads_file_name(number);
	if (strcmp(again, text) != 0)
		return false;
	*ret = number;
	return true;
}

bool generation_number_parse(const char *text, uint64_t *ret)
{
	return (text[0] != '0' || text[1] == '\0') && parse_digits(text, ret);
}

static char *relative_path(const char *name, uint64_t number)
{
	CLEANUP_FREE char *file = heads_file_name(number);

	return xasprintf("templates/%s/heads/%s", name, file);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Ascending.  Names that are none go to `problems`, where there is one. */
static int list_numbers(const struct library *library, const char *name, uint64_t **ret,
			size_t *ret_n, struct template *problems, struct error *err)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s/heads", name);
	uint64_t *numbers = NULL, number;
	size_t n_names, n = 0;
	char **names;

	if (library_list_directory(library, relative, &names, &n_names, err) < 0)
		return -1;
	for (size_t i = 0; i < n_names; i++)
		if (parse_file_name(names[i], &number))
			*ARRAY_ADD(numbers, n) = number;
		else if (problems && !temporary_named(names[i]))
			*ARRAY_ADD(problems->problems, problems->n_problems) = xasprintf(
				"%s/%s/%s: is no head", library->path, relative, names[i]);
	names_free(names, n_names);
	if (n)
		qsort(numbers, n, sizeof *numbers, by_number);
	*ret = numbers;
	*ret_n = n;
	return 0;
}

static void set_problem(struct template_head *head, const struct error *err)
{
	if (!head->problem)
		head->problem = xstrdup(err->msg);
}

/* What one file says for itself. */
static void load_one(const struct library *library, const struct record_keys *keys,
		     const char *name, struct template_head *head)
{
	CLEANUP_FREE char *relative = relative_path(name, head->number);
	CLEANUP_BUFFER struct buffer file = {0};
	struct error problem = {0}, ignored = {0};

	head->path = library_path(library, "%s", relative);
	if (library_read(library, relative, HEAD_MAX_SIZE, &file, &problem) < 0) {
		set_problem(head, &problem);
		return;
	}
	digest_of(file.data, file.len, &head->digest);
	head->head = head_open(&file, head->path, keys, &problem);
	if (!head->head) {
		head->claimed = head_peek(&file, head->path, &ignored);
		set_problem(head, &problem);
		return;
	}
	if (strcmp(head->head->template_name, name) != 0)
		error_set(&problem, ERROR_TRUST, "%s: is a head of template %s", head->path,
			  head->head->template_name);
	else if (head->head->number != head->number)
		error_set(&problem, ERROR_TRUST, "%s: is head %" PRIu64 ", put into this place",
			  head->path, head->head->number);
	if (problem.kind)
		set_problem(head, &problem);
}

static void check_previous(struct template_head *head, const struct template_head *previous)
{
	struct error problem = {0};

	if (head->number > 1 && (!previous || previous->number != head->number - 1))
		error_set(&problem, ERROR_TRUST, "%s: head %" PRIu64 ", before it, is missing",
			  head->path, head->number - 1);
	else if (!head->head || head->number == 1)
		return;
	else if (!previous->head && !digest_equal(&head->head->previous, &previous->digest))
		error_set(&problem, ERROR_TRUST, "%s: was made to follow another head %" PRIu64,
			  head->path, previous->number);
	else if (previous->head &&
		 head_check_follows(head->head, previous->head, &previous->digest, &problem) < 0)
		error_prefix(&problem, "%s", head->path);
	if (problem.kind)
		set_problem(head, &problem);
}

/* A generation never changes, so all heads that name it name one record. */
static void check_record(const struct template *template, size_t i)
{
	struct template_head *head = &template->heads[i];
	struct error problem = {0};

	for (size_t j = 0; head->head && j < i; j++) {
		const struct head *earlier = template->heads[j].head;

		if (!earlier || template->heads[j].problem ||
		    earlier->generation != head->head->generation ||
		    digest_equal(&earlier->record, &head->head->record))
			continue;
		error_set(&problem, ERROR_TRUST,
			  "%s: names another record of generation %" PRIu64 " than head %" PRIu64,
			  head->path, earlier->generation, earlier->number);
		set_problem(head, &problem);
		return;
	}
}

/* From the head that a revocation names, each head vouches for the one before it. */
static bool is_vouched_for(const struct template *template, size_t i, uint64_t number,
			   const struct digest *digest)
{
	size_t good = i;

	while (good < template->n_heads && template->heads[good].number < number)
		good++;
	if (good == template->n_heads || template->heads[good].number != number ||
	    !digest_equal(&template->heads[good].digest, digest))
		return false;
	for (; good > i; good--) {
		const struct template_head *one = &template->heads[good];

		if (!one->head || !digest_equal(&one->head->previous, &one[-1].digest))
			return false;
	}
	return true;
}

int template_check_signer(const struct template *template, const struct record_keys *keys,
			  const struct template_signature *signature, struct error *err)
{
	const struct key_end *end = record_keys_end(keys, signature->key_id);
	struct digest digest;
	uint64_t number;
	size_t i = 0;

	if (!end)
		return 0;
	if (!end->has_good)
		return record_keys_check_time(keys, signature->key_id, signature->time,
					      signature->what, err);
	while (i < template->n_heads && template->heads[i].number < signature->head)
		i++;
	if (i < template->n_heads &&
	    record_keys_good_head(keys, signature->key_id, template->name, &number, &digest) &&
	    is_vouched_for(template, i, number, &digest))
		return 0;
	return error_set(err, ERROR_TRUST,
			 "%s: signed by key %s, which is %s, and is not one of the heads that the "
			 "%s calls good, nor named by one",
			 signature->what, signature->key_id, end->revoked ? "revoked" : "retired",
			 end->revoked ? "revocation" : "retirement");
}

static void check_key(const struct template *template, const struct record_keys *keys,
		      struct template_head *head)
{
	struct error problem;

	if (head->head &&
	    template_check_signer(template, keys,
				  &(struct template_signature){head->head->key_id, head->head->time,
							       head->number, head->path},
				  &problem) < 0)
		set_problem(head, &problem);
}

int heads_load(const struct library *library, const struct record_keys *keys,
	       struct template *template, struct error *err)
{
	CLEANUP_FREE uint64_t *numbers = NULL;
	size_t n;

	if (list_numbers(library, template->name, &numbers, &n, template, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct template_head *head = ARRAY_ADD(template->heads, template->n_heads);

		head->number = numbers[i];
		load_one(library, keys, template->name, head);
		check_previous(head, i ? head - 1 : NULL);
	}
	for (size_t i = 0; i < n; i++)
		check_key(template, keys, &template->heads[i]);
	for (size_t i = 0; i < n; i++)
		check_record(template, i);
	return 0;
}

static void claim_one(const struct library *library, const char *name, uint64_t number,
		      struct heads_claims *claims)
{
	CLEANUP_FREE char *relative = relative_path(name, number);
	CLEANUP_BUFFER struct buffer file = {0};
	struct error ignored = {0};
	CLEANUP(head_free)
	struct head *head = NULL;

	if (library_read(library, relative, HEAD_MAX_SIZE, &file, &ignored) == 0)
		head = head_peek(&file, relative, &ignored);
	claims->last = number;
	if (!head) {
		claims->unreadable = true;
		return;
	}
	claims->last_generation = head->generation;
	*ARRAY_ADD(claims->generations, claims->n_generations) = head->generation;
}

int heads_claims_read(const struct library *library, const char *name, struct heads_claims *ret,
		      struct error *err)
{
	CLEANUP_FREE uint64_t *numbers = NULL;
	struct heads_claims claims = {0};
	size_t n;

	if (list_numbers(library, name, &numbers, &n, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		claim_one(library, name, numbers[i], &claims);
	*ret = claims;
	return 0;
}

void heads_claims_free(struct heads_claims *claims)
{
	free(claims->generations);
}

bool heads_claims_name(const struct heads_claims *claims, uint64_t generation)
{
	for (size_t i = 0; i < claims->n_generations; i++)
		if (claims->generations[i] == generation)
			return true;
	return claims->unreadable;
}

bool heads_or_generations_exist(const struct library *library, const char *name)
{
	CLEANUP_FREE char *relative = xasprintf("templates/%s", name);
	CLEANUP_FREE uint64_t *numbers = NULL;
	struct error ignored = {0};
	uint64_t number;
	char **names;
	size_t n;
	bool found = false;

	if (list_numbers(library, name, &numbers, &n, NULL, &ignored) == 0 && n > 0)
		return true;
	if (library_list_directory(library, relative, &names, &n, &ignored) < 0)
		return ignored.kind != ERROR_MISSING;
	for (size_t i = 0; i < n; i++)
		found = found || generation_number_parse(names[i], &number);
	names_free(names, n);
	return found;
}
