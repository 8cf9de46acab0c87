/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The progress display: one line on stderr, drawn again and again, for what takes longer than two
 * seconds. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"

enum { QUIET_S = 2, BAR_WIDTH = 24 };

static struct {
	bool enabled, terminal, drawn;
	char stage[32];
	time_t started, stage_started, last_drawn;
} display;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static bool is_cancelled(void *opaque)
{
	(void)opaque;
	return interrupted;
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void draw_bar(const struct coldpatch_progress *progress, time_t elapsed)
{
	char bar[BAR_WIDTH + 1];
	uint64_t done = progress->done < progress->total ? progress->done : progress->total;
	size_t filled = (size_t)(done * BAR_WIDTH / progress->total);

	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '=', filled);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "[%s] %3u%%", bar, (unsigned)(done * 100 / progress->total));
	if (done && elapsed >= QUIET_S)
		fprintf(stderr, "  about %lds left",
			(long)(elapsed * (progress->total - done) / done));
}

static void draw(const struct coldpatch_progress *progress)
{
	time_t elapsed = now() - display.stage_started;

	fprintf(stderr, "\r\033[K%-10s ", progress->stage);
	if (progress->total)
		draw_bar(progress, elapsed);
	else
		fprintf(stderr, "%lds", (long)elapsed);
	if (progress->object)
		fprintf(stderr, "  %.40s", progress->object);
	fflush(stderr);
	display.drawn = true;
}

static void on_progress(void *opaque, const struct coldpatch_progress *progress)
{
	bool new_stage = strncmp(display.stage, progress->stage, sizeof display.stage - 1) != 0;

	(void)opaque;
	if (!display.enabled)
		return;
	if (new_stage) {
		snprintf(display.stage, sizeof display.stage, "%s", progress->stage);
		display.stage_started = now();
		if (!display.terminal)
			fprintf(stderr, "%s ...\n", progress->stage);
	}
	if (display.terminal && now() - display.started >= QUIET_S &&
	    (new_stage || now() != display.last_drawn)) {
		draw(progress);
		display.last_drawn = now();
	}
}

static void on_log(void *opaque, enum coldpatch_log_level level, const char *msg)
{
	const struct global *global = opaque;

	if (level < (global->verbose ? COLDPATCH_LOG_DEBUG : COLDPATCH_LOG_WARNING))
		return;
	progress_finish();
	fprintf(stderr, "coldpatch: %s%s\n", level == COLDPATCH_LOG_WARNING ? "warning: " : "",
		msg);
}

void progress_finish(void)
{
	if (display.drawn)
		fputs("\r\033[K", stderr);
	display.drawn = false;
}

static void catch_interrupts(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

struct coldpatch_callbacks progress_callbacks(const struct global *global)
{
	catch_interrupts();
	display.enabled = !global->quiet && (!global->json || isatty(STDERR_FILENO));
	display.terminal = isatty(STDERR_FILENO);
	display.started = now();
	return (struct coldpatch_callbacks){.log = on_log,
					    .progress = on_progress,
					    .cancelled = is_cancelled,
					    .opaque = (void *)(uintptr_t)global};
}
