/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sandbox: a private copy of the guest's trees, used directly by guest code in namespaces with
 * ids of its own.  Everything is tied to this thread: the namespaces' init dies with it, the
 * scratch file system is mounted only where it can see it.  What comes out are three pipes, read
 * with limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "run/accounts.h"
#include "run/capture_read.h"
#include "run/cgroup.h"
#include "run/ids.h"
#include "run/prepare.h"
#include "run/report.h"
#include "run/sandbox.h"
#include "run/scratch.h"
#include "run/spawn.h"
#include "run/view.h"

enum {
	POLL_SLICE_MS = 100,
	GRACE_MS = 2000,	     /* for the runner to keep its deadline by itself */
	CAPTURE_MS = 10 * 60 * 1000, /* for the capture, which is our own work */
	CHUNK = 1 << 16,
};
/* Room beside the copied trees and twice the packages' own sizes: databases, caches, initramfs. */
#define ROOM (1ull << 30)

static int sandbox_available(struct error *err)
{
	if (geteuid() != 0)
		return error_set(err, ERROR_HOST,
				 "the sandbox needs root, to map the guest's ids; run as root or "
				 "use --executor appliance");
	return spawn_possible(err);
}

struct watch {
	const struct monitor *outer;
	int64_t end_ms;
	bool late;
};

static bool watch_cancelled(void *opaque)
{
	struct watch *watch = opaque;

	if (clock_ms() >= watch->end_ms)
		watch->late = true;
	return watch->late || (watch->outer && watch->outer->cancelled &&
			       watch->outer->cancelled(watch->outer->opaque));
}

struct supervision {
	const struct run_request *request;
	struct spawned *spawned;
	struct report *report;
	struct watch watch;
	struct monitor monitor; /* asks the watch */
	struct buffer line;
	int log;
	uint64_t logged;
	struct capture *capture;
	struct error cut; /* why the capture that ended is none */
};

static void log_chunk(struct supervision *s, const char *data, size_t len)
{
	struct error ignored = {0};
	/* The runner keeps the limit; a guest that got hold of the pipe would not. */
	uint64_t limit = JOB_LOG_LIMIT + CHUNK;
	size_t n = s->logged + len <= limit ? len : (size_t)(limit - s->logged);

	if (n > 0 && file_write_all(s->log, data, n, &ignored) == 0)
		s->logged += n;
}

static int report_chunk(struct supervision *s, const char *data, size_t len, struct error *err)
{
	while (len > 0) {
		const char *newline = memchr(data, '\n', len);
		size_t n = newline ? (size_t)(newline - data) : len;

		if (s->line.len + n > REPORT_LINE_LIMIT)
			return error_set(err, ERROR_GUEST, "the runner's report is malformed");
		buffer_append(&s->line, data, n);
		if (newline &&
		    report_line(s->report, s->line.data ? s->line.data : "", s->line.len, err) < 0)
			return -1;
		if (newline)
			buffer_clear(&s->line);
		data += n + (newline != NULL);
		len -= n + (newline != NULL);
	}
	return 0;
}

/* 1: more to come, 0: it is at its end. */
static int pump(struct supervision *s, int fd, bool is_log, struct error *err)
{
	char chunk[CHUNK];
	ssize_t n = read(fd, chunk, sizeof chunk);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN
			       ? 1
			       : error_os(err, ERROR_IO, errno, "read from the sandbox");
	if (n == 0)
		return 0;
	if (is_log)
		log_chunk(s, chunk, (size_t)n);
	else if (report_chunk(s, chunk, (size_t)n, err) < 0)
		return -1;
	return 1;
}

static int on_capture(struct supervision *s, struct error *err)
{
	s->watch.end_ms = clock_ms() + CAPTURE_MS;
	monitor_progress(s->request->monitor, "capture", NULL, 0, 0);
	s->capture = capture_read(s->spawned->capture, s->request->scratch_dir,
				  s->request->copy_limit, &s->monitor, err);
	return s->capture ? 0 : -1;
}

static bool is_at_end(int fd)
{
	struct pollfd pipe = {.fd = fd, .events = POLLIN};

	return poll(&pipe, 1, 0) == 1 && !(pipe.revents & POLLIN);
}

/* Hung up, without a byte or in the middle: what the report says then counts. */
static int on_capture_ready(struct supervision *s, struct pollfd *fd, struct error *err)
{
	if (fd->revents & POLLIN && on_capture(s, err) < 0) {
		if (!is_at_end(fd->fd))
			return -1;
		s->cut = *err;
	}
	fd->fd = -1;
	return 0;
}

