/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-512, for those outside who ask for it; nothing here is named or checked by it. */
#ifndef COLDPATCH_BASE_SHA512_H
#define COLDPATCH_BASE_SHA512_H

#include "base/error.h"
#include "base/monitor.h"

enum { SHA512_HEX_SIZE = 129 };

/* Of a file from its start to its end; the offset is not moved.  ERROR_IO; ERROR_BUSY when the
 * monitor says stop. */
int sha512_of_fd(int fd, const struct monitor *monitor, char hex[static SHA512_HEX_SIZE],
		 struct error *err);

#endif
