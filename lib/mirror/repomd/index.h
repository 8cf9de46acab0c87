/* SPDX-License-Identifier: GPL-2.0-or-later */
/* repodata/repomd.xml, the index of a repository's indexes, as createrepo_c writes it. */
#ifndef COLDPATCH_MIRROR_REPOMD_INDEX_H
#define COLDPATCH_MIRROR_REPOMD_INDEX_H

#include <stdint.h>

#include "base/checksum.h"
#include "base/decompress.h"

/* What may be needed of it; everything else (zchunk, databases, groups, ...) is skipped. */
enum repomd_type {
	REPOMD_PRIMARY,	  /* which packages */
	REPOMD_FILELISTS, /* which files they have */
	REPOMD_UPDATEINFO,
	REPOMD_MODULES,
	REPOMD_TYPES
};

struct repomd_file {
	char *href;			/* below the repository, safe; NULL: there is none */
	struct checksum checksum, open; /* packed, unpacked (without digits: not said) */
	uint64_t size, open_size;	/* 0: not said */
	int64_t timestamp;		/* seconds since the epoch; 0: not said */
};

struct repomd_index {
	struct repomd_file files[REPOMD_TYPES];
	int64_t date;	      /* the newest of its timestamps, and its revision where that is one */
	char *cpe;	      /* of the distribution, "cpe:/o:centos:centos:7"; NULL: not said */
	char **architectures; /* from content tags like "binary-x86_64" */
	size_t n_architectures;
};
void repomd_index_free(struct repomd_index *index);
#define CLEANUP_REPOMD_INDEX __attribute__((cleanup(repomd_index_free)))

/* Untrusted input.  ERROR_TRUST: not in the format, no date, a location out of the repository, or a
 * file that only a weak digest vouches for. */
int repomd_index_parse(const char *text, size_t len, struct repomd_index *ret, struct error *err);

/* How a file of this name is packed. */
enum compression repomd_compression(const char *path);
/* "primary", "filelists", ... */
const char *repomd_type_name(enum repomd_type type);

#endif
