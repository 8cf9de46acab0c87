/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of an import: one image that comes into the library, and its record. */
#ifndef COLDPATCH_SESSION_LIBRARY_IMPORT_H
#define COLDPATCH_SESSION_LIBRARY_IMPORT_H

#include "library/commit.h"
#include "record/record.h"
#include "session/library_lineage.h"

/* One image that is to be imported. */
struct import_request {
	const char *name; /* of the template */
	const char *const *paths;
	size_t n_paths;
	const char *const *backing;
	size_t n_backing;
	const struct coldpatch_import_options *options;
};

/* What is known of it while it is done.  Start with {0}. */
struct import {
	const struct import_request *request;
	const struct library *library;
	const char *run, *key;
	int64_t started;
	bool into;		   /* a new generation of a template that is there */
	struct template *template; /* NULL: a new one */
	struct lineage *lineage;   /* of that */
	struct staging *staging;
	struct owner_file *lease;
	json_t *result; /* of task import */
};

/* Gives the summary, with "files": the files of the image, as they were found (subject.h). */
int import_one(struct coldpatch_session *session, const struct import_request *request,
	       const char *run, json_t **ret, struct error *err);

/* "disk0.qcow2" of a staged generation, allocated. */
char *import_overlay_path(const struct import *import, size_t disk);
/* Could they be bases?  ERROR_IMAGE: a header leads to one file, and the library has its content as
 * another one.  ERROR_DENIED: a file that is to be moved is a base, left where it lies
 * (library_import_bases.c). */
int import_check_bases(const struct import *import, struct error *err);
/* *ret: the base in the library, allocated, whose file outside this is; NULL: it is none's. */
int import_find_referenced(const struct library *library, const char *path, char **ret,
			   struct error *err);
/* The bases of an import's disks are in the library, all of them; lower ones first.  Of a move, a
 * file in import->result whose content was there before gets "base", where that is. */
int import_add_bases(const struct import *import, struct error *err);
/* Writes the record, signed, into the staged generation (library_import_record.c). */
int import_sign(struct coldpatch_session *session, const struct import *import, struct error *err);
/* Of a move: `files` (task_import.c) are in the library now, and go where they were
 * (library_import_move.c).  What stays is a warning. */
void import_remove_originals(struct coldpatch_session *session, const json_t *files);

#endif
