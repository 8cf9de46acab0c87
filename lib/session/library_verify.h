/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of `verify` for a library: heads and generations (library_verify_template.c), whatever
 * lies where it should not (library_verify_places.c), and that the library only grew
 * (library_log.c).
 */
#ifndef COLDPATCH_SESSION_LIBRARY_VERIFY_H
#define COLDPATCH_SESSION_LIBRARY_VERIFY_H

#include "session/findings.h"
#include "session/library_lineage.h"
#include "session/library_log.h"

struct verifying {
	struct coldpatch_session *session;
	const struct library *library;
	bool quick;
	json_t *findings;
	json_t *files; /* for task verify-files */
	json_t *bases; /* {HEX: true}: those that were looked at */
	bool unused;   /* no generation needs the bases that are looked at now */
};

/* All of a template, or with `number` only that generation and those that it needs.  ERROR_MISSING:
 * no such template or generation. */
int verify_template(struct verifying *verifying, const char *name, int64_t number,
		    struct error *err);
/* A base and those below it. */
void verify_base(struct verifying *verifying, const struct digest *digest);

/* Links, and files that are none of coldpatch's, beneath templates/NAME. */
void verify_template_places(struct verifying *verifying, const char *name);
/* The library's own directory; with `all`, everything beneath it but the templates. */
void verify_library_places(struct verifying *verifying, bool all);

/* Does the log go on from `line`? */
int verify_log_line(struct verifying *verifying, const struct log_line *line, struct error *err);

#endif
