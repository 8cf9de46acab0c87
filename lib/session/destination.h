/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an apply's overlays and record go: to loose files that the caller named, or to a new
 * generation of a template.  Nothing is visible before destination_publish, then all of it is.
 */
#ifndef COLDPATCH_SESSION_DESTINATION_H
#define COLDPATCH_SESSION_DESTINATION_H

#include "library/commit.h"
#include "plan/plan.h"
#include "session/library_image.h"
#include "session/squash.h"
#include "session/workspace.h"

/* Start with {0}. */
struct destination {
	struct coldpatch_session *session;
	struct resolved_image resolved;
	/* The caller's; of a template with its own parent record and, once it is published, outputs
	 * and record. */
	struct coldpatch_apply_options options;
	char **outputs; /* of a template */
	char *record;
	struct workspace *workspace; /* of loose files: beside the first output */
	struct staging *staging;     /* of a template */
	struct squash squash;	     /* of a template */
	char *warning;		     /* or NULL */
	struct owner_file *lease;
};

/* Resolves the image, and recovers its template unless it is a dry run.  ERROR_USAGE: a template
 * takes no outputs; ERROR_DENIED: it is held, or the generation is not the current one. */
int destination_open(struct coldpatch_session *session, const struct coldpatch_image *image,
		     const struct coldpatch_apply_options *options, struct destination *ret,
		     struct error *err);
void destination_free(struct destination *destination);

/* Could the files be made?  As outputs_check; a template's always can. */
int destination_check(const struct destination *destination, struct error *err);
/* ERROR_DENIED: a rollback holds the template against this plan (library_undone.h). */
int destination_check_plan(const struct destination *destination, const struct plan *plan,
			   struct error *err);
/* The lease of a template.  ERROR_BUSY: somebody else works on it. */
int destination_lease(struct destination *destination, const char *run, struct error *err);
/* Where the run's plan, log and error are kept, made; allocated. */
char *destination_run_directory(const struct destination *destination, const char *run,
				struct error *err);
/* Whether the host's policy allows the sandbox for this image, whose files are these (subject.h).
 */
bool destination_sandbox_allowed(const struct destination *destination, const json_t *files);
/* The executor to use; the library's policy may only tighten.  ERROR_DENIED. */
const char *destination_executor(const struct destination *destination, const json_t *files,
				 struct error *err);

/* Makes the directory where overlays, log and record are made, hidden. */
int destination_stage(struct destination *destination, const char *run, struct error *err);
/* A file in that directory, allocated. */
char *destination_staged(const struct destination *destination, const char *name);
char *destination_overlay(const struct destination *destination, size_t disk);
/* What a new overlay's header is to call its backing file, and the directory that this is meant
 * from; allocated. */
char *destination_backing_name(const struct destination *destination, size_t disk);
char *destination_directory(const struct destination *destination, size_t disk);

/* Overlays and the record, staged as "record.sigstore.json", become visible, together. */
int destination_publish(struct destination *destination, const char *run, const char *log_path,
			struct error *err);
/* The number of the new generation; false: there is none. */
bool destination_generation(const struct destination *destination, uint64_t *ret);

#endif
