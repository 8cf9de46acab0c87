/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "head_options.h"

int head_option(void *opaque, int option)
{
	struct coldpatch_head_options *values = opaque;

	switch (option) {
	case OPTION_HEAD_KEY:
		values->key = optarg;
		return 0;
	case OPTION_HEAD_ACTOR:
		values->actor = optarg;
		return 0;
	case OPTION_HEAD_REASON:
		values->reason = optarg;
		return 0;
	case OPTION_HEAD_DRY_RUN:
		values->dry_run = true;
		return 0;
	case OPTION_HEAD_UNTIL:
		values->until = optarg;
		return 0;
	default:
		return -1;
	}
}

int head_options_of(struct coldpatch_head_options *options, int n, char **arguments)
{
	options->size = sizeof *options;
	options->names = (const char *const *)arguments;
	options->n_names = (size_t)n;
	return n ? 0 : -1;
}
