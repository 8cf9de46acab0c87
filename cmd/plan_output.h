/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What plan and apply both print. */
#ifndef COLDPATCH_CMD_PLAN_OUTPUT_H
#define COLDPATCH_CMD_PLAN_OUTPUT_H

#include <jansson.h>

/* A line per package: name, from, to. */
void print_changes(const json_t *changes);
/* A line per package that stays as it is, and why. */
void print_left(const json_t *left);
/* A line for each thing that a person should know of the plan. */
void print_care(const json_t *care);
void print_warnings(const json_t *warnings);

#endif
