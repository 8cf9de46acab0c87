/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each task may touch. */
#ifndef COLDPATCH_SESSION_CONFINEMENTS_H
#define COLDPATCH_SESSION_CONFINEMENTS_H

#include "session/confine.h"

extern const struct confinement confinement_copy, confinement_inspect, confinement_resolve,
	confinement_layer, confinement_payload, confinement_commit, confinement_snapshot,
	confinement_try_snapshot, confinement_verify_snapshot, confinement_verify_record,
	confinement_want, confinement_mirror_list, confinement_acquire, confinement_indexes,
	confinement_choose, confinement_import, confinement_import_scan, confinement_clone,
	confinement_export, confinement_clones, confinement_publish, confinement_digest,
	confinement_verify_files;

#endif
