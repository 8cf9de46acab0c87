/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The members are those of the tasks' inputs (task_*.c).  Images are listed file by file: a worker
 * sees no neighbour of its image.  Only `snapshot` may change the store beyond a directory of its
 * task: what it stages is renamed into place there.
 */
#include "session/confinements.h"

#include <linux/capability.h>

#define BIT(capability) (UINT64_C(1) << (capability))
/* Root opens images and mirrors of other users, whatever their modes; everybody else has none. */
#define OPEN_ANYTHING BIT(CAP_DAC_OVERRIDE)
/* What maps root into a user namespace (user_namespaces(7)). */
#define MAP_ROOT BIT(CAP_SETFCAP)

#define IMAGE                                                                                      \
	{"image.disks", NULL, CONFINED_READ}, {"image.backing", NULL, CONFINED_READ},              \
		{"image.disk_keys", NULL, CONFINED_READ},                                          \
	{                                                                                          \
		"image.work_dir", NULL, CONFINED_FILL                                              \
	}
#define MIRROR_SNAPSHOTS                                                                           \
	{"store", "mirror-snapshots", CONFINED_READ},                                              \
	{                                                                                          \
		"store", "packages", CONFINED_READ                                                 \
	}

const struct confinement confinement_inspect = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){IMAGE, {"state_dir", NULL, CONFINED_FILL}, {0}},
};

const struct confinement confinement_resolve = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			MIRROR_SNAPSHOTS,
			{"state_dir", NULL, CONFINED_READ},
			{"patchset", NULL, CONFINED_READ},
			{"cache_dir", NULL, CONFINED_FILL},
			{0},
		},
};

/* Makes the view of the guest with its owners, modes, devices and capabilities; mounts it; starts
 * the runner in namespaces whose ids it maps. */
const struct confinement confinement_layer = {
	.by = CONFINED_LOOSELY,
	.capabilities = OPEN_ANYTHING | MAP_ROOT | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) |
			BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_MKNOD) |
			BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_KILL),
	.paths =
		(const struct confined_path[]){
			IMAGE,
			MIRROR_SNAPSHOTS,
			{"work_dir", NULL, CONFINED_FILL},
			{"store", "layers", CONFINED_FILL},
			{"log", NULL, CONFINED_BESIDE},
			{"runner", NULL, CONFINED_READ},
			{"appliance_cache", NULL, CONFINED_FILL},
			{0},
		},
};

/* What an appliance is made of. */
#define APPLIANCE                                                                                  \
	{"image.runner", NULL, CONFINED_READ},                                                     \
	{                                                                                          \
		"image.appliance_cache", NULL, CONFINED_FILL                                       \
	}

/* The appliance's process is the root of a user namespace.  Building the fixed appliance, which
 * this may be the first to do, unpacks files of root's. */
const struct confinement confinement_copy = {
	.by = CONFINED_BY_MOUNTS,
	.capabilities =
		OPEN_ANYTHING | MAP_ROOT | BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | BIT(CAP_FSETID),
	.appliance = true,
	.paths = (const struct confined_path[]){IMAGE, APPLIANCE, {0}},
};

/* A file system's checker gets it as a file that is mounted for it alone (block_file.h). */
const struct confinement confinement_commit = {
	.by = CONFINED_BY_MOUNTS,
	.capabilities = OPEN_ANYTHING | MAP_ROOT,
	.appliance = true,
	.paths =
		(const struct confined_path[]){
			IMAGE,
			APPLIANCE,
			MIRROR_SNAPSHOTS,
			{"store", "layers", CONFINED_READ},
			{"overlays.path", NULL, CONFINED_BESIDE},
			{"console", NULL, CONFINED_BESIDE},
			{0},
		},
};

const struct confinement confinement_snapshot = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			{"mirrors.path", NULL, CONFINED_READ},
			{"mirrors.keyrings", NULL, CONFINED_READ},
			{"store", NULL, CONFINED_FILL},
			{"high_water_file", NULL, CONFINED_BESIDE},
			{0},
		},
};

const struct confinement confinement_try_snapshot = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			{"mirrors.path", NULL, CONFINED_READ},
			{"mirrors.keyrings", NULL, CONFINED_READ},
			MIRROR_SNAPSHOTS,
			{"high_water_file", NULL, CONFINED_READ},
			{"scratch", NULL, CONFINED_FILL},
			{0},
		},
};

const struct confinement confinement_verify_snapshot = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){MIRROR_SNAPSHOTS, {0}},
};

const struct confinement confinement_payload = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){MIRROR_SNAPSHOTS, {0}},
};

const struct confinement confinement_verify_record = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			{"overlays", NULL, CONFINED_READ},
			{"record", NULL, CONFINED_READ},
			{"parent_records", NULL, CONFINED_READ},
			{"public_keys", NULL, CONFINED_READ},
			{"key_ends", NULL, CONFINED_READ},
			{"backing", NULL, CONFINED_READ},
			{"chain_below", NULL, CONFINED_READ},
			{"work_dir", NULL, CONFINED_FILL},
			{0},
		},
};

const struct confinement confinement_want = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){{"files", NULL, CONFINED_READ}, {0}},
};

const struct confinement confinement_mirror_list = {
	.by = CONFINED_BY_RULES,
	.paths = (const struct confined_path[]){{"file", NULL, CONFINED_READ}, {0}},
};

/* The only worker with a network: it sees where files are to go, and local sources. */
const struct confinement confinement_acquire = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.network = true,
	.paths =
		(const struct confined_path[]){
			{"directory", NULL, CONFINED_FILL},
			{"local", NULL, CONFINED_READ},
			{0},
		},
};

const struct confinement confinement_indexes = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			{"mirror", NULL, CONFINED_READ},
			{"keyrings", NULL, CONFINED_READ},
			{"high_water_file", NULL, CONFINED_BESIDE},
			{"scratch", NULL, CONFINED_FILL},
			{0},
		},
};

const struct confinement confinement_choose = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			MIRROR_SNAPSHOTS,
			{"cache_dir", NULL, CONFINED_FILL},
			{0},
		},
};

const struct confinement confinement_import = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			IMAGE,
			{"copies", NULL, CONFINED_FILL},
			{"overlays", NULL, CONFINED_BESIDE},
			{0},
		},
};

const struct confinement confinement_import_scan = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			{"directory", NULL, CONFINED_READ},
			{"known_files", NULL, CONFINED_READ},
			{0},
		},
};

const struct confinement confinement_clone = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){IMAGE,
						{"overlays.path", NULL, CONFINED_BESIDE},
						{0}},
};

/* The exported file is named inside itself where it is a vmdk, so it is made under its own name. */
const struct confinement confinement_export = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			IMAGE,
			{"outputs.path", NULL, CONFINED_BESIDE},
			{0},
		},
};

/* Reads the headers of whatever lies in the clone roots, and follows their chains. */
const struct confinement confinement_clones = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){{"everything", NULL, CONFINED_READ}, {0}},
};

const struct confinement confinement_publish = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths =
		(const struct confined_path[]){
			{"directory", NULL, CONFINED_FILL},
			{"template_directory", NULL, CONFINED_READ},
			{0},
		},
};

const struct confinement confinement_digest = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){{"path", NULL, CONFINED_READ}, {0}},
};

const struct confinement confinement_verify_files = {
	.by = CONFINED_BY_RULES,
	.capabilities = OPEN_ANYTHING,
	.paths = (const struct confined_path[]){{"files.path", NULL, CONFINED_READ}, {0}},
};
