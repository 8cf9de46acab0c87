/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running a plan's package steps in a view of the guest that is thrown away.
 *
 * An executor is where guest code runs.  To add one, fill a struct executor beside sandbox.c and
 * name it in the table of run.c.  Whatever the executor, the runner (cmd/runner, static) is what
 * runs inside, it gets one job description (job.h), and what comes out is a capture (capture.h).
 */
#ifndef COLDPATCH_RUN_RUN_H
#define COLDPATCH_RUN_RUN_H

#include "base/json.h"
#include "base/monitor.h"
#include "disk/image.h"
#include "fs/tree.h"
#include "guest/guest.h"
#include "mirror/mirror.h"
#include "package/package.h"
#include "plan/plan.h"
#include "run/capture.h"

struct run_request {
	const struct guest *guest;
	struct tree *tree; /* the guest, opened read-only */
	const struct image *const *images;
	size_t n_images;
	struct block *const *clear; /* the disks, where parts of them are encrypted and here in the
				       clear (disk/encrypted.h); else NULL */
	const struct plan *plan;
	const struct mirror_snapshot *snapshot;
	const struct package_manager *manager;
	const char *scratch_dir;     /* private to this run; on local disk */
	const char *runner;	     /* path of the static runner */
	const char *appliance_cache; /* fixed appliances are kept there (appliance/fixed.h) */
	const char *log_path;	     /* the run's log is written here (0600) */
	unsigned deadline_s;	     /* for the whole run inside the executor */
	uint64_t copy_limit;	     /* bytes the sandbox may copy */
	uint64_t source_date;	     /* the time the guest sees as "now" is the host's; this is
					SOURCE_DATE_EPOCH, 0: unset */
	const struct monitor *monitor;
};

struct run_step_result {
	char *stage;
	char *command; /* its first words, for people */
	int exit_code;
	uint64_t milliseconds;
};

struct run_result {
	char *executor;		/* "sandbox", "appliance" */
	char *accelerator;	/* "none", "kvm", "tcg" */
	char *appliance;	/* digest of the fixed appliance; NULL: not run in one */
	char *appliance_kernel; /* release of the kernel in it; NULL: not run in one */
	struct run_step_result *steps;
	size_t n_steps;
	char **stubs_called; /* "grub-install /dev/vda", ... boot code that was not rewritten */
	size_t n_stubs_called;
	char **kept_files; /* left beside the administrator's; see the family's kept_suffixes */
	size_t n_kept_files;
	char **warnings; /* what went wrong and was no failure: "package NAME: ..." */
	size_t n_warnings;
	struct capture *capture; /* what the view looks like now */
};
/* Keeps the capture, which becomes the result's, and names the files that the package manager left
 * in it beside one of the administrator's. */
void run_result_take(struct run_result *result, struct capture *capture,
		     const struct package_family *family);
void run_result_free(struct run_result *result);
json_t *run_result_to_json(const struct run_result *result); /* without the capture */

struct executor {
	const char *name;
	/* Can this host do it at all?  0, or -1 with ERROR_HOST: what is missing and what to do. */
	int (*available)(struct error *err);
	/* ERROR_GUEST: a package command failed (names stage, command, exit status and the log);
	 * ERROR_BUSY: deadline or interrupted; ERROR_SPACE; ERROR_HOST: the guest needs what this
	 * executor cannot do. Nothing of it is left behind. */
	int (*run)(const struct run_request *request, struct run_result *ret, struct error *err);
};

/* "sandbox", "appliance" or "auto" (appliance where KVM really works, else the
 * sandbox if `sandbox_ok`, else ERROR_HOST naming both ways out). */
const struct executor *executor_choose(const char *name, bool sandbox_ok, struct error *err);

#endif
