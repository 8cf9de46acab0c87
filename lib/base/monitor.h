/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How work reports to whoever asked for it, and how it is told to stop.  The library never prints:
 * it calls these.  A monitor is borrowed by everything below the session and never copied.
 */
#ifndef COLDPATCH_BASE_MONITOR_H
#define COLDPATCH_BASE_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING };

struct progress {
	const char *stage;  /* "inspect", "plan", "view", "unpack", "configure", "capture", ... */
	const char *object; /* what is worked on now, or NULL */
	uint64_t done;
	uint64_t total; /* 0 when not known */
};

struct monitor {
	void (*log)(void *opaque, enum log_level level, const char *msg);
	void (*progress)(void *opaque, const struct progress *progress);
	bool (*cancelled)(void *opaque);
	void *opaque;
};

/* All three accept a NULL monitor and NULL callbacks. */
void monitor_log(const struct monitor *monitor, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void monitor_progress(const struct monitor *monitor, const char *stage, const char *object,
		      uint64_t done, uint64_t total);
/* 0 to go on; -1 with ERROR_BUSY "interrupted" when the caller wants to stop.  Long loops ask it.
 */
int monitor_check(const struct monitor *monitor, struct error *err);

#endif
