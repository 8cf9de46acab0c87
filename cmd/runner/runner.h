/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the runner share. */
#ifndef COLDPATCH_RUNNER_H
#define COLDPATCH_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "run/job.h"

struct log;

struct runner {
	int report, capture; /* descriptors */
	struct log *log;
};

/* mounts.c: the view becomes the root, then gets /proc, /dev, /run and the rest; all of it is taken
 * away again before the capture. */
int mounts_enter(const struct job *job, struct error *err);
int mounts_attach(const struct job *job, struct error *err);
int mounts_leave(struct error *err);
/* Lays `source` (below JOB_DIRECTORY) over an existing file; `target` is resolved in the guest. */
int mount_over(const char *source, const char *target, struct error *err);
int unmount_from(const char *target, struct error *err);
/* A file below JOB_DIRECTORY or /dev. */
int tmpfs_file(const char *path, const char *content, mode_t mode, struct error *err);

/* devices.c */
int devices_make(const struct job *job, struct error *err);
void devices_grab(void);
int network_up(struct error *err);

/* stub.c: programs of the guest that are answered or kept from doing anything. */
struct stub;
const struct stub *stub_find(const char *argv0);
int stub_main(const struct stub *stub, int argc, char **argv);
int stubs_mount(struct error *err);
int stubs_unmount(struct error *err);
void stub_calls_report(int report);

/* answers.c: the stubs that answer from the job's file systems. */
int answer_grub_probe(const struct job *job, int argc, char **argv);
int answer_grub_mkrelpath(const struct job *job, int argc, char **argv);
int answer_blkid(const struct job *job, int argc, char **argv);
int answer_findmnt(const struct job *job, int argc, char **argv);

/* puts.c: files that must be in the guest during the run and not after it. */
int puts_place(const struct job *job, struct error *err);
int puts_remove(struct error *err);
/* The job's machine-id, where the guest has none, for the time of a command. */
int machine_id_lend(const struct job *job, struct error *err);
int machine_id_take_back(struct error *err);
/* The job's own files, after the last command. */
int files_write(const struct job *job, struct error *err);
/* Make and remove a name, leaving its directory's mtime as it is. */
int symlink_quietly(const char *target, const char *path);
int unlink_quietly(const char *path);

/* identity.c: machine-id, host keys, seeds, resolv.conf: after the run exactly as before it. */
struct identity;
struct identity *identity_save(struct error *err);
int identity_restore(const struct identity *identity, int report, struct error *err);
void identity_free(struct identity *identity);
DEFINE_CLEANUP(struct identity, identity_free)

/* copy_up.c: in an overlay, a file that is opened for writing becomes another inode; those that are
 * then open for reading already are copied up first. */
void copy_up(const struct job *job);

/* steps.c */
int steps_run(const struct job *job, struct runner *runner, struct error *err);

/* status.c: what comes out of JOB_STATUS_FD, and of a command's output where the job says so, goes
 * into the report as it is, a line at a time. */
struct status {
	int report;
	const struct job_command *command;
	uint64_t n_lines;
	struct buffer line;
};
void status_bytes(struct status *status, const char *data, size_t len);

/* filter.c: the system calls of guest code.  With `watch`, `ret_listener` gets the descriptor that
 * tells of those for mount_points.c; else, and where there can be none, -1. */
int filter_load(bool watch, int *ret_listener);

/* mount_points.c: owner and mode of /proc and /sys, which no guest code may set. */
void mount_points_send(int socket, int listener);
int mount_points_receive(int socket); /* -1 when nothing was sent */
void mount_points_answer(int listener);

/* log.c: the first and the last half of JOB_LOG_LIMIT. */
struct log *log_new(int fd);
void log_bytes(struct log *log, const char *data, size_t len);
void log_finish(struct log *log);

/* report.c */
void report_status(int fd, const struct job_command *command, const char *line);
void report_step(int fd, const struct job_command *command, int wait_status, uint64_t ms);
void report_pair(int fd, const char *event, const char *name, const char *value);
int report_end(int fd, const char *outcome, const char *message);

/* walk.c: every path of the view, a directory before what is in it, names sorted. */
struct walk_entry {
	const char *path; /* absolute */
	int dir;	  /* descriptor of the directory it is in, also the current directory */
	const char *name;
	uint64_t ino; /* one number space over all mounts of the view */
	struct stat stat;
	struct timespec birth;
};
typedef int walk_callback(void *opaque, const struct walk_entry *entry, struct error *err);
int walk(walk_callback *callback, void *opaque, struct error *err);

/* snapshot.c: what each path was before the first command. */
struct snapshot;
struct snapshot *snapshot_take(struct error *err);
void snapshot_free(struct snapshot *snapshot);
DEFINE_CLEANUP(struct snapshot, snapshot_free)
/* Still the same inode under this path, and its ctime has not moved? */
bool snapshot_untouched(const struct snapshot *snapshot, const struct walk_entry *entry);
/* The path at which this inode was, or "" when it is a new one. */
const char *snapshot_origin(const struct snapshot *snapshot, const struct walk_entry *entry);

/* flags.c: inode flags, of those that CAPTURE_FLAGS names; 0 for what cannot be asked. */
int flags_get(const struct walk_entry *entry, unsigned *ret, struct error *err);
/* An overlay's upper directories get the flags that the guest's hand on to what is made in them. */
int flags_spread(struct error *err);

/* sent.c: inodes of which something was sent already; starts out as zeros. */
struct sent {
	uint64_t *inodes; /* owned: free() */
	size_t size, used;
};
/* Is it in the set?  Afterwards it is. */
bool sent_before(struct sent *sent, uint64_t ino);

/* capture.c */
int capture_write(const struct snapshot *before, int fd, struct error *err);

#endif
