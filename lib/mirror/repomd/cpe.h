/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPE names of distributions (NIST IR 7695), by which a repomd.xml says whose it is. */
#ifndef COLDPATCH_MIRROR_REPOMD_CPE_H
#define COLDPATCH_MIRROR_REPOMD_CPE_H

#include <stdbool.h>

/* ID and VERSION_ID as the distribution's os-release has them, of "cpe:/o:centos:centos:7" or
 * "cpe:2.3:o:amazon:amazon_linux:2:..."; *ret_version is NULL where the name has none.  False: not
 * one that is known here.  The caller frees. */
bool cpe_read(const char *cpe, char **ret_id, char **ret_version);

#endif
