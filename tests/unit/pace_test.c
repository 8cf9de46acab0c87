/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lines of progress a session gets. */
#include <check.h>

#include "session/pace.h"
#include "suite.h"

static const struct {
	const char *stage;
	uint64_t done, total;
	int64_t after_ms; /* after the one before */
	bool sent;
} lines[] = {
	{"view", 0, 3, 0, true},
	{"view", 1, 3, 1, false},
	{"view", 2, 3, PACE_MS - 1, true},
	{"view", 2, 3, PACE_MS - 1, false},
	/* the last one, however soon it comes; once */
	{"view", 3, 3, 0, true},
	{"view", 3, 3, 1, false},
	{"view", 3, 3, PACE_MS, true},
	{"view", 3, 3, 1, false},
	{"layer", 0, 0, 0, true},
	{"layer", 0, 0, 1, false},
	{"check", 2, 2, 0, true},
	{"digest", 2, 2, 0, true},
	/* more was found */
	{"digest", 2, 4, 1, false},
	{"digest", 3, 4, PACE_MS, true},
	{"digest", 4, 4, 0, true},
	{"a stage whose name is longer than what is kept of it", 1, 9, 0, true},
	{"a stage whose name is longer than what is kept of it", 2, 9, 0, false},
};

START_TEST(a_stage_is_told_to_its_end)
{
	struct pace pace = {0};
	int64_t now = 1000;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const struct progress progress = {
			.stage = lines[i].stage, .done = lines[i].done, .total = lines[i].total};

		now += lines[i].after_ms;
		ck_assert_msg(pace_allows(&pace, &progress, now) == lines[i].sent, "line %zu", i);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pace");
	TCase *progress = tcase_create("progress");

	tcase_add_test(progress, a_stage_is_told_to_its_end);
	suite_add_tcase(suite, progress);
	return suite_run(suite);
}
