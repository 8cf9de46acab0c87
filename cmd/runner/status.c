/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runner.h"

enum { LINE_LIMIT = 8192 };

void status_bytes(struct status *status, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			if (status->line.len)
				report_status(status->report, status->command, status->line.data);
			buffer_clear(&status->line);
		} else if (status->line.len < LINE_LIMIT && data[i]) {
			buffer_putc(&status->line, data[i]);
		}
	}
}
