/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_DISK_SOCKET_H
#define COLDPATCH_DISK_SOCKET_H

#include "base/error.h"

/* A unix socket that is listened at by its path, which must not exist and has at most 107 bytes;
 * ERROR_HOST. */
int socket_listen(const char *path, struct error *err);

#endif
