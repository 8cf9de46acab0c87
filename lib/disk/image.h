/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image: a disk file and the files it is backed by, opened once, inspected by our own header
 * parser before QEMU sees a byte, then served by one qemu-nbd that gets the whole block graph
 * explicitly (format, file and backing of every level) and shares our descriptors, so that what a
 * header names cannot matter even if it changes under us.
 */
#ifndef COLDPATCH_DISK_IMAGE_H
#define COLDPATCH_DISK_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "base/monitor.h"
#include "disk/block.h"

enum image_format {
	IMAGE_FORMAT_RAW,
	IMAGE_FORMAT_QCOW2,
	IMAGE_FORMAT_VMDK, /* written, never opened as somebody's image (convert.h) */
};
const char *image_format_name(enum image_format format);

/* One file of a chain. */
struct image_file {
	char *path; /* as it was found, absolute, links followed */
	int fd;	    /* read-only; owned by the image */
	enum image_format format;
	uint64_t virtual_size; /* bytes */
	uint64_t file_size;    /* bytes */
	char *backing_name;    /* what the header names, or NULL */
	char *directory;       /* where a relative backing_name is meant from, as QEMU does: where
				* the name lies that the file was found by, which may be a link */
};

struct image {
	struct image_file *files; /* [0] is the top, the last has no backing file */
	size_t n_files;
};

struct image_options {
	const char *const
		*backing; /* paths of the files that may back this image; a header that names any
			   * other file is refused (ERROR_IMAGE "... give it with --backing") */
	size_t n_backing;
	/* Any file that a header names may back: only for a top file whose bytes are already known
	 * to be the ones that somebody trusted signed for. */
	bool trust_headers;
	const char *directory; /* where the top file is going to lie, when it was made elsewhere:
				* a relative name in its header is meant from there; or NULL */
};

/* Opens the chain read-only and no-follow and checks every header.  ERROR_MISSING; ERROR_IMAGE:
 * truncated, external data file, unknown incompatible bits, dirty or corrupt, encrypted, saved
 * memory state, backing file not given or a loop; a format that is neither qcow2 nor raw named
 * (vmdk, vhdx, ...).  A raw image must look like a disk: MBR/GPT or a known file system at 0.
 * ERROR_BUSY when another process holds any of the files open for writing (QEMU's own lock bytes).
 * The caller frees. */
struct image *image_open(const char *path, const struct image_options *options, struct error *err);
void image_free(struct image *image);
DEFINE_CLEANUP(struct image, image_free)

/* Serves the image to this process, read-only or (only ever for a fresh overlay of ours) writable.
 * The qemu-nbd process ends with the block device.  `socket_dir` is a private directory of the
 * caller. */
struct block *image_attach(const struct image *image, bool writable, const char *socket_dir,
			   struct error *err);

/* Makes a new qcow2 overlay (`path` must not exist) backed by image's top file.  `backing_name` is
 * what the header is to say, verbatim. */
int image_create_overlay(const struct image *image, const char *path, const char *backing_name,
			 struct error *err);
/* `qemu-img check`: 0 when clean, ERROR_IMAGE otherwise with what it counted. */
int image_check(const struct image *image, struct error *err);

/* The guest-visible content digest: root of a SHA-256 tree over 64 KiB blocks;
 * zero blocks are known without reading.  The exact tree is described in docs/record.md. */
int image_content_digest(struct block *block, const struct monitor *monitor, struct digest *ret,
			 struct error *err);

#endif