static int on_ready(struct supervision *s, struct pollfd *fd, size_t which, struct error *err)
{
	int more;

	if (!fd->revents)
		return 0;
	if (which == 2)
		return on_capture_ready(s, fd, err);
	more = pump(s, fd->fd, which == 0, err);
	if (more == 0)
		fd->fd = -1;
	return more < 0 ? -1 : 0;
}

/* Until every pipe is at its end, which the death of the namespaces' init brings about. */
static int supervise(struct supervision *s, struct error *err)
{
	struct pollfd fds[] = {{.fd = s->spawned->log, .events = POLLIN},
			       {.fd = s->spawned->report, .events = POLLIN},
			       {.fd = s->spawned->capture, .events = POLLIN}};

	while (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0) {
		if (monitor_check(&s->monitor, err) < 0)
			return -1;
		if (poll(fds, 3, POLL_SLICE_MS) <= 0)
			continue;
		for (size_t i = 0; i < 3; i++)
			if (on_ready(s, &fds[i], i, err) < 0)
				return -1;
	}
	if (s->cut.kind)
		*err = s->cut;
	return s->cut.kind ? -1 : 0;
}

static int late(const struct run_request *request, struct error *err)
{
	return error_set(err, ERROR_BUSY, "the run did not end within %u s; see %s",
			 request->deadline_s, request->log_path);
}

static int log_open(const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "make the log %s", path);
	return fd;
}

/* Guest code cannot signal it: it is PID 1 of their namespace. */
static int runner_killed(const struct run_request *request, int number, struct error *err)
{
	if (number == SIGKILL)
		return error_set(err, ERROR_BUSY,
				 "coldpatch-runner was killed from outside (out of memory, or by "
				 "somebody); try again; see %s",
				 request->log_path);
	return error_set(err, ERROR_BUG, "coldpatch-runner was killed by signal %d (%s); see %s",
			 number, strsignal(number), request->log_path);
}

static int supervise_report(struct supervision *s, struct report *report, struct error *err)
{
	const struct run_request *request = s->request;
	int outcome = supervise(s, err), number;

	buffer_free(&s->line);
	/* A hostile stream is not worth more words than what the runner itself said. */
	if (outcome < 0 && s->watch.late)
		return late(request, err);
	number = report->outcome ? 0 : spawned_signal(s->spawned);
	if (number)
		return runner_killed(request, number, err);
	if (outcome < 0 && !(report->outcome && strcmp(report->outcome, "done") != 0))
		return -1;
	if (report_outcome(report, request->log_path, request->deadline_s, err) < 0)
		return -1;
	if (!s->capture)
		return error_set(err, ERROR_GUEST, "the runner ended without a capture; see %s",
				 request->log_path);
	return 0;
}

static int run_job(const struct run_request *request, struct spawned *spawned, int64_t end_ms,
		   struct run_result *result, struct error *err)
{
	CLEANUP_REPORT struct report report = {
		.result = result, .manager = request->manager, .monitor = request->monitor};
	CLEANUP_CLOSE int log = log_open(request->log_path, err);
	struct supervision s = {.request = request,
				.spawned = spawned,
				.report = &report,
				.log = log,
				.watch = {.outer = request->monitor, .end_ms = end_ms + GRACE_MS}};

	if (log < 0)
		return -1;
	s.monitor = (struct monitor){.cancelled = watch_cancelled, .opaque = &s.watch};
	if (supervise_report(&s, &report, err) < 0) {
		capture_free(s.capture);
		return -1;
	}
	run_result_take(result, steal(s.capture), request->manager->family);
	return 0;
}

static uint64_t growth(const struct plan *plan)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < plan->resolution.n_changes; i++)
		sum += plan->resolution.changes[i].installed_size;
	return 2 * sum + ROOM;
}

/* What the view is going to need, while nothing is made yet. */
static int measure(const struct run_request *request, struct view_size *ret, uint64_t *ret_bytes,
		   struct error *err)
{
	uint64_t free_bytes, needed;

