/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who works on something in the library: a small file {"host", "boot", "pid", "started", "run"}
 * that its owner touches every 30 seconds.
 *
 * Gone is an owner of this host and boot whose process (pid and start time) is no more; anybody
 * else only when nothing was touched for 10 minutes, so the clocks of hosts that share a library
 * may differ by some minutes and no more.  The same file serves as owner of a directory that is
 * being made, as lease of a template, and as mark of a use.
 *
 * What is made and not yet owned by such a file tells its owner by its name (base/temporary.h).
 */
#ifndef COLDPATCH_LIBRARY_OWNER_H
#define COLDPATCH_LIBRARY_OWNER_H

#include <stdbool.h>

#include "library/library.h"

enum { OWNER_TOUCH_S = 30, OWNER_GONE_S = 600 };
#define OWNER_FILE ".owner" /* of a directory */

struct owner_file; /* ours, with a thread that touches it */

/* Makes DIR/NAME (O_EXCL).  ERROR_BUSY names host and pid of who has it, unless that one is gone:
 * then it is taken over.  ERROR_TRUST: there is something of that name that is no file, which
 * stays. */
struct owner_file *owner_file_new(const struct library *library, int dir, const char *name,
				  const char *run, struct error *err);
/* Removes the file, where it is still ours. */
void owner_file_free(struct owner_file *owner);
DEFINE_CLEANUP(struct owner_file, owner_file_free)

/* Is the owner whose file this is gone?  One that cannot be read is judged by its own age,
 * no such file by that of the directory. */
bool owner_is_gone(const struct library *library, int dir, const char *name);
/* The run that the file is of, whoever has it; NULL: there is no file, or none that says so.
 * Allocated. */
char *owner_run(int dir, const char *name);
/* Takes the file away when there is one and its owner is gone. */
void owner_clear_gone(const struct library *library, int dir, const char *name);

/* Is it a temporary name, and its owner gone?  One from elsewhere: by the owner file in it, else by
 * its own age. */
bool owner_temporary_is_gone(const struct library *library, int dir, const char *name);

#endif
