/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runner's report: JSON Lines, untrusted.
 *
 *     {"event":"status","stage":"unpack","total":40,"line":"..."}   the package manager's own words
 *     {"event":"step","stage":"unpack","command":"...","exit":0,"signal":0,"ms":812}
 *     {"event":"stub","call":"grub-install /dev/vda"}
 *     {"event":"restored","path":"/etc/machine-id"}
 *     {"event":"end","outcome":"done|failed|deadline|host","message":"..."}
 */
#ifndef COLDPATCH_RUN_REPORT_H
#define COLDPATCH_RUN_REPORT_H

#include "base/monitor.h"
#include "run/run.h"

#define REPORT_LINE_LIMIT  65536u
#define REPORT_LINES_LIMIT 1000000u

struct report {
	struct run_result *result;	       /* borrowed; steps and stubs are added */
	const struct package_manager *manager; /* knows what a status line means */
	const struct monitor *monitor;
	size_t n_lines;
	uint64_t done; /* packages, of the command that runs */
	char *outcome; /* NULL: no end seen */
	char *message;
	char *failed_message; /* the first that the package manager said, or NULL */
	char *failed_package; /* that it named with it, or first after it; or NULL */
	char *failed_general; /* the last general failure, see struct package_event; or NULL */
};

/* One line, without its newline.  ERROR_GUEST when it is not what a runner writes. */
int report_line(struct report *report, const char *line, size_t len, struct error *err);
/* A whole report. */
int report_read(struct report *report, const char *text, size_t len, struct error *err);
/* 0 when the runner came to its end and every command succeeded; else ERROR_GUEST, ERROR_BUSY
 * (deadline) or ERROR_HOST, with the log named. */
int report_outcome(const struct report *report, const char *log_path, unsigned deadline_s,
		   struct error *err);
void report_free(struct report *report); /* what it owns, not itself */
#define CLEANUP_REPORT __attribute__((cleanup(report_free)))

#endif
