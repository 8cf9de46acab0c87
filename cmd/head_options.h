/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of verbs that only add a head to templates. */
#ifndef COLDPATCH_CMD_HEAD_OPTIONS_H
#define COLDPATCH_CMD_HEAD_OPTIONS_H

#include "cmd.h"

enum {
	OPTION_HEAD_KEY = 900,
	OPTION_HEAD_ACTOR,
	OPTION_HEAD_REASON,
	OPTION_HEAD_DRY_RUN,
	OPTION_HEAD_UNTIL, /* of those that have an end */
};
#define HEAD_OPTIONS                                                                               \
	{"key", required_argument, NULL, OPTION_HEAD_KEY},                                         \
		{"actor", required_argument, NULL, OPTION_HEAD_ACTOR},                             \
		{"reason", required_argument, NULL, OPTION_HEAD_REASON},                           \
	{                                                                                          \
		"dry-run", no_argument, NULL, OPTION_HEAD_DRY_RUN                                  \
	}
/* For struct command: takes one of these into a struct coldpatch_head_options. */
int head_option(void *opaque, int option);
/* Names the templates; -1 when there is none. */
int head_options_of(struct coldpatch_head_options *options, int n, char **arguments);

#endif
