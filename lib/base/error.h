/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One failure, as a value on the caller's stack.
 *
 * A fallible function takes a struct error as its last parameter and returns 0 or -1, or a
 * pointer or NULL.  The error is made once, where the failure is seen; callers may put context
 * in front of it.  Nothing in it has to be freed.  The kinds are the exit codes of the program
 * (docs/exit-codes.md), so that no table stands between a failure and what a scheduler sees.
 */
#ifndef COLDPATCH_BASE_ERROR_H
#define COLDPATCH_BASE_ERROR_H

enum error_kind {
	ERROR_NONE = 0,
	ERROR_USAGE = 64,   /* the caller's words are off */
	ERROR_IMAGE = 65,   /* the image, or a file in it, was rejected, or is too small */
	ERROR_MISSING = 66, /* no such image, template, mirror, file */
	ERROR_MIRROR = 69,  /* the mirror is incomplete or unavailable */
	ERROR_BUG = 70,	    /* a bug in coldpatch */
	ERROR_HOST = 71,    /* this host cannot: executor, tool or namespace missing */
	ERROR_SPACE = 73,   /* no space on this host */
	ERROR_IO = 74,	    /* input or output failed */
	ERROR_BUSY = 75,    /* busy, interrupted, out of time or memory: a retry may help */
	ERROR_TRUST = 76,   /* a signature, digest or age check failed */
	ERROR_DENIED = 77,  /* not permitted: held, policy */
	ERROR_CONFIG = 78,  /* configuration or patchset */
	ERROR_GUEST = 79,   /* the guest's package manager failed */
};

enum { ERROR_TEXT_SIZE = 1024 };

struct error {
	enum error_kind kind;
	int os_errno;		   /* 0 when the failure is not the operating system's */
	char msg[ERROR_TEXT_SIZE]; /* any bytes, as names are; see error_text */
};

/* Makes the error and returns -1, for `return error_set(...)`. */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Same for a failed system call: ": strerror(os_errno)" is appended.  ENOSPC, EDQUOT and EFBIG
 * become ERROR_SPACE and ENOMEM becomes ERROR_BUSY, whatever kind is given; where it is ERROR_IO,
 * EACCES and EPERM become ERROR_DENIED: no retry helps. */
int error_os(struct error *err, enum error_kind kind, int os_errno, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ERROR_HOST for clone(2) and unshare(2), where ENOSPC is a limit of namespaces
 * (user_namespaces(7)), and no disk is full. */
int error_namespaces(struct error *err, int os_errno, const char *what);

/* Puts "NAME: " in front of an error, unless it begins so already; returns -1. */
int error_name(struct error *err, const char *name);
/* Puts context in front of an error that is already made; returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The message as one line of UTF-8 that steers no terminal (base/text.h).  It is made where a
 * message leaves the library or the process, and only there: escaping twice could not be undone. */
void error_text(const struct error *err, char ret[ERROR_TEXT_SIZE]);

/* The name of a kind, as JSON output and the docs spell it ("image", "trust", ...). */
const char *error_kind_name(enum error_kind kind);

#endif
