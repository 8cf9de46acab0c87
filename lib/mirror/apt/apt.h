/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the apt layout: apt.c finds suites, suite.c takes in the signed index of one,
 * index.c its Packages files. */
#ifndef COLDPATCH_MIRROR_APT_APT_H
#define COLDPATCH_MIRROR_APT_APT_H

#include "mirror/apt/pool.h"
#include "mirror/apt/release.h"
#include "mirror/gpgv.h"
#include "mirror/layout.h"

struct apt {
	struct mirror_build *build;
	const struct mirror_options *options;
	int root;
	struct pool pool;
};

/* One suite while it is read. */
struct apt_suite {
	char *path;	  /* "dists/bookworm-security" */
	char *index_path; /* "dists/bookworm-security/InRelease" */
	struct buffer index, signature, text;
	struct release release;
	struct signers signers;
	struct mirror_source *source;
};

void apt_suite_free(struct apt_suite *suite);
#define CLEANUP_APT_SUITE __attribute__((cleanup(apt_suite_free)))

/* What is there but cannot be opened counts: reading it says why. */
bool apt_has_file(int root, const char *directory, const char *name);

/* Verifies the signature of the suite at suite->path, judges its age, and makes the source from it.
 */
int apt_suite_read(const struct apt *apt, struct apt_suite *suite, struct error *err);

/* Verifies and stages the Packages files that are there, and wants the packages in them that are
 * there. */
int apt_index_read(struct apt *apt, struct apt_suite *suite, struct error *err);

#endif
