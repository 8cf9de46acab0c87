/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may stand in a want file; shared by who writes and who reads it. */
#ifndef COLDPATCH_FETCH_WANT_WORDS_H
#define COLDPATCH_FETCH_WANT_WORDS_H

#include <stdbool.h>

#include "fetch/want.h"

#define WANT_FIRST_LINE "coldpatch-want 1"

/* Distributions, releases, suites, architectures: they become parts of paths. */
bool want_is_word(const char *word);
bool want_is_package(const char *word); /* deb-control(5) */
bool want_is_version(const char *word); /* deb-version(7) */

void want_guest_free(struct want_guest *guest);

#endif
