/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runner: PID 1 of the namespaces in which guest code runs.  It enters the view, mounts what
 * programs expect of a system, executes the job's commands, takes everything of its own away and
 * hands over the state of the view (lib/run/job.h says how it is used).
 *
 * The same program is what lies over grub-probe and the like: called by such a name it is the stub.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "volume.h"

enum { EXIT_NO_JOB = 1, EXIT_NO_REPORT = 2, JOB_SIZE_LIMIT = 16 << 20 };

static int open_job(const char *name, struct error *err)
{
	int fd;

	if (strncmp(name, "fd:", 3) == 0)
		return atoi(name + 3);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "open %s", name);
	return fd;
}

static int read_text(const char *name, struct buffer *ret, struct error *err)
{
	CLEANUP_CLOSE int fd = open_job(name, err);
	ssize_t n = 1;

	if (fd < 0)
		return -1;
	buffer_puts(ret, "");
	while (n > 0 && ret->len < JOB_SIZE_LIMIT) {
		n = read(fd, buffer_reserve(ret, 1 << 16), 1 << 16);
		if (n > 0)
			ret->len += (size_t)n;
	}
	return n < 0 ? error_os(err, ERROR_HOST, errno, "read %s", name) : 0;
}

static struct job *read_job(const char *name, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	return read_text(name, &text, err) < 0 ? NULL : job_from_json(text.data, text.len, err);
}

static int open_output(const struct job_place *place, struct error *err)
{
	int fd = place->path ? open(place->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
			     : fcntl(place->fd, F_DUPFD_CLOEXEC, 10);

	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "open the output %s",
				place->path ? place->path : "descriptor");
	if (!place->path)
		close(place->fd);
	return fd;
}

/* Our own walk holds a descriptor per level of the tree. */
static void allow_deep_trees(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Everything between entering the view and leaving it; what was mounted is unmounted by death. */
static int run_in_view(const struct job *job, struct runner *runner, struct error *err)
{
	CLEANUP(snapshot_free)
	struct snapshot *before = NULL;
	CLEANUP(identity_free)
	struct identity *identity = NULL;
	int outcome;

	if (mounts_enter(job, err) < 0 || network_up(err) < 0 || flags_spread(err) < 0)
		return -1;
	copy_up(job);
	if ((before = snapshot_take(err)) == NULL || mounts_attach(job, err) < 0 ||
	    puts_place(job, err) < 0 || (identity = identity_save(err)) == NULL)
		return -1;
	outcome = steps_run(job, runner, err);
	stub_calls_report(runner->report);
	if (identity_restore(identity, runner->report, outcome < 0 ? NULL : err) < 0 ||
	    puts_remove(outcome < 0 ? NULL : err) < 0)
		return -1;
	if (outcome < 0)
		return -1;
	if (files_write(job, err) < 0 || mounts_leave(err) < 0)
		return -1;
	return capture_write(before, runner->capture, err);
}

static const char *outcome_name(int outcome, const struct error *err)
{
	if (outcome == 0)
		return "done";
	if (err->kind == ERROR_GUEST)
		return "failed";
	if (err->kind == ERROR_IMAGE)
		return "image";
	return err->kind == ERROR_BUSY ? "deadline" : "host";
}

static int run_job(const struct job *job, struct runner *runner)
{
	struct error err = {0};
	int outcome;

	signal(SIGPIPE, SIG_IGN);
	umask(022);
	allow_deep_trees();
	outcome = run_in_view(job, runner, &err);
	log_finish(runner->log);
	return report_end(runner->report, outcome_name(outcome, &err), outcome ? err.msg : "");
}

/* The appliance has no namespaces around us yet.  Its init child is PID 1 of the new ones. */
static int run_in_namespaces(const struct job *job, struct runner *runner)
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID) < 0)
		return report_end(runner->report, "host", "unshare failed");
	pid = fork();
	if (pid < 0)
		return report_end(runner->report, "host", "fork failed");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(run_job(job, runner) < 0 ? EXIT_NO_REPORT : 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* On a disk whose host has no room left, that is where it shows.  A pipe has nothing to sync. */
static int sync_outputs(const struct runner *runner, int log, struct error *err)
{
	const int outputs[] = {runner->report, runner->capture, log};

	for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
		if (fsync(outputs[i]) < 0 && errno != EINVAL)
			return error_os(err, ERROR_HOST, errno, "write the results");
	return 0;
}

static int report_failure(const struct error *err, int status)
{
	char text[ERROR_TEXT_SIZE];

	error_text(err, text);
	fprintf(stderr, "coldpatch-runner: %s\n", text);
	return status;
}

static int runner_main(const char *job_name)
{
	CLEANUP(job_free)
	struct job *job = NULL;
	struct runner runner = {.report = -1, .capture = -1};
	struct error err = {0};
	int log;

	job = read_job(job_name, &err);
	if (!job || (runner.report = open_output(&job->report, &err)) < 0 ||
	    (runner.capture = open_output(&job->capture, &err)) < 0 ||
	    (log = open_output(&job->log, &err)) < 0)
		return report_failure(&err, EXIT_NO_JOB);
	runner.log = log_new(log);
	if ((job->make_namespaces ? run_in_namespaces : run_job)(job, &runner) < 0)
		return EXIT_NO_REPORT;
	return sync_outputs(&runner, log, &err) < 0 ? report_failure(&err, EXIT_NO_REPORT) : 0;
}

/* In an appliance in which no guest code runs. */
static int copy_main(const char *direction, const char *job_name)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_JSON json_t *job = NULL;
	struct error err = {0};
	int status = -1;

	umask(022);
	allow_deep_trees();
	if (read_text(job_name, &text, &err) == 0)
		job = json_parse(text.data, text.len, job_name, ERROR_BUG, &err);
	if (job)
		status = (strcmp(direction, "copy-in") == 0 ? copy_in : copy_out)(job, &err);
	return status < 0 ? report_failure(&err, EXIT_NO_REPORT) : 0;
}

int main(int argc, char **argv)
{
	const struct stub *stub = argc > 0 ? stub_find(argv[0]) : NULL;

	if (stub)
		return stub_main(stub, argc, argv);
	if (argc == 3)
		return copy_main(argv[1], argv[2]);
	if (argc != 2) {
		fprintf(stderr, "usage: coldpatch-runner [copy-out | copy-in] JOB\n");
		return EXIT_NO_JOB;
	}
	return runner_main(argv[1]);
}
