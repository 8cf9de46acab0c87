/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host can do: a list of checks, each of which says what was found and, when it is less
 * than it could be, what that costs and what to do about it.  To add one, write a function and name
 * it in the table of doctor.c.
 */
#ifndef COLDPATCH_SESSION_DOCTOR_H
#define COLDPATCH_SESSION_DOCTOR_H

#include "base/json.h"

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_WARN,	/* works, with a cost */
	DOCTOR_MISSING, /* something does not work at all */
};
/* "ok", "warn", "missing" */
const char *doctor_state_name(enum doctor_state state);

/* Directories as configured; they need not exist. */
struct doctor_request {
	const char *scratch, *store;
};

struct doctor_check {
	const char *name;
	enum doctor_state state;
	char *found;	    /* owned */
	const char *cost;   /* NULL when ok */
	const char *action; /* NULL when ok */
};

/* {"checks": [{"name", "state", "found", "cost", "action"}]}.  Asking KVM anew takes seconds. */
json_t *doctor_run(const struct doctor_request *request);

#endif
