/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mirror layouts behind one interface.  To add one, write a file beside apt.c that fills a struct
 * mirror_layout, and name it in the table of mirror.c.
 *
 * A layout reads one mirror: it verifies its signed indexes, judges their age, stages the index
 * files and adds to the build the sources it found and the package files that are wanted.  What is
 * the same for all layouts (copying packages, the manifest, publishing) is done by mirror.c.
 */
#ifndef COLDPATCH_MIRROR_LAYOUT_H
#define COLDPATCH_MIRROR_LAYOUT_H

#include "mirror/highwater.h"
#include "mirror/mirror.h"
#include "mirror/stage.h"

/* A package file that a signed index names and that is in the mirror. */
struct mirror_wanted {
	const char *mirror; /* its root as the user gave it, borrowed */
	int root;
	char *path; /* in it, safe */
	struct digest sha256;
	uint64_t size;
};

struct mirror_build {
	const struct mirror_policy *policy;
	const struct monitor *monitor;
	const struct stage *stage;
	struct highwater before; /* marks to check against */
	struct highwater seen;	 /* marks to write when all has gone well */
	const char *family;
	/* `directory` is relative to the stage until the build is finished */
	struct mirror_source *sources;
	size_t n_sources;
	struct mirror_wanted *wanted;
	size_t n_wanted;
};
void mirror_build_free(struct mirror_build *build);
#define CLEANUP_MIRROR_BUILD __attribute__((cleanup(mirror_build_free)))

struct mirror_layout {
	const char *name;
	const char *family;  /* of its packages; all mirrors of a snapshot are of one */
	const char *missing; /* what a directory that is none lacks: "it has no ..." */
	bool (*detect)(int root);
	int (*read)(struct mirror_build *build, int root, const struct mirror_options *options,
		    struct error *err);
};

extern const struct mirror_layout mirror_layout_apt;

/* For layouts.  Starts a source with a directory of its own in the stage. */
struct mirror_source *mirror_build_source(struct mirror_build *build);
/* Stages an index file of the source at `path`. */
int mirror_build_file(struct mirror_build *build, struct mirror_source *source, const char *path,
		      const struct buffer *content, struct error *err);

#endif
