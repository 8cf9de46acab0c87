/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that an apply makes: looked at before the run, put into place after it. */
#ifndef COLDPATCH_SESSION_OUTPUTS_H
#define COLDPATCH_SESSION_OUTPUTS_H

#include "base/error.h"
#include "coldpatch.h"

/* Could they be made?  ERROR_USAGE: exists, named twice, no name of a file, on different file
 * systems; ERROR_MISSING and ERROR_DENIED: their directory. */
int outputs_check(const struct coldpatch_apply_options *options, struct error *err);
/* What is staged together is put into place by link(2), so it goes to one file system, and into no
 * library; ERROR_USAGE, ERROR_MISSING. */
int outputs_check_together(const char *const *paths, size_t n, struct error *err);
/* ERROR_USAGE: the file would lie in a library, whichever. */
int outputs_check_outside(const char *path, struct error *err);
/* Links every staged overlay to its output, the record last, so that a record that is there speaks
 * of overlays that are there.  Nothing is ever overwritten; on failure none of them is there. */
int outputs_publish(const struct coldpatch_apply_options *options, const char *const *staged,
		    const char *staged_record, struct error *err);
/* The directory that a path lies in; the caller frees. */
char *outputs_directory(const char *path);

#endif