	if (view_measure(request->tree, request->monitor, ret, err) < 0)
		return -1;
	if (ret->bytes > request->copy_limit)
		return error_set(err, ERROR_SPACE,
				 "the guest's trees hold %llu bytes, and copy-limit is %llu",
				 (unsigned long long)ret->bytes,
				 (unsigned long long)request->copy_limit);
	/* 5 per cent: block maps, directories, inode tables. */
	*ret_bytes = ret->bytes + ret->bytes / 20 + ret->nodes * 256 + growth(request->plan);
	*ret_bytes = (*ret_bytes + 4095) / 4096 * 4096;
	needed = *ret_bytes + packages_size(request->plan);
	if (directory_free_bytes(request->scratch_dir, &free_bytes, err) < 0)
		return -1;
	if (needed > free_bytes)
		return error_set(err, ERROR_SPACE,
				 "the run needs %llu bytes of scratch space, and %s has %llu",
				 (unsigned long long)needed, request->scratch_dir,
				 (unsigned long long)free_bytes);
	return 0;
}

static unsigned seconds_until(int64_t end_ms)
{
	int64_t left = (end_ms - clock_ms()) / 1000;

	return left > 0 ? (unsigned)left : 1;
}

static int out_of_memory(const struct run_request *request, const struct cgroup *cgroup,
			 struct error *err)
{
	return error_set(err, ERROR_BUSY,
			 "the guest's package scripts ran out of memory: the sandbox has %llu MiB; "
			 "see %s",
			 (unsigned long long)(cgroup->memory >> 20), request->log_path);
}

static int run_in_namespaces(const struct run_request *request, struct spawn_spec *spec,
			     int64_t end_ms, struct run_result *result, struct error *err)
{
	CLEANUP_CGROUP struct cgroup cgroup;
	CLEANUP_SPAWNED struct spawned spawned = {-1, -1, -1, -1, -1};

	cgroup_make(&cgroup);
	spec->cgroup = &cgroup;
	monitor_progress(request->monitor, "run", NULL, 0, 0);
	if (packages_prepare(request, spec->packages, err) < 0)
		return -1;
	spec->job->deadline_s = seconds_until(end_ms);
	if (spawn_runner(spec, &spawned, err) < 0)
		return -1;
	if (run_job(request, &spawned, end_ms, result, err) == 0)
		return 0;
	return cgroup_ran_out(&cgroup) ? out_of_memory(request, &cgroup, err) : -1;
}

static int run_in_view(const struct run_request *request, const struct scratch *scratch,
		       const struct ids *ids, int64_t end_ms, struct run_result *result,
		       struct error *err)
{
	CLEANUP_FREE char *packages = path_join(request->scratch_dir, "packages");
	CLEANUP(job_free)
	struct job *job = job_prepare(request, err);
	struct spawn_spec spec = {.runner = request->runner,
				  .root = scratch->mountpoint,
				  .packages = packages,
				  .base = ids->base,
				  .job = job};
	struct error ignored = {0};
	int outcome;

	if (!job)
		return -1;
	outcome = run_in_namespaces(request, &spec, end_ms, result, err);
	if (directory_remove(packages, outcome < 0 ? &ignored : err) < 0)
		return -1;
	return outcome;
}

static int run_with_ids(const struct run_request *request, const struct ids *ids, int64_t end_ms,
			struct run_result *result, struct error *err)
{
	CLEANUP_SCRATCH struct scratch scratch = {.old_namespace = -1};
	struct scratch_spec spec = {.directory = request->scratch_dir, .monitor = request->monitor};
	struct view_size size;

	if (measure(request, &size, &spec.bytes, err) < 0)
		return -1;
	spec.inodes = size.nodes * 2 + 50000;
	if (scratch_make(&spec, &scratch, err) < 0 ||
	    view_copy(request->tree, scratch.mountpoint, ids->base, size.bytes, request->monitor,
		      err) < 0)
		return -1;
	return run_in_view(request, &scratch, ids, end_ms, result, err);
}

static int sandbox_run(const struct run_request *request, struct run_result *ret, struct error *err)
{
	CLEANUP_IDS struct ids ids = {.lock = -1};
	char *warning;
	int64_t end_ms = clock_ms() + (int64_t)request->deadline_s * 1000;
	struct run_result result = {0};

	if (sandbox_available(err) < 0 || ids_take(&ids, err) < 0)
		return -1;
	result.executor = xstrdup("sandbox");
	result.accelerator = xstrdup("none");
	if (run_with_ids(request, &ids, end_ms, &result, err) < 0) {
		run_result_free(&result);
		return -1;
	}
	warning = accounts_warning(request->tree);
	if (warning)
		*ARRAY_ADD(result.warnings, result.n_warnings) = warning;
	*ret = result;
	return 0;
}

const struct executor sandbox_executor = {
	.name = "sandbox", .available = sandbox_available, .run = sandbox_run};
