/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first half of a run, shared by inspect, plan and apply: a guest, and a plan for it with its
 * fit. */
#ifndef COLDPATCH_SESSION_IMAGE_H
#define COLDPATCH_SESSION_IMAGE_H

#include "plan/plan.h"
#include "session/library_image.h"
#include "session/session.h"
#include "session/workspace.h"

/* A run id: time and random bits, "20261122T140501Z-3f9a1c". */
char *run_id_new(void);

/* What is known of one image during a run.  Start with {0}. */
struct prepared {
	char *run;
	struct workspace *workspace;	/* in scratch */
	struct resolved_image resolved; /* after prepare_guest */
	json_t *image; /* the "image" of tasks (subject.h), with "files" after prepare_guest */
	char *state_dir;
	struct guest *guest;
	struct patchset *patchset; /* NULL: the plan is from a file */
	struct mirror_snapshot *snapshot;
	struct plan *plan;
	struct fit fit;
};
void prepared_free(struct prepared *prepared);
#define CLEANUP_PREPARED __attribute__((cleanup(prepared_free)))

/* Fills run, workspace, image, guest. */
int prepare_guest(struct coldpatch_session *session, const struct coldpatch_image *image,
		  struct prepared *prepared, struct error *err);
/* Before anything is read: a patchset is named, in UTF-8. */
int prepare_check_options(const struct coldpatch_plan_options *options, struct error *err);
/* Fills snapshot, plan.  A plan for the same inputs that is in the store is taken from there. */
int prepare_plan(struct coldpatch_session *session, const struct coldpatch_plan_options *options,
		 struct prepared *prepared, struct error *err);
/* The same from a plan file; ERROR_BUSY when it was made for another package state. */
int prepare_plan_from_file(struct coldpatch_session *session, const char *path,
			   struct prepared *prepared, struct error *err);
/* Fills fit; ERROR_IMAGE when the plan does not fit. */
int prepare_fit(struct prepared *prepared, struct error *err);

/* The file of a patchset that a caller names, allocated. */
char *prepare_patchset_path(const struct coldpatch_session *session, const char *name);
/* Puts the image's name in front of the message, unless it begins with it; -1. */
int prepare_name_image(const struct coldpatch_image *image, struct error *err);

/* COLDPATCH_OK or COLDPATCH_LEFT_BEHIND. */
int plan_code(const struct plan *plan);

#endif
