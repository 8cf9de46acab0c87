/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/report.h"

#include <string.h>

#include "base/json.h"

enum { STEPS_LIMIT = 10000, STUBS_LIMIT = 1000, WARNINGS_LIMIT = 1000, GENERAL_LIMIT = 1000 };

static const char *text(const json_t *line, const char *name)
{
	const char *value = json_string_value(json_object_get(line, name));

	return value ? value : "";
}

static uint64_t number(const json_t *line, const char *name)
{
	json_int_t value = json_integer_value(json_object_get(line, name));

	return value > 0 ? (uint64_t)value : 0;
}

static void failed(struct report *report, const struct package_event *event)
{
	if (!report->failed_message)
		report->failed_message = xstrdup(event->message);
	if (!report->failed_package && event->package)
		report->failed_package = xstrdup(event->package);
}

static void failed_in_general(struct report *report, const struct package_event *event)
{
	char *before = report->failed_general;
	size_t len = before ? strlen(before) : 0;

	if (event->message[0] != ' ')
		report->failed_general = xstrdup(event->message);
	else if (len && len < GENERAL_LIMIT && before[len - 1] == ':')
		report->failed_general = xasprintf("%s%s", before, event->message);
	else
		return;
	free(before);
}

/* Package managers and scripts print to one descriptor, so that a script can say the like of any
 * package: a warning, which is recorded, is no more than what was printed. */
static void warned(struct report *report, const struct package_event *event)
{
	struct run_result *result = report->result;

	if (result->n_warnings < WARNINGS_LIMIT)
		*ARRAY_ADD(result->warnings, result->n_warnings) = xasprintf(
			"printed in the guest: package %s: %s", event->package, event->message);
}

static void on_status(struct report *report, const json_t *line)
{
	CLEANUP_FREE char *words = xstrdup(text(line, "line"));
	struct package_event event;

	report->manager->read_status(words, &event);
	if (event.message && event.general)
		failed_in_general(report, &event);
	else if (event.message)
		(event.warning ? warned : failed)(report, &event);
	else if (event.package)
		monitor_progress(report->monitor, text(line, "stage"), event.package,
				 ++report->done, number(line, "total"));
}

static void on_step(struct report *report, const json_t *line)
{
	struct run_result *result = report->result;
	struct run_step_result *step;
	int status = (int)json_integer_value(json_object_get(line, "exit"));

	report->done = 0;
	if (result->n_steps == STEPS_LIMIT)
		return;
	step = ARRAY_ADD(result->steps, result->n_steps);
	*step = (struct run_step_result){.stage = xstrdup(text(line, "stage")),
					 .command = xstrdup(text(line, "command")),
					 .exit_code = status,
					 .milliseconds = number(line, "ms")};
}

static void on_stub(struct report *report, const json_t *line)
{
	struct run_result *result = report->result;

	if (result->n_stubs_called < STUBS_LIMIT)
		*ARRAY_ADD(result->stubs_called, result->n_stubs_called) =
			xstrdup(text(line, "call"));
}

static void on_restored(struct report *report, const json_t *line)
{
	monitor_log(report->monitor, LOG_LEVEL_INFO, "%s was changed by the run and put back",
		    text(line, "path"));
}

static void on_end(struct report *report, const json_t *line)
{
	free(report->outcome);
	free(report->message);
	report->outcome = xstrdup(text(line, "outcome"));
	report->message = xstrdup(text(line, "message"));
}

static const struct {
	const char *event;
	void (*handle)(struct report *report, const json_t *line);
} handlers[] = {
	{"status", on_status},	   {"step", on_step}, {"stub", on_stub},
	{"restored", on_restored}, {"end", on_end},
};

int report_line(struct report *report, const char *line, size_t len, struct error *err)
{
	CLEANUP_JSON json_t *json = NULL;

	if (len > REPORT_LINE_LIMIT || ++report->n_lines > REPORT_LINES_LIMIT)
		return error_set(err, ERROR_GUEST, "the runner's report is too long");
	json = json_parse(line, len, "the runner's report", ERROR_GUEST, err);
	if (!json)
		return -1;
	for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++)
		if (strcmp(text(json, "event"), handlers[i].event) == 0) {
			handlers[i].handle(report, json);
			return 0;
		}
	return error_set(err, ERROR_GUEST, "the runner's report has an unknown event");
}

int report_read(struct report *report, const char *bytes, size_t len, struct error *err)
{
	while (len > 0) {
		const char *newline = memchr(bytes, '\n', len);
		size_t n = newline ? (size_t)(newline - bytes) : len;

		if (report_line(report, bytes, n, err) < 0)
			return -1;
		bytes += n + (newline != NULL);
		len -= n + (newline != NULL);
	}
	return 0;
}

/* What a user namespace refuses, a machine of its own does not.  rpm tells of device nodes by
 * whatever errno its next attempt left, and an id that is not mapped is EINVAL. */
static bool wants_machine(const char *message)
{
	static const char *const words[] = {
		"Operation not permitted",
		"error creating device '",
		"error setting ownership of '",
		": mknod failed - ",
		": chown failed - ",
		": lchown failed - ",
	};

	for (size_t i = 0; message && i < sizeof words / sizeof *words; i++)
		if (strstr(message, words[i]))
			return true;
	return false;
}

static int guest_failed(const struct report *report, const char *log_path, struct error *err)
{
	const char *hint = "";

	if (wants_machine(report->failed_message))
		hint = " (device nodes and ids above 65535 need --executor appliance)";
	if (report->failed_package)
		return error_set(err, ERROR_GUEST, "%s: package %s: %s%s; see %s", report->message,
				 report->failed_package, report->failed_message, hint, log_path);
	if (report->failed_message || report->failed_general)
		return error_set(err, ERROR_GUEST, "%s: %s%s; see %s", report->message,
				 report->failed_message ? report->failed_message
							: report->failed_general,
				 hint, log_path);
	return error_set(err, ERROR_GUEST, "%s; see %s", report->message, log_path);
}

int report_outcome(const struct report *report, const char *log_path, unsigned deadline_s,
		   struct error *err)
{
	const char *outcome = report->outcome ? report->outcome : "";

	if (strcmp(outcome, "done") == 0)
		return 0;
	if (strcmp(outcome, "failed") == 0)
		return guest_failed(report, log_path, err);
	if (strcmp(outcome, "deadline") == 0)
		return error_set(err, ERROR_BUSY, "the run did not end within %u s: %s; see %s",
				 deadline_s, report->message, log_path);
	if (strcmp(outcome, "image") == 0)
		return error_set(err, ERROR_IMAGE, "%s", report->message);
	if (strcmp(outcome, "host") == 0)
		return error_set(err, ERROR_HOST, "the runner could not do its work: %s",
				 report->message);
	return error_set(err, ERROR_GUEST, "the runner ended without a report; see %s", log_path);
}

void report_free(struct report *report)
{
	free(report->outcome);
	free(report->message);
	free(report->failed_package);
	free(report->failed_message);
	free(report->failed_general);
}
