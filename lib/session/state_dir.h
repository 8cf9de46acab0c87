/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A package state as files of a private directory, on its way from one worker to another. */
#ifndef COLDPATCH_SESSION_STATE_DIR_H
#define COLDPATCH_SESSION_STATE_DIR_H

#include "package/package.h"

int state_dir_write(const char *directory, const struct package_state *state, struct error *err);
int state_dir_read(const char *directory, struct package_state *ret, struct error *err);

#endif
