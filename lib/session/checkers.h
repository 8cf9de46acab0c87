/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks that programs of others make on a subject: `qemu-img check` on each disk, then each
 * file system's checker.  In a thread, while the subject is checked in other ways. */
#ifndef COLDPATCH_SESSION_CHECKERS_H
#define COLDPATCH_SESSION_CHECKERS_H

#include "session/subject.h"

struct checkers;

/* `subject`, read-only, and `work_dir` are borrowed until it is freed. */
struct checkers *checkers_start(const struct subject *subject, const char *work_dir);
/* ERROR_IMAGE names the first that is not clean. */
int checkers_wait(struct checkers *checkers, struct error *err);
/* Waits for what is at work, and leaves out the rest. */
void checkers_free(struct checkers *checkers);
DEFINE_CLEANUP(struct checkers, checkers_free)

#endif
