/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A job: everything the runner (cmd/runner) is told, as one JSON document.
 *
 * How an executor uses the runner:
 *
 *  1. job_prepare() makes the job from the request and puts the package files into a directory.
 *  2. The executor makes the view (the guest's trees, writable, thrown away later) and sets the
 *     places: where root, packages, log, report and capture are.  A place is a path or a descriptor
 *     that the runner inherits.
 *  3. It writes job_to_json() somewhere the runner can read and starts `runner JOB`, as root of the
 *     environment; JOB is a path or "fd:N".  With `make_namespaces` the runner makes its own mount,
 *     PID, network, IPC and UTS namespaces (the appliance); without, it must be PID 1 of fresh ones
 *     (the sandbox, which adds a user namespace).
 *  4. The runner exits 0 when it could write its report, whatever the guest's commands did.  It
 *     keeps `deadline_s` by itself; the executor keeps a watchdog outside all the same.
 *  5. report: JSON Lines, read with report_line() (report.h), which fills a run_result; capture: a
 *     binary stream, read with capture_read() (capture_read.h), only there when all commands
 *     succeeded; log: text of the guest's tools, at most JOB_LOG_LIMIT bytes.  All three are the
 *     guest's word: untrusted.
 *  6. report_outcome() says what the run came to.
 *
 * Nothing of the runner's is in the view when the capture is made: what it mounts is unmounted,
 * what it had to put there is taken away exactly.
 */
#ifndef COLDPATCH_RUN_JOB_H
#define COLDPATCH_RUN_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

/* Where a run mounts something of its own over the guest's directory: what was there is not seen,
 * what comes there is gone afterwards. */
enum job_cover {
	JOB_PROC,
	JOB_SYS,
	JOB_DEV,
	JOB_DEV_PTS,
	JOB_DEV_SHM,
	JOB_RUN,
	JOB_TMP,
	N_JOB_COVERS
};
extern const char *const job_covers[N_JOB_COVERS];

/* The first half of the log is its first bytes, the second half its last. */
#define JOB_LOG_LIMIT (16u << 20)
/* Inside the guest; on the tmpfs at /run. */
#define JOB_DIRECTORY "/run/coldpatch"
#define JOB_PACKAGES  JOB_DIRECTORY "/packages"
/* What a command writes here, beside its output, the report hands on line by line. */
enum { JOB_STATUS_FD = 3 };

/* In JSON a string is a path and a number is a descriptor. */
struct job_place {
	char *path; /* NULL: `fd` */
	int fd;
};

/* A file system of the guest, for the answers of grub-probe, blkid and findmnt. */
struct job_filesystem {
	char *device;		       /* "/dev/vda1": how the guest calls it, as far as it says */
	char *mountpoint;	       /* NULL: not mounted (swap) */
	char *options;		       /* NULL: defaults */
	char *type;		       /* as mount(8) spells it */
	char *grub_type;	       /* as GRUB calls it */
	char *uuid, *label, *partuuid; /* NULL: none */
	char *scheme;		       /* of its disk: "gpt", "mbr", "none" */
	uint64_t disk;		       /* index of its disk */
	uint64_t partition;	       /* 0: the whole disk, or a volume */
	char *manager;		       /* of a volume: "lvm"; NULL: none, nor what follows */
	char *grub_drive;	       /* of a volume: how GRUB names it */
	char **nodes;		       /* of a volume: its other device nodes; NULL-terminated */
	char **schemes; /* of a volume: those of the disks with its parts; NULL-terminated */
};

struct job_command {
	char *stage;	     /* "unpack", "configure", ... */
	char **argv;	     /* NULL-terminated */
	uint64_t n_packages; /* that it works on; 0: unknown */
	/* The stub programs lie over the guest's own during this command.  Not while packages are
	 * unpacked: renaming over a mount point is EBUSY. */
	bool stubs;
	/* What it writes to its output the report hands on, too, a line at a time. */
	bool status_in_output;
	/* Where it sets owner or mode of /proc or /sys, it is told that this was done. Each change
	 * of an owner or a mode then takes the time of asking the runner. */
	bool sets_mount_points;
};

struct job_file {
	char *path, *content;
	unsigned mode;
	/* Of one that is put: packages may unpack another over it.  The guest's own is moved aside
	 * and not mounted over, as renaming over a mount point is EBUSY. */
	bool replaceable;
};

struct job {
	struct job_place root, packages, log, report, capture;
	bool make_namespaces;
	bool efi; /* /sys/firmware/efi is there */
	char *hostname;
	char *cmdline; /* what /proc/cmdline says */
	/* /etc/machine-id while commands with stubs run, where the guest has none; NULL: as it is
	 */
	char *machine_id;
	uint64_t deadline_s;
	char **environment; /* NULL-terminated, complete */
	char **copied_up;   /* NULL-terminated; directories whose files are copied up first */
	struct job_filesystem *filesystems;
	size_t n_filesystems;
	struct job_command *commands;
	size_t n_commands;
	struct job_file *puts; /* there while the commands run, and not after it */
	size_t n_puts;
	struct job_file *files; /* written after the last command, over what is there; not where
				   there is no directory for it */
	size_t n_files;
};

void job_free(struct job *job);
DEFINE_CLEANUP(struct job, job_free)
/* Adds a file to be there while the commands run. */
void job_put(struct job *job, const char *path, const char *content, unsigned mode);
/* Allocated JSON text. */
char *job_to_json(const struct job *job);
/* `text` is ours, not the guest's; ERROR_BUG names what is wrong with it. */
struct job *job_from_json(const char *text, size_t len, struct error *err);
void job_place_path(struct job_place *place, const char *path);
void job_place_fd(struct job_place *place, int fd);

#endif
