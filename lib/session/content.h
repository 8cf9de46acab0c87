/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The content digests of a subject's disks (disk/image.h), taken while the disks are read for
 * something else as well. */
#ifndef COLDPATCH_SESSION_CONTENT_H
#define COLDPATCH_SESSION_CONTENT_H

#include "base/monitor.h"
#include "session/subject.h"

struct content_digests;

/* `subject`, read-only, and `monitor` are borrowed until it is freed. */
struct content_digests *content_digests_start(const struct subject *subject,
					      const struct monitor *monitor);
/* *ret: one digest for each disk, owned by `digests`. */
int content_digests_wait(struct content_digests *digests, const struct digest **ret,
			 struct error *err);
/* Stops what is still at work. */
void content_digests_free(struct content_digests *digests);
DEFINE_CLEANUP(struct content_digests, content_digests_free)

#endif
