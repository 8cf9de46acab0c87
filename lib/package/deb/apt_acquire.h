/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libapt-pkg's own way of getting files, behind C: in parallel by host, from where a partial file
 * ends, http, https and local files.  The transfers are done by apt's method programs, which die
 * with the calling process.  State is global: one process for this, and for nothing else of apt's.
 * Nothing of the host's apt configuration is read.
 *
 * What a method says of the bytes is only a hint: whoever called looks at the file.
 */
#ifndef COLDPATCH_PACKAGE_DEB_APT_ACQUIRE_H
#define COLDPATCH_PACKAGE_DEB_APT_ACQUIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#ifndef APT_NOEXCEPT
#define APT_NOEXCEPT noexcept
#endif
extern "C" {
#else
#ifndef APT_NOEXCEPT
#define APT_NOEXCEPT
#endif
#endif

#include "base/error.h"
#include "base/monitor.h"

enum apt_transfer_state {
	APT_TRANSFER_WAITING, /* not begun, or interrupted */
	APT_TRANSFER_DONE,
	APT_TRANSFER_ABSENT, /* the server answers, and says that there is no such file */
	APT_TRANSFER_FAILED,
};

struct apt_transfer {
	const char *uri;    /* "http://...", "https://...", "copy:/..." for a local file */
	const char *path;   /* absolute; what is there is taken for its beginning */
	const char *sha256; /* hex, or NULL: not known */
	uint64_t size;	    /* 0: not known */
	uint64_t limit;	    /* then: bytes, at most */

	enum apt_transfer_state state;
	struct error error; /* APT_TRANSFER_FAILED: ERROR_TRUST other bytes than expected, or more,
			       ERROR_SPACE, ERROR_MIRROR everything else */
};

struct apt_acquire_job {
	const char *root;  /* a private, empty directory */
	const char *proxy; /* URL, or NULL */
	struct apt_transfer *transfers;
	size_t n_transfers;
	const struct monitor *monitor;
	void *opaque;
	/* The server begins to send, of a file that it last changed then; 0: it does not say. */
	void (*started)(void *opaque, size_t transfer, int64_t modified);
	/* A file is there; what this says is the transfer's state.  0, or -1 with its error. */
	int (*arrived)(void *opaque, size_t transfer, struct error *err);
};

/* Fills state and error of every transfer.  -1 only when nothing could be tried (ERROR_HOST) or the
 * monitor said stop (ERROR_BUSY). */
int apt_acquire(const struct apt_acquire_job *job, struct error *err) APT_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
