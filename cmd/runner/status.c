/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dpkg(1), --status-fd: "processing: STAGE: PACKAGE" and "status: PACKAGE : error : MESSAGE". */
#include <string.h>

#include "runner.h"

enum { LINE_LIMIT = 8192 };

static void error_line(struct status *status, char *rest, char *mark)
{
	*mark = '\0';
	report_error(status->report, rest, mark + strlen(" : error : "));
}

static void processing_line(struct status *status, const char *rest)
{
	const char *package = strstr(rest, ": ");

	if (!package)
		return;
	status->done++;
	report_package(status->report, status, package + 2);
}

static void status_line(struct status *status, char *line)
{
	char *mark = strstr(line, " : error : ");

	if (strncmp(line, "status: ", 8) == 0 && mark)
		error_line(status, line + 8, mark);
	else if (strncmp(line, "processing: ", 12) == 0)
		processing_line(status, line + 12);
}

void status_bytes(struct status *status, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n') {
			if (status->line.len)
				status_line(status, status->line.data);
			buffer_clear(&status->line);
		} else if (status->line.len < LINE_LIMIT && data[i]) {
			buffer_putc(&status->line, data[i]);
		}
	}
}
