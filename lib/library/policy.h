/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LIBRARY/coldpatch.yaml: also the mark of a library. */
#ifndef COLDPATCH_LIBRARY_POLICY_H
#define COLDPATCH_LIBRARY_POLICY_H

#include "base/buffer.h"
#include "library/library.h"

#define POLICY_NAME "coldpatch.yaml"
enum { POLICY_MAX_SIZE = 1 << 20 };

/* A file that says nothing is no policy.  ERROR_CONFIG "PATH: line N: ...". */
int policy_parse(const char *path, const struct buffer *text, struct library_policy *ret,
		 struct error *err);
void policy_free(struct library_policy *policy);

#endif
