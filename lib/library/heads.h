/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files in templates/NAME/heads: 000001, 000002, ...
 *
 * What a head claims, before any signature is looked at, is enough to keep what it names: nothing
 * that a head names is ever removed because it does not verify.
 */
#ifndef COLDPATCH_LIBRARY_HEADS_H
#define COLDPATCH_LIBRARY_HEADS_H

#include "library/template.h"

/* "000001" */
char *heads_file_name(uint64_t number);
/* "0", "1", "12": the one spelling of a number; false for any other text. */
bool generation_number_parse(const char *text, uint64_t *ret);

/* Reads and checks all heads of template->name; strange files become problems of the template. */
int heads_load(const struct library *library, const struct record_keys *keys,
	       struct template *template, struct error *err);

/* The claims of all heads together. */
struct heads_claims {
	uint64_t last, last_generation; /* of the highest head; 0: none */
	bool unreadable;		/* some head claims nothing that can be read */
	uint64_t *generations;		/* all that are named */
	size_t n_generations;
};
int heads_claims_read(const struct library *library, const char *name, struct heads_claims *ret,
		      struct error *err);
void heads_claims_free(struct heads_claims *claims);
#define CLEANUP_CLAIMS __attribute__((cleanup(heads_claims_free)))
/* True when in doubt. */
bool heads_claims_name(const struct heads_claims *claims, uint64_t generation);

bool heads_or_generations_exist(const struct library *library, const char *name);

#endif
