/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mirrors and mirror snapshots (docs/mirrors.md).
 *
 * A mirror is a directory tree in the vendor's layout.  A mirror snapshot pins what was verified of
 * one or more mirrors: the signed index files, and the packages that were there, copied into the
 * store and hashed.  It is immutable and named by the digest of its manifest:
 *
 *     STORE/mirror-snapshots/DIGEST/manifest.json
 *     STORE/mirror-snapshots/DIGEST/made               when, seconds since the epoch, in decimal
 *     STORE/mirror-snapshots/DIGEST/sources/N/...      index files of source N, vendor's layout
 *     STORE/packages/XX/SHA256                         package files, shared, mode 0444
 *
 * The time it was made is not in the manifest, so equal states of the mirrors have one name.
 */
#ifndef COLDPATCH_MIRROR_MIRROR_H
#define COLDPATCH_MIRROR_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/monitor.h"

/* An index file of a source, as it lies in the snapshot. */
struct mirror_file {
	char *path; /* relative to the source's directory, in the vendor's layout */
	uint64_t size;
	struct digest sha256;
};

/* A package file that is there and that the index names by another checksum than SHA-256. */
struct mirror_alias {
	char *checksum; /* "sha512:" and its digits */
	struct digest sha256;
};

enum { MIRROR_PRIORITY = 99 }; /* of a source of which nobody says another */

/* One signed repository of a snapshot: for apt, one suite; for repomd, a directory with repodata.
 */
struct mirror_source {
	char *layout; /* "apt", "repomd": what is said of the members below depends on it */
	char *path;   /* in the mirror, of what the paths below are relative to: "." is the mirror
			 itself, "BaseOS/x86_64/os" a repository in it */
	char *directory; /* absolute, in the snapshot: holds the index files in the vendor's layout
			  */
	char *origin, *label, *suite, *codename,
		*version;		    /* as the signed index says; NULL: not said */
	char **components, **architectures; /* components by where their files lie: "main" where
					       the index says "updates/main" */
	size_t n_components, n_architectures;
	struct digest index; /* sha256 of InRelease or repomd.xml */
	char *index_path;    /* "dists/bookworm-security/InRelease", "repodata/repomd.xml" */
	char *signer;	     /* fingerprint, upper-case hex; NULL: not signed, and taken because
				the user named its digest */
	int64_t date;	     /* seconds since the epoch, as the signed index says */
	int64_t valid_until; /* 0: not said */
	bool security;	     /* this source carries security updates */
	char *os_id, *os_version; /* only for guests of this os-release ID, of this VERSION_ID or
				     one that goes on after a dot; NULL: not said */
	uint64_t priority;	  /* of packages with one name, those of the source with the
				     smallest number are taken; MIRROR_PRIORITY where nobody says */
	bool module_hotfixes;	  /* no module stream hides its packages */
	char **excludes;	  /* shell patterns of package names that are not taken from it */
	size_t n_excludes;
	struct mirror_file *files; /* sorted by path: for apt, InRelease (or Release and
				      Release.gpg) and the Packages files, uncompressed; for
				      repomd, repodata/repomd.xml, its signature, and what it names
				      of primary, filelists, updateinfo and modules, packed as the
				      vendor has them */
	size_t n_files;
	struct mirror_alias *aliases; /* sorted by checksum */
	size_t n_aliases;
};

struct mirror_snapshot {
	struct digest digest;
	char *directory;    /* STORE/mirror-snapshots/DIGEST */
	char *package_root; /* STORE/packages */
	int64_t made;	    /* when, seconds since the epoch; not part of what planning reads */
	struct mirror_source *sources;
	size_t n_sources;
	struct digest *packages; /* sorted: the package files that are there */
	size_t n_packages;
};
void mirror_snapshot_free(struct mirror_snapshot *snapshot);
DEFINE_CLEANUP(struct mirror_snapshot, mirror_snapshot_free)

