/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The subject of a task: one guest's disks, opened.  Made in a worker from the "image" member of
 * the task's input:
 *
 *     {"disks": [PATH...], "backing": [PATH...], "work_dir": PATH,
 *      "runner": PATH, "appliance_cache": PATH, "firmware"?, "disk_keys": [PATH...],
 *      "files": [{"path", "device", "inode", "size", "mtime"}...]}
 *
 * "runner" and "appliance_cache" are what an appliance needs where one has to read the image; the
 * copies that it makes stay in the work directory (fs/copies.h).  "firmware" is there, and true, as
 * struct guest_access has it.
 *
 * "disk_keys", which may be absent, are files that open encrypted containers; what is in them stays
 * in the process's memory.
 *
 * "directories", one for each disk, is there when the disks are overlays that are going to lie
 * elsewhere: struct image_options has one.
 *
 * "files" is absent the first time.  The first task on an image gives it back (subject_files),
 * later ones pass it in, and a file that is another one by then, or was changed, is refused: all
 * tasks of a run see the same bytes.
 */
#ifndef COLDPATCH_SESSION_SUBJECT_H
#define COLDPATCH_SESSION_SUBJECT_H

#include "base/json.h"
#include "disk/image.h"
#include "fs/tree.h"
#include "guest/guest.h"
#include "package/package.h"

struct subject {
	struct image **images;
	struct block **blocks;
	size_t n_disks;
	char *socket_dir;
	struct buffer *keys; /* what is in the files */
	size_t n_keys;
	struct guest *guest;
	struct tree *tree;
	const struct package_family *family;
	struct package_state state;
};

struct subject_options {
	bool may_launch;  /* an appliance, where one is needed to read it */
	bool *ret_wanted; /* set when that is the only reason for a failure; or NULL */
	const struct monitor *monitor;
};

/* Opens and inspects all of it, read-only. */
struct subject *subject_open(const json_t *image, const struct subject_options *options,
			     struct error *err);
void subject_free(struct subject *subject);
DEFINE_CLEANUP(struct subject, subject_free)

/* Only disks, guest and tree, for writing: the disks are fresh overlays of ours.  `same` are the
 * "files" of an image that has the same content, or NULL. */
struct subject *subject_open_writable(const json_t *image, const json_t *same,
				      const struct monitor *monitor, struct error *err);
/* Closes one that was written, with every disk flushed. */
int subject_close_written(struct subject *subject, struct error *err);

/* The journal of what an appliance writes may be waiting, and what its checker finds then says
 * nothing; what has limits (fs_limits) has no journal either. */
enum subject_checks {
	SUBJECT_CHECK_LIMITED, /* what has limits */
	SUBJECT_CHECK_SETTLED, /* that, and what is written here */
	SUBJECT_CHECK_ALL
};
/* The checker of each mounted file system finds it clean: ERROR_IMAGE names the first that is not.
 */
int subject_check_filesystems(const struct subject *subject, enum subject_checks checks,
			      const char *work_dir, struct error *err);

/* The "files" member for later tasks. */
json_t *subject_files(const struct subject *subject);

#endif
