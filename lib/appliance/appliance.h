/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One libguestfs appliance, for one job: launch with its disks, mount, run one program, unmount,
 * shut down.  It is never used for anything else afterwards.
 *
 * libguestfs has no timeouts and cannot be cancelled, so all of it happens in a child process that
 * is PID 1 of a PID namespace with QEMU in it: when the child is killed, all of it is gone before
 * this goes on.  Each phase has a deadline.  No network device; formats are always given; the
 * environment is not read.
 *
 * The program is chrooted to a tree in which the mounts below are; bulk data goes in on a read-only
 * disk and comes out on a scratch disk.
 */
#ifndef COLDPATCH_APPLIANCE_APPLIANCE_H
#define COLDPATCH_APPLIANCE_APPLIANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appliance/fixed.h"
#include "base/error.h"
#include "base/monitor.h"

/* Where the chroot lies in the appliance: what an option that names paths (overlayfs) has to
 * prefix. */
#define APPLIANCE_ROOT "/sysroot"

/* Exactly one of the two is set: the name of a file in the work directory. */
struct appliance_disk {
	const char *raw;    /* a raw image that is ours and not needed afterwards: never flushed */
	const char *socket; /* unix socket of an NBD server */
	bool writable; /* of a socket: what is written goes there; else it goes to a file in the
			  work directory that nobody looks at */
};

/* The root of an overlay is its upper directory, so that has to look as the lower one does. */
struct appliance_directory {
	const char *path;
	unsigned mode, uid, gid;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	const struct appliance_xattr {
		const char *name;
		const void *value;
		size_t size;
	} * xattrs;
	size_t n_xattrs;
};

struct appliance_mount {
	size_t disk;
	unsigned partition;  /* 0: the whole disk */
	const char *device;  /* of a volume over the disks: its node; else NULL */
	const char *type;    /* never probed.  "overlay": the disk means nothing */
	const char *options; /* as mount(8) takes them */
	const char *target;  /* "/NAME" is made; deeper ones must be there */
	const struct appliance_directory *upper; /* set before the mount is made; NULL: nothing */
};

/* Seconds; 0: what is enough for an emulated appliance on a busy host. */
struct appliance_deadlines {
	unsigned launch, mount, program, shutdown;
};

struct appliance_job {
	const struct fixed_appliance *fixed;
	const struct appliance_disk *disks;
	size_t n_disks;
	const struct appliance_mount *mounts; /* in this order */
	size_t n_mounts;
	const char *const *directories; /* made before the program runs: /dev, /proc, /sys */
	size_t n_directories;
	const char *const *argv; /* NULL-terminated */
	bool kvm;		 /* else emulated */
	const char *work_dir;	 /* private; its files `libguestfs*`, `tmp*` are ours */
	unsigned memory_mib;
	struct appliance_deadlines deadlines;
	int log_fd; /* what QEMU, kernel and libguestfs say, at most 1 MiB, the last of it; open for
		       reading and writing; -1: dropped */
	const struct monitor *monitor;
};

struct appliance_outcome {
	char kernel[66]; /* its release; "" when it did not start */
	bool disk_full;	 /* no room was left in the work directory at its end */
};

/* What the program finds a disk of the job by: the kernel gives the names /dev/sda and so on in no
 * order that can be relied on.  The caller frees. */
char *appliance_disk_node(size_t disk);

/* 0 when the program exited 0 and everything was unmounted and shut down cleanly.  ERROR_HOST: the
 * appliance did not start, with QEMU's or libguestfs's words; ERROR_GUEST: the program failed, with
 * its own; ERROR_BUSY: deadline (names the phase), interrupted, QEMU died, kernel panic;
 * ERROR_SPACE: any of it, where the work directory's disk is full.  Nothing is left running.
 * `ret` is set in every case. */
int appliance_run(const struct appliance_job *job, struct appliance_outcome *ret,
		  struct error *err);

/* Is there all that an appliance needs, whether it is fast or not?  ERROR_HOST names what is
 * missing. */
int appliance_available(struct error *err);

#endif
