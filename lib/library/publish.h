/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flat directory of the library's generations, for libvirt pools, Proxmox and the like: for each
 * disk of each generation an empty qcow2 overlay NAME-gN.qcow2 (NAME-gN-diskK.qcow2 for further
 * disks) with the absolute numbered path as its backing file.
 *
 * A symlink in its place would not do: QEMU looks for a relative backing file beside the link.
 */
#ifndef COLDPATCH_LIBRARY_PUBLISH_H
#define COLDPATCH_LIBRARY_PUBLISH_H

#include "base/monitor.h"
#include "library/template.h"

struct publish_entry {
	char *name; /* of the file */
	char *disk; /* absolute */
};

struct publish_list {
	struct publish_entry *entries;
	size_t n_entries;
};

/* What should be there of a template: its generations that a head names and that are whole. */
void publish_list_new(const struct template *template, struct publish_list *ret);
void publish_list_free(struct publish_list *list);
#define CLEANUP_PUBLISH_LIST __attribute__((cleanup(publish_list_free)))

/* Is the file in the directory what this module made and nobody changed: under the name of the disk
 * that it is backed by, a generation's below `templates`, read-only, without data of its own? */
bool publish_is_ours(int dir, const char *name, const char *templates);

/* Makes what is missing in `directory`, and removes what is ours, of this template, not in the list
 * and not open in a QEMU on this host.  What is somebody else's stays; in the place of one that is
 * missing, with a warning.  What is ours and cannot be removed is warned of, too. */
int publish_mend_directory(const char *directory, const char *template_directory,
			   const struct publish_list *list, const struct monitor *monitor,
			   struct error *err);

#endif
