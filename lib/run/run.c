/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run/run.h"

#include <string.h>
#include <unistd.h>

#include "appliance/kvm.h"
#include "run/appliance.h"
#include "run/sandbox.h"

/* Beside the locks of ids.c: root's, and gone with the boot that the answer holds for. */
#define KVM_CACHE "/run/coldpatch"

/* The table: one line per executor. */
static const struct executor *const executors[] = {
	&sandbox_executor,
	&appliance_executor,
};

static const struct executor *find(const char *name)
{
	for (size_t i = 0; i < sizeof executors / sizeof *executors; i++)
		if (strcmp(executors[i]->name, name) == 0)
			return executors[i];
	return NULL;
}

static const struct executor *named(const char *name, struct error *err)
{
	const struct executor *executor = find(name);

	if (!executor) {
		error_set(err, ERROR_USAGE,
			  "%s: no such executor; there are auto, appliance and sandbox", name);
		return NULL;
	}
	return executor->available(err) < 0 ? NULL : executor;
}

/* Emulation is no isolation boundary, so without KVM the appliance is never chosen by itself. */
static const struct executor *automatic(bool sandbox_ok, struct error *err)
{
	struct error why = {0};

	if (kvm_usable(geteuid() == 0 ? KVM_CACHE : NULL, &why) == 0 &&
	    appliance_executor.available(&why) == 0)
		return &appliance_executor;
	if (sandbox_ok)
		return named("sandbox", err);
	error_set(
		err, ERROR_HOST,
		"no executor is allowed here: the appliance needs KVM (%s), and the sandbox is not "
		"allowed for this trust domain; run where KVM works, or list the domain under "
		"sandbox-ok in the host's configuration",
		why.msg);
	return NULL;
}

const struct executor *executor_choose(const char *name, bool sandbox_ok, struct error *err)
{
	if (strcmp(name, "auto") == 0)
		return automatic(sandbox_ok, err);
	return named(name, err);
}
