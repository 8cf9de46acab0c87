/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings as coldpatch.h gives them: {"status", "what", "object", "expected", "found"}. */
#ifndef COLDPATCH_SESSION_FINDINGS_H
#define COLDPATCH_SESSION_FINDINGS_H

#include "library/library.h"
#include "record/verify.h"

void finding_add(json_t *findings, enum finding_status status, const char *what, const char *object,
		 const char *expected, const char *found);
/* One that is bad, from a message of the library: the path that it begins with is the object, else
 * `object` is. */
void finding_add_problem(json_t *findings, const struct library *library, const char *what,
			 const char *object, const char *problem);
/* "sha256:HEX", allocated. */
char *finding_digest(const struct digest *digest);
bool findings_have_bad(const json_t *findings);

#endif
