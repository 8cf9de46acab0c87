/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lineages can be squashed, and what is said of those that cannot. */
#include <check.h>

#include "library/library.h"
#include "session/squash.h"
#include "suite.h"

enum { N_STEPS = 4 };

static struct library library = {.policy = {.chain_depth = 2}};
static struct template_generation generations[N_STEPS];
static struct record records[N_STEPS];
static struct record_byproduct layers[N_STEPS];
static struct lineage_step steps[N_STEPS];
static const struct lineage lineage = {steps, N_STEPS};
static char layer_name[] = "layer";

/* 0 an import of no disk, then three patches, each on the one before. */
static void setup(void)
{
	for (int i = 0; i < N_STEPS; i++) {
		generations[i] = (struct template_generation){.number = i};
		layers[i] = (struct record_byproduct){.name = layer_name};
		layers[i].digest.bytes[0] = i;
		records[i] = (struct record){.build_type = i ? RECORD_PATCH : RECORD_IMPORT,
					     .byproducts = &layers[i],
					     .n_byproducts = 1};
		steps[i] = (struct lineage_step){.generation = &generations[i],
						 .record = &records[i],
						 .before = i - 1,
						 .below = i - 1};
	}
}

static void refused(const char *why)
{
	struct squash squash = {0};
	char *warning = NULL;

	squash_find(&library, &lineage, 3, &squash, &warning);
	ck_assert(!squash.due);
	ck_assert_ptr_nonnull(warning);
	ck_assert_str_eq(warning, why);
	free(warning);
}

START_TEST(below_the_depth_nothing_is_squashed)
{
	struct squash squash = {0};
	char *warning = NULL;

	squash_find(&library, &lineage, 1, &squash, &warning);
	ck_assert(!squash.due);
	ck_assert_ptr_null(warning);
	/* Straight on the base, as after a squash. */
	steps[3].below = LINEAGE_NONE;
	squash_find(&library, &lineage, 3, &squash, &warning);
	ck_assert(!squash.due);
	ck_assert_ptr_null(warning);
}
END_TEST

START_TEST(all_layers_since_the_import_oldest_first)
{
	struct squash squash = {0};
	char *warning = NULL;

	squash_find(&library, &lineage, 3, &squash, &warning);
	ck_assert_ptr_null(warning);
	ck_assert(squash.due);
	ck_assert_uint_eq(squash.n_layers, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(squash.layers[i].bytes[0], i + 1);
	squash_free(&squash);
}
END_TEST

START_TEST(what_cannot_be_squashed_is_told)
{
	static char problem[] = "signed by a stranger";

	records[2].n_byproducts = 0;
	refused(SQUASH_NOT_MADE "generation 2: its record names no layer");
	setup();
	steps[2].before = LINEAGE_NONE;
	refused(SQUASH_NOT_MADE "generation 2: its record does not lead back to an import");
	setup();
	steps[1].before = 3; /* round and round */
	refused(SQUASH_NOT_MADE "generation 2: its record does not lead back to an import");
	setup();
	steps[1].record = NULL;
	steps[1].problem = problem;
	refused(SQUASH_NOT_MADE "generation 1: signed by a stranger");
	setup();
	generations[3].n_disks = 1;
	refused(SQUASH_NOT_MADE "generation 0: was made of other disks");
}
END_TEST

static void backing_refused(int64_t number, const char *message)
{
	struct error err = {0};
	char **paths = NULL;
	size_t n = 0;

	ck_assert_int_lt(lineage_backing(&library, &lineage, number, &paths, &n, &err), 0);
	ck_assert_int_eq(err.kind, ERROR_TRUST);
	ck_assert_str_eq(err.msg, message);
}

START_TEST(records_lead_to_what_is_below)
{
	static char problem[] = "signed by a stranger";

	steps[0].below = 3; /* round and round */
	backing_refused(2, "generation 2: its records lead nowhere");
	backing_refused(7, "generation 7: its records lead nowhere");
	steps[1].record = NULL;
	steps[1].problem = problem;
	backing_refused(3, "generation 1: signed by a stranger");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("squash");
	TCase *tests = tcase_create("squash");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, below_the_depth_nothing_is_squashed);
	tcase_add_test(tests, all_layers_since_the_import_oldest_first);
	tcase_add_test(tests, what_cannot_be_squashed_is_told);
	tcase_add_test(tests, records_lead_to_what_is_below);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
