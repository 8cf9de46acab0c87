/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rpm family: the package database is read here (lib/rpm), libsolv decides (solve.h), the
 * guest's own rpm does the work.
 *
 * Package state files:
 *
 *     "headers"       all installed packages, whatever database they came from: for each, its
 *                     header's length (4 bytes, big endian) and its bytes; sorted by name, EVR,
 *                     architecture, then bytes; each as in its package file, without what
 *                     differs between two installations of it (install time, tid, colour)
 *     "/etc/..."      each file of the guest by which an administrator says what is not to be
 *                     changed, under its path
 *     "database"      one line: "bdb /var/lib/rpm", "sqlite /usr/lib/sysimage/rpm", ...
 *
 * An absent file is not listed.  gpg-pubkey entries are not packages and are left out.
 */
#ifndef COLDPATCH_PACKAGE_RPM_RPM_H
#define COLDPATCH_PACKAGE_RPM_RPM_H

#include "package/package.h"
#include "rpm/rpm_header.h"

#define RPM_STATE_HEADERS  "headers"
#define RPM_STATE_DATABASE "database"

extern const struct package_family rpm_family;
extern const struct package_manager rpm_manager;

/* rpm_packages.c: packages of the state file "headers". */
struct rpm_packages {
	struct rpm_header **items; /* owned */
	size_t n_items;
};
int rpm_packages_read(const struct package_state *state, struct rpm_packages *ret,
		      struct error *err);
/* rpm_headers.c: adds that file.  ERROR_IMAGE: it would be longer than `limit`. */
int rpm_packages_write(const struct rpm_packages *packages, size_t limit,
		       struct package_state *state, struct error *err);
void rpm_packages_free(struct rpm_packages *packages);
#define CLEANUP_RPM_PACKAGES __attribute__((cleanup(rpm_packages_free)))

/* rpm_state.c.  Configuration: /etc/yum.conf, /etc/dnf/dnf.conf, versionlock lists of yum and dnf,
 * /etc/dnf/protected.d, /etc/yum/protected.d, /etc/dnf/modules.d, /etc/zypp/locks, ... */
int rpm_detect(struct tree *tree, struct error *err);
int rpm_read_state(struct tree *tree, struct guest *guest, struct package_state *ret_state,
		   struct error *err);
/* What rpm_read_state finds out, from the state files alone. */
int rpm_state_describe(const struct package_state *state, struct guest *guest, struct error *err);
int rpm_verify(const struct package_state *before, const struct package_state *after,
	       const struct resolution *resolution, struct error *err);
int rpm_read_ownership(struct tree *tree, struct ownership *ownership, struct error *err);
int rpm_payload(const char *package_path,
		int (*each)(void *opaque, const char *path, const struct digest *sha256,
			    bool config, struct error *err),
		void *opaque, struct error *err);

/* rpm_resolve.c */
int rpm_resolve(const struct package_state *state, const struct guest *guest,
		const struct mirror_snapshot *snapshot, const struct resolve_request *request,
		const char *work_dir, struct resolution *ret, struct error *err);

/*
 * rpm_commands.c: a plan's steps as calls of the guest's rpm.  In a resolution of this family
 *
 *     PACKAGE_UNPACK           is `rpm -U`; all of them are one transaction, whatever lies between
 *     PACKAGE_INSTALL_BESIDE   is `rpm -i`
 *     PACKAGE_REMOVE           is `rpm -e`, before the transaction or, behind all others, after it
 *     PACKAGE_CONFIGURE        does not occur
 *
 * A change without a step is a removal by the package that obsoletes it: rpm does that by itself.
 * Versions are rpm_header_evr's.
 */
int rpm_commands(const struct resolution *resolution, const char *package_dir, int status_fd,
		 struct package_commands *ret, struct error *err);
void rpm_read_status(char *line, struct package_event *ret);

/* rpm_run.c: what surrounds a run. */
extern const char *const rpm_environment[];
extern const char *const rpm_copied_up[];

/* rpm_places.c */
extern const struct package_place rpm_expected[];
extern const char *const rpm_kept_suffixes[];
extern const char *const rpm_spare_names[];

/* rpm_roles.c */
extern const char *const rpm_kernels[];
extern const char *const rpm_boot_loaders[];
extern const char *const rpm_boot_tools[];
extern const char *const rpm_database_servers[];
extern const char *const rpm_in_initramfs[];
extern const char *const rpm_c_libraries[];
extern const char *const rpm_bookkeepers[];

#endif
