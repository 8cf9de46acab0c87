/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The deb family: dpkg's database is read here, libapt-pkg (apt_shim.h) decides, the guest's own
 * dpkg does the work.
 *
 * Package state files: "status", "arch", "extended_states", "preferences" (all of apt's preferences
 * files, one after the other, in the order in which apt reads them).  An absent file is not listed.
 */
#ifndef COLDPATCH_PACKAGE_DEB_DEB_H
#define COLDPATCH_PACKAGE_DEB_DEB_H

#include "package/package.h"

extern const struct package_family deb_family;
extern const struct package_manager deb_manager;

/* One package of the dpkg database; strings are its own. */
struct deb_package {
	char *name, *architecture, *version; /* version NULL: none */
	char *want, *flag, *status;	     /* the three words of the Status field */
	char *replaces;			     /* the field as it is; NULL: none */
};
struct deb_status {
	struct deb_package *packages;
	size_t n_packages;
};
/* Only packages of which dpkg has more than conffiles are listed. */
int deb_status_parse(const struct buffer *text, struct deb_status *ret, struct error *err);
void deb_status_free(struct deb_status *status);
#define CLEANUP_DEB_STATUS __attribute__((cleanup(deb_status_free)))
/* Nothing is left to do for it, or triggers only (dpkg --configure -a runs those anyway). */
bool deb_package_is_sound(const struct deb_package *package);
bool deb_package_is_settled(const struct deb_package *package);

/* What read_state finds out, from the state files alone. */
int deb_state_describe(const struct package_state *state, struct guest *guest, struct error *err);

int deb_detect(struct tree *tree, struct error *err);
int deb_read_state(struct tree *tree, struct guest *guest, struct package_state *ret_state,
		   struct error *err);
int deb_resolve(const struct package_state *state, const struct guest *guest,
		const struct mirror_snapshot *snapshot, const struct resolve_request *request,
		const char *work_dir, struct resolution *ret, struct error *err);
int deb_commands(const struct resolution *resolution, const char *package_dir, int status_fd,
		 struct package_commands *ret, struct error *err);
void deb_read_status(char *line, struct package_event *ret);
int deb_verify(const struct package_state *before, const struct package_state *after,
	       const struct resolution *resolution, struct error *err);
int deb_read_ownership(struct tree *tree, struct ownership *ownership, struct error *err);
extern const struct package_place deb_expected[];
extern const char *const deb_kept_suffixes[];
/* deb_roles.c: patterns, by role. */
extern const char *const deb_kernels[],
	*const deb_boot_loaders[], *const deb_boot_tools[],
					   *const deb_database_servers[],
						   *const deb_initramfs_makers[],
							   *const deb_in_initramfs[],
								   *const deb_c_libraries[];
int deb_payload(const char *package_path,
		int (*each)(void *opaque, const char *path, const struct digest *sha256,
			    bool config, struct error *err),
		void *opaque, struct error *err);

#endif
