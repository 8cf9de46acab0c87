/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the guest's administrator says of packages, read as data from the configuration files of
 * yum, dnf, dnf's versionlock and zypp (dnf.conf(5), yum.conf(5), yum-versionlock(1), the
 * documentation of dnf-plugin-versionlock, locks(5) of libzypp).  No plugin is run, no variable
 * expanded, no file included.  What is not understood is passed over, but for what may be a lock.
 */
#ifndef COLDPATCH_PACKAGE_RPM_RULES_H
#define COLDPATCH_PACKAGE_RPM_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "package/package.h"

struct rpm_rule {
	enum rpm_rule_kind {
		RPM_RULE_EXCLUDE, /* what matches is as if it were not there */
		RPM_RULE_INCLUDE, /* with one of these: so is what matches none of them */
		RPM_RULE_LOCK,	  /* of packages of this name, only what matches may be installed */
		RPM_RULE_NOT,	  /* what matches must not be installed */
	} kind;
	char *pattern;	  /* rpm_pattern_matches */
	const char *from; /* the file that says so: static, or of the state */
};

struct rpm_rules {
	struct rpm_rule *items;
	size_t n_items;
	char **protected_names; /* packages that no update removes */
	size_t n_protected;
	char **install_only; /* capabilities; besides those that everybody has */
	size_t n_install_only;
	unsigned install_only_limit; /* 0: none */
	bool weak_dependencies;	     /* are new Recommends installed? */
	bool without_documents;	     /* tsflags=nodocs */
	bool vendor_change;	     /* may an update come from another vendor? */
	char *not_understood;	     /* "FILE: what", of something that may be a lock; or NULL */
	char *not_applied; /* "[REPOSITORY] of FILE", which says includepkgs for itself; or NULL */
};

/* `state` is borrowed and outlives the rules. */
void rpm_rules_read(const struct package_state *state, struct rpm_rules *ret);
void rpm_rules_free(struct rpm_rules *rules);
#define CLEANUP_RPM_RULES __attribute__((cleanup(rpm_rules_free)))

/* Appends, of an INI file with repositories, what they exclude, if they are enabled: what else is
 * said there (where they are, passwords) is nobody's business. */
void rpm_repositories_reduce(const char *text, size_t len, struct buffer *ret);

struct rpm_nevra {
	const char *name, *evr, *architecture; /* evr without an epoch of 0 */
};
/* Shell patterns in any of the forms that yum takes: NAME, NAME.ARCH, NAME-VERSION,
 * NAME-[EPOCH:]VERSION-RELEASE[.ARCH], EPOCH:NAME-VERSION-RELEASE[.ARCH]. */
bool rpm_pattern_matches(const char *pattern, const struct rpm_nevra *package);
/* The rule by which it is not among those that are included, or NULL. */
const struct rpm_rule *rpm_rules_not_included(const struct rpm_rules *rules,
					      const struct rpm_nevra *package);
/* Is the pattern about packages of this name, whatever their version? */
bool rpm_pattern_names(const char *pattern, const char *name);
/* A package hold of a patchset: NAME, NAME.ARCH or NAME:ARCH. */
bool rpm_hold_matches(const char *pattern, const struct rpm_nevra *package);

#endif
