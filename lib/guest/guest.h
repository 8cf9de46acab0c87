/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image is: a plain value without handles, made by reading only.  lib/guest fills the
 * system, its file systems and identity; lib/boot fills `boot`, lib/package fills `packages`.
 * Every string is a claim of the guest.
 */
#ifndef COLDPATCH_GUEST_GUEST_H
#define COLDPATCH_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/json.h"
#include "disk/encrypted.h"
#include "disk/image.h"
#include "disk/partition.h"
#include "fs/copies.h"
#include "fs/fs.h"
#include "fs/tree.h"

struct guest_disk {
	char *format;	       /* of the top file: "qcow2", "raw" */
	uint64_t virtual_size; /* bytes */
	size_t chain_length;
	char *partition_scheme; /* "gpt", "mbr", "none" */
	char *partition_table_id;
	bool boot_code; /* its first sector holds code that a BIOS would start */
};

/* A part of a disk that a volume is made of. */
struct guest_member {
	size_t disk;
	unsigned partition; /* 0: the whole disk */
};

struct guest_segment {
	size_t disk;
	uint64_t offset, size; /* bytes on the disk */
};

/* What a volume manager of the guest makes of its disks' parts (lib/disk/volume.h). */
struct guest_volume {
	char *manager; /* "lvm"; "luks": an encrypted container */
	char *group, *group_uuid;
	char *name, *uuid;
	char **nodes; /* its device nodes; the first is the one that mount(8) shows */
	size_t n_nodes;
	char *grub;		      /* how GRUB names the drive */
	struct guest_member *members; /* of its group, as far as they are there; at least one */
	size_t n_members;
	struct guest_segment *segments; /* its bytes, in order; none: not read directly */
	size_t n_segments;
};

struct guest_filesystem {
	size_t disk;		     /* of a volume: its group's first */
	unsigned partition;	     /* 0: the whole disk, or a volume */
	uint64_t offset, size;	     /* bytes on its disk; of a volume: 0, and its own size */
	struct guest_volume *volume; /* NULL: a partition or a whole disk */
	char *partition_type; /* GPT: type GUID; MBR: "0x83"; NULL: the whole disk or a volume */
	char *partuuid, *partlabel; /* NULL: none */
	char *type, *uuid, *label;  /* type NULL: not recognised */
	char *features;
	bool readable, writable;
	bool copied;   /* through an appliance: both are true once it was */
	char *part;    /* of one that has several trees, which one this is; NULL: the usual one */
	char *why_not; /* when not writable */
	struct fs_space space; /* zeros unless readable */
	char *mountpoint;      /* NULL: not in the guest's fstab */
	bool mounted;	       /* part of the tree: local, readable, not noauto */
	char *mount_options;
	char *mount_source; /* as fstab spells it: "UUID=...", "/dev/vda1" */
};

struct guest_os {
	char *id, *id_like, *version_id, *codename, *pretty_name; /* NULL: not said */
	char *end_of_life;    /* "2028-06-30", or NULL when not in our table */
	char *end_of_life_of; /* what ends then: "LTS", "standard support", ... or NULL */
	char *architecture; /* "x86_64", "aarch64", ...: of the guest's own /bin/sh or ld.so by its
			       ELF header */
};

enum machine_id_state {
	MACHINE_ID_MISSING,
	MACHINE_ID_EMPTY,
	MACHINE_ID_UNINITIALIZED,
	MACHINE_ID_SET
};

struct guest_identity {
	char *hostname; /* NULL: none */
	enum machine_id_state machine_id;
	size_t n_ssh_host_keys;
	bool random_seed;
};

struct guest_kernel {
	char *version;	 /* as `uname -r` would say */
	char *image;	 /* path, or NULL */
	char *initramfs; /* path, or NULL */
	bool modules;	 /* modules.dep is there */
	bool entry;	 /* the boot loader lists it */
};

struct guest_boot {
	char *loader;	/* "grub2", "systemd-boot", "none" */
	char *firmware; /* "bios", "uefi", "both", "unknown" */
	bool elsewhere; /* the menu, or what says which entry is the default, lies on a file system
			   that is not mounted here (an EFI system partition): what is not there is
			   not known */
	char *default_kernel;	      /* version of the default entry, or NULL */
	char *default_root;	      /* root= of the default entry, or NULL */
	char *default_options;	      /* its whole command line, or NULL */
	struct guest_kernel *kernels; /* sorted by version string */
	size_t n_kernels;
	char **missing; /* file systems that the loader's configuration names and this image does
			   not have, as it spells them ("UUID=...", "/dev/sdb1"); sorted */
	size_t n_missing;
};

