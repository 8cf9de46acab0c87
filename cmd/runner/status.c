/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runner.h"

/* A script may say without end what its package manager would not; the log has it all. */
enum { LINE_LIMIT = 8192, LINES_LIMIT = 100000 };

void status_bytes(struct status *status, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			if (status->line.len && status->n_lines++ < LINES_LIMIT)
				report_status(status->report, status->command, status->line.data);
			buffer_clear(&status->line);
		} else if (status->line.len < LINE_LIMIT && data[i]) {
			buffer_putc(&status->line, data[i]);
		}
	}
}
