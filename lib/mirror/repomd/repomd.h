/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the repomd layout: repomd.c finds repositories, repository.c takes in the signed
 * index of one, data.c what that names, check.c looks at signatures of package files. */
#ifndef COLDPATCH_MIRROR_REPOMD_REPOMD_H
#define COLDPATCH_MIRROR_REPOMD_REPOMD_H

#include "mirror/gpgv.h"
#include "mirror/layout.h"
#include "mirror/repomd/index.h"

#define REPOMD_INDEX	 "repodata/repomd.xml"
#define REPOMD_SIGNATURE "repodata/repomd.xml.asc"

/* One mirror while it is read. */
struct repomd {
	struct mirror_build *build;
	const struct mirror_options *options;
	int root;
	struct mirror_check *check;
};

/* One repository while it is read. */
struct repository {
	char *path;	  /* in the mirror, "." is its root */
	char *index_path; /* in the mirror */
	struct buffer bytes, signature;
	struct digest digest;
	struct repomd_index index;
	struct signers signers; /* none: the user trusts the digest */
	struct mirror_source *source;
};
void repository_free(struct repository *repository);
#define CLEANUP_REPOSITORY __attribute__((cleanup(repository_free)))

/* The path in the mirror of one in a repository, allocated. */
char *repository_place(const char *repository, const char *path);

/* Verifies the signature of the repository at repository->path, judges its age, makes the source
 * from it and stages its index. */
int repository_read(const struct repomd *repomd, struct repository *repository, struct error *err);

/* Verifies and stages the files that are needed, and wants the packages that are there. */
int repomd_data_read(const struct repomd *repomd, struct repository *repository, struct error *err);

/* Is the hex digest among those that the user trusts? */
bool repomd_is_trusted(const char *const *digests, size_t n, const char *hex);

/* For the package files of a mirror with these options. */
struct mirror_check *repomd_check_new(const struct mirror_options *options, struct error *err);

#endif
