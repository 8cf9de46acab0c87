/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of a test's own, in which bash scripts make what is needed. */
#ifndef COLDPATCH_TESTS_SCRIPTED_H
#define COLDPATCH_TESTS_SCRIPTED_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/process.h"

static char directory[64];
static struct error err;

/* With the directory as $0, and that of the project as $1. */
static inline void run(const char *script)
{
	const char *top = getenv("TEST_TOP");
	const char *const argv[] = {"bash", "-euc", script, directory, top ? top : ".", NULL};
	struct process_spec spec = {.argv = argv, .output_limit = 1 << 16, .deadline_ms = 60000};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	ck_assert_msg(process_run_ok(&spec, ERROR_BUG, &result, &err) == 0, "%s: %s", script,
		      err.msg);
}

static inline void scripted_set_up(const char *name)
{
	snprintf(directory, sizeof directory, "/tmp/coldpatch-%s.XXXXXX", name);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	err = (struct error){0};
}

static inline void scripted_tear_down(void)
{
	directory_remove(directory, &err);
}

#endif
