/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/monitor.h"

#include <stdarg.h>
#include <stdio.h>

void monitor_log(const struct monitor *monitor, enum log_level level, const char *fmt, ...)
{
	char msg[1024];
	va_list ap;

	if (!monitor || !monitor->log)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	monitor->log(monitor->opaque, level, msg);
}

void monitor_progress(const struct monitor *monitor, const char *stage, const char *object,
		      uint64_t done, uint64_t total)
{
	struct progress progress = {.stage = stage, .object = object, .done = done, .total = total};

	if (monitor && monitor->progress)
		monitor->progress(monitor->opaque, &progress);
}

int monitor_check(const struct monitor *monitor, struct error *err)
{
	if (monitor && monitor->cancelled && monitor->cancelled(monitor->opaque))
		return error_set(err, ERROR_BUSY, "interrupted");
	return 0;
}
