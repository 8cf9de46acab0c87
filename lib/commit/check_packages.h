/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COLDPATCH_COMMIT_CHECK_PACKAGES_H
#define COLDPATCH_COMMIT_CHECK_PACKAGES_H

#include "commit/commit.h"
#include "package/ownership.h"
#include "package/payload.h"

struct package_files_check {
	struct tree *tree; /* the new one */
	const struct ownership *ownership;
	const struct plan *plan;
	const struct package_family *family;
	const struct package_payloads *payloads; /* of all that the plan brings */
	const struct commit_seen *seen;
};

/*
 * Every regular file that a changed package brings and still owns has the content that the verified
 * package file has.  Configuration files are the administrator's and left out.  ERROR_GUEST names
 * the first that is missing or different; below /etc and /var, where scripts may rewrite what they
 * were given, it becomes a warning.  Nothing is said of what lies below the run's own mounts
 * (job_covers).
 */
int check_package_files(const struct package_files_check *check, struct commit_report *report,
			struct error *err);

void commit_report_warn(struct commit_report *report, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
