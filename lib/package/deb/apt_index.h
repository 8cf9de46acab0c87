/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index files of a mirror snapshot, laid out as apt keeps its lists. */
#ifndef COLDPATCH_PACKAGE_DEB_APT_INDEX_H
#define COLDPATCH_PACKAGE_DEB_APT_INDEX_H

#include "guest/guest.h"
#include "mirror/mirror.h"

struct apt_index {
	char *lists;	    /* directory with the list files */
	char *sources_list; /* file that names the sources, in the snapshot's order */
	char *cache;	    /* file in which apt keeps what it parsed of them */
};
/* Makes the directory below `work_dir` once per set of architectures; later calls find it. */
int apt_index_open(const struct mirror_snapshot *snapshot, const struct guest_packages *packages,
		   const char *work_dir, struct apt_index *ret, struct error *err);
void apt_index_free(struct apt_index *index);
#define CLEANUP_APT_INDEX __attribute__((cleanup(apt_index_free)))

#endif
