/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The os-release file, as os-release(5) describes it, and the one line that systems had before it.
 */
#ifndef COLDPATCH_GUEST_OSRELEASE_H
#define COLDPATCH_GUEST_OSRELEASE_H

#include <stddef.h>

#include "guest/guest.h"

enum { OSRELEASE_LIMIT = 64 << 10 }; /* bytes of the file that are worth reading */

/* Sets the members of `os` that the file names; of several assignments the last one counts, as in a
 * shell. What is no assignment, holds a control byte or is longer than 256 bytes is ignored, and so
 * is an ID outside the characters that the manual page allows. */
void osrelease_parse(const char *buf, size_t len, struct guest_os *os);

/* /etc/system-release, /etc/redhat-release: "CentOS release 6.10 (Final)".  Sets ID, VERSION_ID and
 * PRETTY_NAME; nothing where the name is not known. */
void osrelease_parse_line(const char *buf, size_t len, struct guest_os *os);

#endif
