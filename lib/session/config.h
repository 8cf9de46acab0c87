/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's configuration, /etc/coldpatch/config.yaml (coldpatch-config(5)).  It lives with the
 * host because it holds what an image or a mirror must not be able to change: keys, policy, age
 * limits, high-water mark. */
#ifndef COLDPATCH_SESSION_CONFIG_H
#define COLDPATCH_SESSION_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Whose a mirror is: ID and VERSION_ID of os-release. */
struct config_os {
	char *id, *version; /* version NULL: all of them */
};

struct config_mirror {
	char *path;
	char **suites;
	unsigned n_suites;
	char **keyrings;
	unsigned n_keyrings;
	struct config_os *os; /* NULL: what it says itself */
	uint64_t priority;    /* 0: not said */
	bool module_hotfixes;
	char **excludes;
	unsigned n_excludes;
	char **trust_digests, **trust_packages;
	unsigned n_trust_digests, n_trust_packages;
	uint64_t maximum_age_days; /* 0: not said */
};

struct config {
	char *library;	    /* NULL: none */
	char *host_id;	    /* in owners and leases; NULL: made of machine-id and host name */
	char *store;	    /* mirror snapshots, packages, layers, plans */
	char *scratch;	    /* local disk, for views and copies */
	char *state;	    /* the host's own memory: high-water mark, probes */
	char *key;	    /* private key that signs records */
	char **public_keys; /* that records are verified with */
	unsigned n_public_keys;
	char *patchsets; /* directory of patchsets by name; NULL: not said */
	struct config_mirror *mirrors;
	unsigned n_mirrors;
	char *executor;	   /* auto, sandbox, appliance */
	char **sandbox_ok; /* trust domains; "own": loose images owned by the caller */
	unsigned n_sandbox_ok;
	uint64_t copy_limit_mib;   /* what the sandbox may copy */
	uint64_t maximum_age_days; /* of security and updates suites, when a mirror snapshot is made
				    */
};

/* `path` NULL: the default path, and all defaults when there is no file.  ERROR_CONFIG with line
 * and key. */
int config_read(const char *path, struct config *ret, struct error *err);
/* "auto", "sandbox", "appliance"? */
bool config_is_executor(const char *name);
void config_free(struct config *config);

#endif
