/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests that others choose: in the indexes of a repository, or for those outside who ask for one.
 * What we name and check ourselves is by SHA-256 alone (base/digest.h). */
#ifndef COLDPATCH_BASE_CHECKSUM_H
#define COLDPATCH_BASE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"

/* Those that may be relied on. */
enum checksum_type { CHECKSUM_SHA256, CHECKSUM_SHA384, CHECKSUM_SHA512 };

enum { CHECKSUM_HEX_SIZE = 129 };

struct checksum {
	enum checksum_type type;
	char hex[CHECKSUM_HEX_SIZE]; /* lower-case; "": none */
};

/* Of a type's name ("sha256") and digits, in either case; false when it is another, or they are not
 * as many. */
bool checksum_parse(const char *type, const char *hex, struct checksum *ret);
/* The same of "sha256:" and digits. */
bool checksum_from_text(const char *text, struct checksum *ret);
/* Such a text; the caller frees. */
char *checksum_to_text(const struct checksum *checksum);
bool checksum_equal(const struct checksum *a, const struct checksum *b);
const char *checksum_type_name(enum checksum_type type);

struct checksum_context;
struct checksum_context *checksum_new(enum checksum_type type);
void checksum_update(struct checksum_context *ctx, const void *data, size_t len);
/* Gives the checksum and frees the context. */
void checksum_finish(struct checksum_context *ctx, struct checksum *ret);
void checksum_free(struct checksum_context *ctx);
DEFINE_CLEANUP(struct checksum_context, checksum_free)

void checksum_of(const void *data, size_t len, enum checksum_type type, struct checksum *ret);
/* Of a file from its start to its end; the offset is not moved.  ERROR_IO; ERROR_BUSY when the
 * monitor says stop. */
int checksum_of_fd(int fd, enum checksum_type type, const struct monitor *monitor,
		   struct checksum *ret, struct error *err);

#endif
