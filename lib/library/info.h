/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_LIBRARY_INFO_H
#define COLDPATCH_LIBRARY_INFO_H

#include "library/template.h"

/* What is not readable is a problem of the template. */
void info_load(const struct library *library, struct template *template);
void pins_load(const struct library *library, struct template *template);
void info_clear(struct template_info *info);

#endif