/* More than this in one guest is refused by whoever reads its package database. */
enum { GUEST_MAX_PACKAGES = 100000 };

struct guest_package {
	char *name, *architecture;
	char *version; /* "" when the database has none */
};

struct guest_packages {
	char *family;	    /* of lib/package; NULL when no known database is there */
	char *architecture; /* as the family spells it: "amd64" */
	char **foreign_architectures;
	size_t n_foreign_architectures;
	struct guest_package *installed; /* also those that are not settled; sorted by name, then
					    architecture, as bytes */
	size_t n_installed;
	char **broken; /* "name:arch half-configured", one per package that is not in a settled
			  state */
	size_t n_broken;
	char **held; /* "name:arch" */
	size_t n_held;
	struct digest state; /* over all that planning reads of the package database */
};

/* A reason why this image would not be patched, in words, with a code for scripts. */
struct guest_blocker {
	char *code; /* "half-configured", "foreign-architecture", "unsupported-filesystem", ... */
	char *msg;
};

struct guest {
	struct guest_disk *disks;
	size_t n_disks;
	struct guest_filesystem *filesystems;
	size_t n_filesystems;
	struct guest_os os;
	struct guest_identity identity;
	struct guest_boot boot;
	struct guest_packages packages;
	struct guest_blocker *blockers;
	size_t n_blockers;
	char **notes; /* what a person should know and what does not stop patching, in words */
	size_t n_notes;
};

/* Finds the root, reads fstab, joins the tree.  `blocks[i]` serves `images[i]`; both are borrowed
 * and must outlive *ret_tree.  ERROR_IMAGE "no operating system found ..." when there is none, or
 * several roots. On success the caller owns both results. */
struct guest_access {
	bool writable;
	/* Also what only the firmware reads (an EFI system partition), which takes an appliance.
	 * Without, it is there only where an appliance is needed anyway. */
	bool firmware;
	const struct copies_host
		*copies; /* how an appliance reads what nothing here does; or NULL */
	/* What may open encrypted containers.  When there are any, every block is of clear_new:
	 * what was opened is read and written through it from then on. */
	const struct passphrase *keys;
	size_t n_keys;
};
int guest_open(const struct image *const *images, struct block *const *blocks, size_t n_disks,
	       const struct guest_access *access, struct guest **ret_guest, struct tree **ret_tree,
	       struct error *err);
void guest_free(struct guest *guest);
DEFINE_CLEANUP(struct guest, guest_free)

void guest_add_blocker(struct guest *guest, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void guest_add_note(struct guest *guest, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The file system that `source` names as fstab(5) and root= do: UUID=, LABEL=, PARTUUID=,
 * PARTLABEL=, /dev/disk/by-*, or a device name, which is mapped by disk order and partition number
 * (/dev/vdb1, /dev/nvme1n1p1: partition 1 of the second disk), or one of a volume's device nodes.
 * 1 with its index, 0 when this image has none, -1 with ERROR_IMAGE when several carry that name.
 */
int guest_find_filesystem(const struct guest *guest, const char *source, size_t *ret_index,
			  struct error *err);
/* What a file system lies on: a window onto its disk, or what its volume's segments join to.
 * `blocks` are of the disks and must outlive it.  ERROR_IMAGE: a volume that is not read directly.
 */
struct block *guest_filesystem_block(const struct guest_filesystem *fs, struct block *const *blocks,
				     struct error *err);
/* For people, who count disks from 1: "partition 2 of disk 1", "disk 1", "volume vg/root".  The
 * caller frees. */
char *guest_filesystem_place(const struct guest_filesystem *fs);
/* Are they trees of one file system? */
bool guest_filesystem_same(const struct guest_filesystem *a, const struct guest_filesystem *b);
/* Is what is mounted there read by the firmware, and the guest's system runs without (an EFI system
 * partition)? */
bool guest_is_firmwares(const char *mountpoint);
/* The volume of the encrypted container that it is in, directly or by logical volumes, as far as
 * that was opened; NULL: in none. */
const struct guest_volume *guest_container_of(const struct guest *guest,
					      const struct guest_filesystem *fs);
/* The file system that the tree has there, or NULL. */
const struct guest_filesystem *guest_filesystem_at(const struct guest *guest,
						   const char *mountpoint);

/* Frees all that lib/boot fills. */
void guest_boot_free(struct guest_boot *boot);

json_t *guest_to_json(const struct guest *guest);
struct guest *guest_from_json(const json_t *json, struct error *err);

#endif
