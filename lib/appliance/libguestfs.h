/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libguestfs, loaded when it is first needed.  Linked, it and the sixty libraries that it needs
 * would be loaded at each start of a program, which takes longer than inspecting a guest; and a
 * host that only uses the sandbox can do without it.
 */
#ifndef COLDPATCH_APPLIANCE_LIBGUESTFS_H
#define COLDPATCH_APPLIANCE_LIBGUESTFS_H

#include <guestfs.h>

#include "base/error.h"

/* What of it is called: guestfs_NAME is member NAME below. */
/* clang-format off */
#define LIBGUESTFS_FUNCTIONS(F) \
	F(add_drive_opts) F(chmod) F(chown) F(close) F(command) F(config) \
	F(create_flags) F(free_utsname) F(free_version) F(last_error) F(launch) \
	F(lsetxattr) F(mkmountpoint) F(mount_vfs) F(parse_environment_list) \
	F(set_backend) F(set_backend_setting) F(set_cachedir) F(set_error_handler) \
	F(set_event_callback) F(set_memsize) F(set_network) F(set_path) F(set_tmpdir) \
	F(shutdown) F(umount_all) F(utimens) F(utsname) F(version)
/* clang-format on */

struct libguestfs {
#define LIBGUESTFS_MEMBER(name) __typeof__(guestfs_##name) *name;
	LIBGUESTFS_FUNCTIONS(LIBGUESTFS_MEMBER)
#undef LIBGUESTFS_MEMBER
};

/* Never unloaded.  ERROR_HOST where it is not installed, or lacks a function. */
const struct libguestfs *libguestfs_load(struct error *err);

#endif
