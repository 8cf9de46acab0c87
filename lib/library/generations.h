/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_LIBRARY_GENERATIONS_H
#define COLDPATCH_LIBRARY_GENERATIONS_H

#include "library/template.h"

/* After the heads: what lies in templates/NAME/N, and what heads name. */
int generations_load(const struct library *library, struct template *template, struct error *err);

#endif
