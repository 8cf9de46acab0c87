/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `coldpatch log head`: for each template its last head, by number and digest of the file, one line
 * each:
 *
 *	NAME NUMBER SHA256
 *
 * As each head names the digest of the one before, such a line says all that the log was on a day:
 * what a library is compared with (verify --since), what a revoked key's signatures are good for.
 */
#ifndef COLDPATCH_SESSION_LIBRARY_LOG_H
#define COLDPATCH_SESSION_LIBRARY_LOG_H

#include "session/library.h"

struct log_line {
	char *name; /* of the template */
	uint64_t number;
	struct digest digest;
};

struct head_log {
	struct log_line *lines; /* by name */
	size_t n_lines;
};

/* ERROR_USAGE: FILE is no such text, or empty. */
int head_log_read(const char *path, struct head_log *ret, struct error *err);
/* Of all templates: the last head that has no problem, where there is one. */
int head_log_of_library(struct coldpatch_session *session, struct head_log *ret, struct error *err);
void head_log_free(struct head_log *log);
#define CLEANUP_LOG __attribute__((cleanup(head_log_free)))
/* {NAME: {"head": NUMBER, "digest": HEX}}, as record/keys.h has it. */
json_t *head_log_to_good(const struct head_log *log);

#endif
