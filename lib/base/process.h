/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Child processes: an argument vector, never a shell; a deadline; output with a limit; every
 * descriptor closed but those that are named.  A failed exec exits 127 and never reads as success.
 */
#ifndef COLDPATCH_BASE_PROCESS_H
#define COLDPATCH_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/monitor.h"

struct process_spec {
	const char *const
		*argv; /* NULL-terminated; argv[0] is looked up in the usual system directories */
	const char *const *env; /* NULL-terminated, or NULL: PATH and LC_ALL=C.UTF-8 only */
	const int *pass_fds;	/* these keep their numbers in the child; all else but 0, 1, 2 is
				   closed */
	size_t n_pass_fds;
	const void *input; /* bytes for its standard input, or NULL for /dev/null */
	size_t input_len;
	size_t output_limit;  /* bytes kept of stdout and of stderr each; the rest is read and
				 dropped */
	unsigned deadline_ms; /* 0: none */
	int death_signal;     /* what it gets when we die; 0: SIGKILL */
	const struct monitor *monitor;	  /* asked now and then whether to stop; may be NULL */
	int (*child_setup)(void *opaque); /* between fork and exec: async-signal-safe only; non-zero
					     exits 126 */
	void *child_opaque;
};

struct process_result {
	int exit_code; /* -1 when killed by a signal */
	int signal;
	struct buffer out, err;
};

/* Starts, waits, collects.  -1 when it could not be run (ERROR_HOST: names the program) or the
 * deadline passed or the monitor said stop (ERROR_BUSY; its process group is killed then).  A
 * non-zero exit is no error here. */
int process_run(const struct process_spec *spec, struct process_result *ret, struct error *err);
/* Same, but any exit status other than 0 is an error of `kind` with the last line of stderr in it.
 */
int process_run_ok(const struct process_spec *spec, enum error_kind kind,
		   struct process_result *ret, struct error *err);
void process_result_free(struct process_result *result);
#define CLEANUP_PROCESS_RESULT __attribute__((cleanup(process_result_free)))

/* Starts and leaves it running as the leader of a process group of its own; it dies with the
 * calling thread (PR_SET_PDEATHSIG, spec->death_signal).  stdin is /dev/null; stdout and stderr go
 * to the descriptors given, -1 for /dev/null. */
pid_t process_start(const struct process_spec *spec, int stdout_fd, int stderr_fd,
		    struct error *err);
/* SIGTERM, up to grace_ms, then SIGKILL for the whole group, and reaps it. */
void process_stop(pid_t pid, unsigned grace_ms);

#endif