/* One mirror the user configured.  From `mirrors:` in the configuration, or the command line. */
struct mirror_options {
	const char *path;	   /* the mirror's root: has dists/ and pool/, or repositories */
	const char *const *suites; /* below dists/, or directories of repositories; NULL: all that
				      are there */
	size_t n_suites;
	const char *const *keyrings; /* OpenPGP keys the user pinned for this release */
	size_t n_keyrings;
	const char *os_id, *os_version; /* whose it is; NULL: what it says itself */
	int64_t maximum_age;		/* seconds; 0: what the policy says */
	/* These are for layout repomd. */
	uint64_t priority; /* 0: MIRROR_PRIORITY */
	bool module_hotfixes;
	const char *const *excludes;
	size_t n_excludes;
	const char *const *trust_digests; /* hex index digests that need no signature */
	size_t n_trust_digests;
	const char *const *trust_packages; /* hex digests of package files that need none */
	size_t n_trust_packages;
};

struct mirror_policy {
	int64_t now;	     /* seconds since the epoch */
	int64_t maximum_age; /* seconds; for suites whose name ends in -security or -updates; 0: no
				limit */
	const char *high_water_file; /* JSON, host-owned: newest date seen per origin, suite and
					key; NULL: none */
	const char *const *allow_digests; /* hex index digests that may be older than the high-water
					     mark or expired */
	size_t n_allow_digests;
};

/* Verifies, copies, pins.  ERROR_TRUST: unsigned, wrong key, weak digest, expired, too old, rolled
 * back, tampered index or package; ERROR_MIRROR: no index, an index file that the signed one
 * requires is missing; ERROR_CONFIG: no keyring, or nobody says for which distribution it is.
 * Packages that are absent are fine here. */
int mirror_snapshot_make(const char *store, const struct mirror_options *mirrors, size_t n_mirrors,
			 const struct mirror_policy *policy, const struct monitor *monitor,
			 struct mirror_snapshot **ret, struct error *err);
/* By digest, or unique prefix of at least 8 digits; checks the manifest against its name and the
 * index files against the manifest. */
struct mirror_snapshot *mirror_snapshot_open(const char *store, const char *name,
					     struct error *err);
/* Everything hashed again, packages too. */
int mirror_snapshot_verify(const struct mirror_snapshot *snapshot, const struct monitor *monitor,
			   struct error *err);
/* Names of all snapshots, newest first. */
int mirror_snapshot_list(const char *store, char ***ret_names, size_t *ret_n, struct error *err);
json_t *mirror_snapshot_to_json(const struct mirror_snapshot *snapshot);

/* For whom a source may be; what is NULL is not known. */
struct mirror_guest {
	const char *layout;		/* that its packages come in; NULL: any */
	const char *os_id, *os_version; /* of os-release: ID, VERSION_ID */
	const char *codename;
};

/* Only sources of its layout.  One that says for which distribution and version it is, is for those
 * guests alone: "9" is for 9 and 9.4, not for 90.  Of the others, a vendor's own is for guests of
 * its release, by the code name: "bookworm-security" is not for trixie; everybody else's is for
 * all. */
bool mirror_source_suits(const struct mirror_source *source, const struct mirror_guest *guest);
/* Leaves only the sources that suit, in memory; how many those are. */
size_t mirror_snapshot_keep_suited(struct mirror_snapshot *snapshot,
				   const struct mirror_guest *guest);

/* Its signed index as the mirror has it, "BaseOS/x86_64/os/repodata/repomd.xml"; the caller frees.
 */
char *mirror_source_index(const struct mirror_source *source);

/* Which package file the source's index means by a checksum: "sha256", and its digits.  False: it
 * is not in the snapshot, or is not to be relied on. */
bool mirror_source_find(const struct mirror_source *source, const char *type, const char *hex,
			struct digest *ret);

bool mirror_snapshot_has_package(const struct mirror_snapshot *snapshot,
				 const struct digest *sha256);
/* Opens a package file of the store read-only and hashes it again: ERROR_TRUST when it is not what
 * its name says, ERROR_MIRROR when it is not there.  The descriptor, or -1. */
int mirror_package_open(const struct mirror_snapshot *snapshot, const struct digest *sha256,
			struct error *err);

#endif
