/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a test program ends: return suite_run(suite) from main. */
#ifndef COLDPATCH_TESTS_SUITE_H
#define COLDPATCH_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

static inline int suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
