/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which index files to bring of a suite, once its signed index is there and verified. */
#ifndef COLDPATCH_FETCH_INDEXES_H
#define COLDPATCH_FETCH_INDEXES_H

#include "base/checksum.h"
#include "mirror/mirror.h"

struct index_file {
	const char *layout; /* static */
	char *suite;
	char *path; /* below the suite: "main/binary-amd64/Packages.xz" */
	uint64_t size;
	struct checksum checksum;
	bool by_hash; /* the suite says that its files are also under the names of their digests */
};
struct indexes {
	struct index_file *files;
	size_t n_files;
};
void indexes_free(struct indexes *indexes);
#define CLEANUP_INDEXES __attribute__((cleanup(indexes_free)))

struct indexes_request {
	struct mirror_options mirror; /* root and keyrings; suites are not looked at */
	const struct mirror_policy *policy;
	const char *scratch; /* a directory of ours */
	const char *layout, *suite;
	const char *const *architectures;
	size_t n_architectures;
};

/* Verifies the signed index as a mirror snapshot does (mirror_snapshot_make tells the errors) and
 * adds, for apt, the package indexes of these architectures, all components, each in one form; for
 * repomd, what a mirror snapshot keeps. */
int indexes_list(const struct indexes_request *request, const struct monitor *monitor,
		 struct indexes *ret, struct error *err);

#endif
