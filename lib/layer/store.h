/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of one layer in its directory, and the digests that name it. */
#ifndef COLDPATCH_LAYER_STORE_H
#define COLDPATCH_LAYER_STORE_H

#include "layer/layer.h"

#define LAYER_TAR   "layer.tar.zst"
#define LAYER_MERGE "merge.json"
#define LAYER_SUMS  "layer.json"

enum { LAYER_FILE_MODE = 0640, LAYER_DIRECTORY_MODE = 0750 };

/* Sets layer->digest from the two others. */
void layer_name(struct layer *layer);
char *layer_directory(const char *store, const struct digest *digest);
/* {"merge", "tar", counts}: what has to be known before the tar is read. */
json_t *layer_sums_to_json(const struct layer *layer);
int layer_sums_from_json(const json_t *json, struct layer *layer, struct error *err);

#endif
