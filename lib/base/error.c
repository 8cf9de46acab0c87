/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

__attribute__((format(printf, 2, 0))) static void append(struct error *err, const char *fmt,
							 va_list ap)
{
	size_t len = strlen(err->msg);

	vsnprintf(err->msg + len, sizeof err->msg - len, fmt, ap);
}

int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	struct error made = {.kind = kind};
	va_list ap;

	va_start(ap, fmt);
	append(&made, fmt, ap);
	va_end(ap);
	*err = made;
	return -1;
}

static enum error_kind kind_of_errno(enum error_kind kind, int os_errno)
{
	switch (os_errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERROR_SPACE;
	case ENOMEM:
		return ERROR_BUSY;
	case EACCES:
	case EPERM:
		return kind == ERROR_IO ? ERROR_DENIED : kind;
	default:
		return kind;
	}
}

int error_os(struct error *err, enum error_kind kind, int os_errno, const char *fmt, ...)
{
	struct error made = {.kind = kind_of_errno(kind, os_errno), .os_errno = os_errno};
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	append(&made, fmt, ap);
	va_end(ap);
	len = strlen(made.msg);
	snprintf(made.msg + len, sizeof made.msg - len, ": %s", strerror(os_errno));
	*err = made;
	return -1;
}

int error_namespaces(struct error *err, int os_errno, const char *what)
{
	if (os_errno == ENOSPC)
		return error_set(err, ERROR_HOST, "%s: the limit of namespaces is reached", what);
	return error_os(err, ERROR_HOST, os_errno, "%s", what);
}

int error_name(struct error *err, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(err->msg, name, len) == 0 && err->msg[len] == ':')
		return -1;
	return error_prefix(err, "%s", name);
}

int error_prefix(struct error *err, const char *fmt, ...)
{
	struct error made = {.kind = err->kind, .os_errno = err->os_errno};
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	append(&made, fmt, ap);
	va_end(ap);
	len = strlen(made.msg);
	snprintf(made.msg + len, sizeof made.msg - len, ": %.900s", err->msg);
	*err = made;
	return -1;
}

void error_text(const struct error *err, char ret[ERROR_TEXT_SIZE])
{
	CLEANUP_FREE char *text = text_escape_controls(err->msg);

	snprintf(ret, ERROR_TEXT_SIZE, "%s", text);
}

const char *error_kind_name(enum error_kind kind)
{
	switch (kind) {
	case ERROR_NONE:
		return "ok";
	case ERROR_USAGE:
		return "usage";
	case ERROR_IMAGE:
		return "image";
	case ERROR_MISSING:
		return "missing";
	case ERROR_MIRROR:
		return "mirror";
	case ERROR_BUG:
		return "bug";
	case ERROR_HOST:
		return "host";
	case ERROR_SPACE:
		return "space";
	case ERROR_IO:
		return "io";
	case ERROR_BUSY:
		return "busy";
	case ERROR_TRUST:
		return "trust";
	case ERROR_DENIED:
		return "denied";
	case ERROR_CONFIG:
		return "config";
	case ERROR_GUEST:
		return "guest";
	}
	return "unknown";
}
