/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names where there are limits (struct fs_limits).  They are UTF-16 on the disk, and firmware, the
 * kernel and mtools each fold their case by tables of their own: ASCII is folded here, and any two
 * other characters are taken for the same one.  So some names are refused that would do ("è" beside
 * "é"), and none is let through that would not, except for
 *
 *   - the three that some tables fold to ASCII: U+0130, U+017F and U+212A, with i, s and k;
 *   - a name like LONGFI~1.EFI, which may be the short name of another on the disk.
 *
 * Those are found when they are written.
 */
#ifndef COLDPATCH_FS_LIMITED_NAMES_H
#define COLDPATCH_FS_LIMITED_NAMES_H

/* NULL: it may be a name; else what it is, for a message: "a name that ...". */
const char *limited_name_fault(const char *name);
/* As strcmp, of names or paths; 0: they are one, or may be. */
int limited_name_compare(const char *a, const char *b);

#endif
