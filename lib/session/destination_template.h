/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The side of a destination that is a generation of a template (destination.h). */
#ifndef COLDPATCH_SESSION_DESTINATION_TEMPLATE_H
#define COLDPATCH_SESSION_DESTINATION_TEMPLATE_H

#include "session/destination.h"

/* Recovery of the template that the image names, where it names one. */
int template_recover_image(struct coldpatch_session *session, const struct coldpatch_image *image,
			   struct error *err);
/* Checks the call and the template; fills in the options. */
int generation_open(struct destination *destination, struct error *err);
int generation_check_plan(const struct destination *destination, const struct plan *plan,
			  struct error *err);
/* Steps 6 and 7 of the commit protocol; fills in outputs and record. */
int generation_publish(struct destination *destination, const char *run, const char *log_path,
		       struct error *err);

#endif
