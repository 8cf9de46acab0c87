/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who depends on the library: image files whose backing file lies in it.
 *
 * Looked through are the clone roots, which the library's policy names, and the library's own
 * overlays, also those that are being made and those in the trash.  In the clone roots links are
 * followed: one to a file is a file that depends on it, and each directory is looked through once.
 * A chain is followed from each file until it reaches the library or ends.
 *
 * Or who depends on some files that are to go: then the directories that these lie in are looked
 * through, too, but not what is below them, and the library's own overlays are not.
 */
#ifndef COLDPATCH_LIBRARY_CLONES_H
#define COLDPATCH_LIBRARY_CLONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/monitor.h"

enum clone_target {
	CLONE_OF_GENERATION, /* by the numbered path */
	CLONE_OF_CURRENT,    /* reads another disk after the next head */
	CLONE_OF_BASE,
	CLONE_OF_FILE, /* one that was asked for */
};

enum clone_place {
	CLONE_OUTSIDE,
	CLONE_IN_TEMPLATE, /* an overlay of the library */
	CLONE_BEING_MADE,  /* one that no head names yet */
	CLONE_IN_TRASH,
};

struct clone_use {
	char *path; /* the file that depends */
	enum clone_place place;
	char *own_template;  /* CLONE_IN_TEMPLATE: whose, and */
	uint64_t own_number; /* which */
	enum clone_target target;
	char *template_name; /* of a generation, of `current` */
	uint64_t number;     /* of a generation; of a file among those asked for */
	struct digest base;
};

/* A file, or a directory, of which nobody knows what it depends on. */
struct clone_unknown {
	char *path;
	char *why;
	bool denied; /* to us: somebody else may know */
};

struct clones {
	struct clone_use *uses;
	size_t n_uses;
	struct clone_unknown *unknown;
	size_t n_unknown;
};

struct clones_request {
	const char *library; /* absolute */
	const char *const *roots;
	size_t n_roots;
	const char *publish;	  /* a directory; what publish.h put there is no clone; or NULL */
	const char *const *files; /* instead of the library's overlays: who depends on these? */
	size_t n_files;
	const struct monitor *monitor;
};

int clones_find(const struct clones_request *request, struct clones *ret, struct error *err);
void clones_free(struct clones *clones);
#define CLEANUP_CLONES __attribute__((cleanup(clones_free)))

json_t *clones_to_json(const struct clones *clones);
int clones_from_json(const json_t *json, struct clones *ret, struct error *err);

#endif
