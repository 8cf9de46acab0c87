/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file systems that a copying job (lib/fs/copies.h) is about, and mounting them. */
#ifndef COLDPATCH_RUNNER_VOLUME_H
#define COLDPATCH_RUNNER_VOLUME_H

#include "base/json.h"
#include "guest/guest.h"

struct volume_type {
	char *options;	   /* for mount(2) */
	char *part_option; /* "NAME=": one file system has several trees, chosen so; or NULL */
	char **root_parts; /* names under which distributions have their root there */
	size_t n_root_parts;
	char **aliases; /* attributes that show others in another form */
	size_t n_aliases;
	bool limited; /* as struct fs_limits has it */
};

struct volumes {
	struct guest *guest; /* filesystems: disk, partition, type, uuid, label, ... */
	char **devices;
	struct volume_type *types;
};

/* Of the job's member "volumes". */
int volumes_read(const json_t *job, struct volumes *ret, struct error *err);
void volumes_free(struct volumes *volumes);
#define CLEANUP_VOLUMES __attribute__((cleanup(volumes_free)))

/* The tree of that name, or the one that is mounted when none is asked for (NULL).  `target` is
 * made. */
int volume_mount(const struct volumes *volumes, size_t volume, const char *part, bool writable,
		 const char *target, struct error *err);
int volume_unmount(const char *target, struct error *err);

/* copy_out.c, copy_in.c: a job file each. */
int copy_out(const json_t *job, struct error *err);
int copy_in(const json_t *job, struct error *err);

#endif
