/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files and directories of the host: read with a limit, replaced atomically, made, removed.
 */
#ifndef COLDPATCH_BASE_FILE_H
#define COLDPATCH_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/monitor.h"

/* A descriptor to read a regular file by.  Anything else (a link, a directory, a device, a fifo) is
 * refused with `kind` as not `what` ("an image file"), without being opened or waited for; absence
 * is ERROR_MISSING, no permission ERROR_DENIED. */
int file_open(const char *path, const char *what, enum error_kind kind, struct error *err);

/* Appends the whole of a file that somebody names to us: a plan, a key, a record.  Whatever is
 * wrong with it, its type and more than `limit` bytes included, is `kind`. */
int file_read_document(const char *path, size_t limit, enum error_kind kind, struct buffer *ret,
		       struct error *err);
/* The same for a file of ours or the system's; the kind is ERROR_IO. */
int file_read(const char *path, size_t limit, struct buffer *ret, struct error *err);
int file_read_fd(int fd, const char *name, size_t limit, struct buffer *ret, struct error *err);

/* Hands on all bytes, from the start to the end; the offset is not moved.  ERROR_IO; ERROR_BUSY
 * when the monitor says stop. */
typedef void file_piece(void *opaque, const void *data, size_t len);
int file_read_pieces(int fd, const struct monitor *monitor, file_piece *take, void *opaque,
		     struct error *err);

/* Writes all of it, through short writes and EINTR. */
int file_write_all(int fd, const void *data, size_t len, struct error *err);

/* A descriptor, at its start, of a file without a name that holds these bytes. */
int file_of_memory(const void *data, size_t len, struct error *err);

/* Old or new, never between: temporary file beside it, write, fsync, rename, fsync of the
 * directory. */
int file_replace(const char *path, const void *data, size_t len, mode_t mode, struct error *err);
int file_sync_directory_of(const char *path, struct error *err);

/* mkdir -p with `mode` for what is made. */
int directory_make(const char *path, mode_t mode, struct error *err);
/* Removes a tree of ours: never follows a symlink, never leaves the file system it starts on.
 * Absent is fine. */
int directory_remove(const char *path, struct error *err);
/* A new private (0700) directory `PARENT/PREFIX.XXXXXX`; the caller frees the path. */
char *directory_make_temporary(const char *parent, const char *prefix, struct error *err);
/* Bytes a caller of statvfs may still write there. */
int directory_free_bytes(const char *path, uint64_t *ret, struct error *err);

/* "DIR/NAME", allocated. */
char *path_join(const char *directory, const char *name);
/* What follows the last slash, borrowed. */
static inline const char *path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
/* Whether an absolute path is that directory or lies below it; both without a trailing slash, but
 * for "/". */
static inline bool path_is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strcmp(directory, "/") == 0 ||
	       (strncmp(path, directory, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

#endif
