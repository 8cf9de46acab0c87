/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One RPM package as its header describes it: immutable bytes, as they lie in a package database or
 * a package file without the lead, signature and magic (lib/rpmtag.h of rpm; "Header" in the RPM
 * file format manual).  lib/rpm is where librpm's types live; only lib/package/rpm may ask for the
 * handle, to give it to libsolv.
 */
#ifndef COLDPATCH_RPM_RPM_HEADER_H
#define COLDPATCH_RPM_RPM_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

struct rpm_header;

/* Untrusted input, copied.  ERROR_IMAGE: not a whole header, or larger than a header may be. */
struct rpm_header *rpm_header_import(const void *blob, size_t len, struct error *err);
void rpm_header_free(struct rpm_header *header);
DEFINE_CLEANUP(struct rpm_header, rpm_header_free)

/* The bytes that rpm_header_import takes. */
void rpm_header_export(const struct rpm_header *header, struct buffer *ret);

/* ERROR_IMAGE: the header names a digest of its own, and has another.  Old ones name none. */
int rpm_header_check(const struct rpm_header *header, struct error *err);

/* Leaves what the package file has: what rpm added when it installed it differs between two
 * installations of the same package.  ERROR_IMAGE: damaged. */
int rpm_header_forget_installation(struct rpm_header *header, struct error *err);

/* Borrowed; "" where the header has none. */
const char *rpm_header_name(const struct rpm_header *header);
const char *rpm_header_architecture(const struct rpm_header *header);
/* "EPOCH:VERSION-RELEASE", without the epoch where it is 0 or absent. */
const char *rpm_header_evr(const struct rpm_header *header);

/* Has it a Provides of this name, whatever its version? */
bool rpm_header_provides(const struct rpm_header *header, const char *name);

/* A `Header` of librpm, borrowed. */
void *rpm_header_handle(const struct rpm_header *header);

/* < 0, 0, > 0, as rpm orders two such EVRs. */
int rpm_evr_compare(const char *a, const char *b);

#endif
