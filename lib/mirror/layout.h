/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mirror layouts behind one interface.  To add one, write a directory beside apt/ that fills a
 * struct mirror_layout, and name it in the table of build.c.
 *
 * A layout reads one mirror: it verifies its signed indexes, judges their age, stages the index
 * files and adds to the build the sources it found and the package files that are wanted.  What is
 * the same for all layouts (copying packages, the manifest, publishing) is done by build.c and
 * mirror.c.
 */
#ifndef COLDPATCH_MIRROR_LAYOUT_H
#define COLDPATCH_MIRROR_LAYOUT_H

#include "base/buffer.h"
#include "mirror/highwater.h"
#include "mirror/mirror.h"
#include "mirror/stage.h"

struct mirror_wanted;

/* What a layout has to say of a package file beyond its digest, such as a signature in it.  The
 * first member of a struct of the layout's. */
struct mirror_check {
	/* `fd` is our copy, which has the digest already, and is at no particular offset. */
	int (*check)(struct mirror_check *check, const struct mirror_wanted *wanted, int fd,
		     struct error *err);
	void (*free)(struct mirror_check *check);
};

/* A package file that a signed index names and that is in the mirror. */
struct mirror_wanted {
	const char *mirror; /* its root as the user gave it, borrowed */
	int root;
	char *path; /* in it, safe */
	struct digest sha256;
	uint64_t size;
	struct mirror_check *check; /* borrowed from the build; NULL: none */
};

struct mirror_build {
	const struct mirror_policy *policy;
	const struct monitor *monitor;
	const struct stage *stage;
	struct highwater before; /* marks to check against */
	struct highwater seen;	 /* marks to write when all has gone well */
	/* `directory` is relative to the stage until the build is finished */
	struct mirror_source *sources;
	size_t n_sources;
	struct mirror_wanted *wanted;
	size_t n_wanted;
	struct mirror_check **checks; /* owned */
	size_t n_checks;
	int *roots; /* of all mirrors, until the build is freed */
	size_t n_roots;
};
void mirror_build_free(struct mirror_build *build);
#define CLEANUP_MIRROR_BUILD __attribute__((cleanup(mirror_build_free)))

struct mirror_layout {
	const char *name;
	const char *missing; /* what a directory that is none lacks: "it has no ..." */
	bool (*detect)(int root);
	/* Adds sources; os_id and os_version of the options are put into them afterwards. */
	int (*read)(struct mirror_build *build, int root, const struct mirror_options *options,
		    struct error *err);
};

extern const struct mirror_layout mirror_layout_apt, mirror_layout_repomd;

/* For layouts.  Starts a source with a directory of its own in the stage. */
struct mirror_source *mirror_build_source(struct mirror_build *build);
/* Hands the check over to the build. */
void mirror_build_check(struct mirror_build *build, struct mirror_check *check);
/* Stages an index file of the source at `path`. */
int mirror_build_file(struct mirror_build *build, struct mirror_source *source, const char *path,
		      const struct buffer *content, struct error *err);

#endif
