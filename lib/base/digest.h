/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256, the one digest that names and checks things here. */
#ifndef COLDPATCH_BASE_DIGEST_H
#define COLDPATCH_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/monitor.h"

#define DIGEST_SIZE	32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1)

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

struct digest_context;

struct digest_context *digest_new(void);
void digest_update(struct digest_context *ctx, const void *data, size_t len);
/* Gives the digest and frees the context. */
void digest_finish(struct digest_context *ctx, struct digest *ret);
void digest_free(struct digest_context *ctx);
DEFINE_CLEANUP(struct digest_context, digest_free)

void digest_of(const void *data, size_t len, struct digest *ret);
/* Reads fd from its start to its end with pread; the offset is not moved. */
int digest_of_fd(int fd, struct digest *ret, struct error *err);
int digest_of_file(const char *path, struct digest *ret, struct error *err);
/* The same for what may be large: the monitor can stop them, with ERROR_BUSY. */
int digest_of_fd_monitored(int fd, const struct monitor *monitor, struct digest *ret,
			   struct error *err);
int digest_of_file_monitored(const char *path, const struct monitor *monitor, struct digest *ret,
			     struct error *err);

void digest_to_hex(const struct digest *digest, char hex[static DIGEST_HEX_SIZE]);
/* False unless hex is exactly 64 lower-case hexadecimal digits. */
bool digest_from_hex(const char *hex, struct digest *ret);
bool digest_equal(const struct digest *a, const struct digest *b);

#endif
