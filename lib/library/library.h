/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A library: a directory of templates under coldpatch's care (docs/library.md).
 *
 * Plain files are the truth.  Everything below LIBRARY is opened with openat2 (RESOLVE_BENEATH,
 * RESOLVE_NO_SYMLINKS): a link that somebody planted there leads nowhere.  A visible generation
 * never changes, and its numbered path never means anything else.
 *
 * This module knows files, names, signatures and who is alive.  It opens no image: what has to look
 * into one is a task of the session.
 */
#ifndef COLDPATCH_LIBRARY_LIBRARY_H
#define COLDPATCH_LIBRARY_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

/* LIBRARY/coldpatch.yaml; what it says may only tighten what the host's configuration allows. */
struct library_policy {
	unsigned chain_depth; /* overlays above the base before the next one is squashed; 4 */
	char **executors;     /* allowed ones; none listed: whatever the host allows */
	unsigned n_executors;
	char *publish;	    /* directory of NAME-gN.qcow2, or NULL */
	char **clone_roots; /* where linked clones of the users lie */
	unsigned n_clone_roots;
	unsigned trash_days; /* 14 */
	unsigned run_days;   /* 30 */
};

struct library {
	char *path; /* absolute, real */
	int fd;	    /* of the directory */
	char *host; /* this host's id, for owners and leases */
	struct library_policy policy;
};

/* Makes an empty library; the directory may exist when it is empty.  ERROR_DENIED: it holds
 * something. */
int library_init(const char *path, struct error *err);
/* ERROR_MISSING: no library there.  `host` is this host's id (configuration, else machine-id and
 * host name). */
struct library *library_open(const char *path, const char *host, struct error *err);
void library_free(struct library *library);
DEFINE_CLEANUP(struct library, library_free)

/* Opens LIBRARY/RELATIVE beneath the library.  A symlink on the way is ERROR_TRUST "... is a link",
 * absence ERROR_MISSING. */
int library_openat(const struct library *library, const char *relative, int flags, unsigned mode,
		   struct error *err);
/* Appends a regular file of at most `limit` bytes; something else, or more, is ERROR_TRUST. */
int library_read(const struct library *library, const char *relative, size_t limit,
		 struct buffer *ret, struct error *err);
/* The names in a directory, in no order; names_free frees them. */
int library_list_directory(const struct library *library, const char *relative, char ***ret,
			   size_t *ret_n, struct error *err);
void names_free(char **names, size_t n);
/* LIBRARY/FORMAT..., allocated. */
char *library_path(const struct library *library, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* [A-Za-z0-9][A-Za-z0-9._-]*, at most 128 bytes; ERROR_USAGE. */
int template_name_check(const char *name, struct error *err);
/* "NAME" or "NAME@N" -> NAME (allocated) and N, or -1 for the current one. */
int template_reference_parse(const char *text, char **ret_name, int64_t *ret_generation,
			     struct error *err);
/* Sorted.  A directory without heads and generations (an import is just beginning, or was killed
 * then) is none. */
int library_list_templates(const struct library *library, char ***ret_names, size_t *ret_n,
			   struct error *err);

#endif
