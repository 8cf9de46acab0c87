/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manifest of a mirror snapshot; its canonical bytes' sha256 is the snapshot's name.
 *
 *     {"version": 2,
 *      "sources": [{"layout": "apt", "path": ".", "directory": "sources/0", ...,
 *                   "files": [{"path", "size", "sha256"}], "aliases": []}, ...],
 *      "packages": ["SHA256", ...]}
 *
 * Sources are sorted by path, index_path, index digest, then whose they are; files by path;
 * packages by digest.
 */
#ifndef COLDPATCH_MIRROR_MANIFEST_H
#define COLDPATCH_MIRROR_MANIFEST_H

#include "mirror/mirror.h"

void mirror_source_free(struct mirror_source *source);

json_t *manifest_to_json(const struct mirror_snapshot *snapshot);
/* Reads DIRECTORY/manifest.json, which must have the digest that DIRECTORY is called by; index
 * files are not looked at.  ERROR_TRUST. */
struct mirror_snapshot *manifest_read(const char *directory, const char *package_root,
				      struct error *err);
/* From DIRECTORY/made; 0 when that cannot be read. */
int64_t manifest_made(const char *directory);

#endif
