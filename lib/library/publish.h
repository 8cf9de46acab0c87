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

/* Makes what is missing in `directory`, and removes what is of ours (a file NAME-g... whose backing
 * file lies below `template_directory`) and not in the list.  What is somebody else's stays, with a
 * warning. */
int publish_mend_directory(const char *directory, const char *template_directory,
			   const struct publish_list *list, const struct monitor *monitor,
			   struct error *err);

#endif
