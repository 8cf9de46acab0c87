/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_LIBRARY_GENERATIONS_H
#define COLDPATCH_LIBRARY_GENERATIONS_H

#include "library/template.h"

/* After the heads: what lies in templates/NAME/N, and what heads name. */
int generations_load(const struct library *library, struct template *template, struct error *err);

/* Is this the name of what lies beside the disks of a generation, and is no image: its record, its
 * log, its mark in the trash? */
bool generation_is_beside_disks(const char *name);

#endif
