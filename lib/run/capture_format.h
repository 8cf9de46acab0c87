/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream in which the runner hands over the state of the view.  Integers are little-endian.
 *
 *     magic    8 bytes "CPCAPT02"
 *     entry*   u8 'U', string path, u64 ino                          untouched
 *              u8 'T', string path, u64 ino, string origin ("": new inode),
 *                u32 mode, flags (of CAPTURE_FLAGS; 0 where the type cannot be asked),
 *                u32 nlink, uid, gid, u64 size, u64 blocks, u32 rdev major, minor,
 *                3 times (mtime, ctime, btime): i64 seconds, u32 nanoseconds,
 *                u32 count, then per xattr: string name, string value,
 *                symlink: string target
 *                regular file: extents: u64 offset, u64 length > 0, bytes; end: u64 0, u64 0
 *     end      u8 'E', u64 number of entries
 *
 * A string is u32 length and that many bytes.  A regular file with several names has its extents at
 * the first name that is sent.
 */
#ifndef COLDPATCH_RUN_CAPTURE_FORMAT_H
#define COLDPATCH_RUN_CAPTURE_FORMAT_H

#define CAPTURE_MAGIC	     "CPCAPT02"
#define CAPTURE_MAGIC_SIZE   8
#define CAPTURE_UNTOUCHED    'U'
#define CAPTURE_TOUCHED	     'T'
#define CAPTURE_END	     'E'
#define CAPTURE_STRING_LIMIT 65536u
#define CAPTURE_XATTR_LIMIT  1024u
#define CAPTURE_ENTRY_LIMIT  (16u << 20)
/* Of FS_IOC_GETFLAGS what chattr(1) sets on ext4: FS_FLAGS of fs/fs.h. */
#define CAPTURE_FLAGS 0x0203c0ffu
/* Sync, dirsync, nodump, noatime: the view's directories have these of the guest's, so that what is
 * made in them inherits them from the kernel.  (The others need privilege, or a kernel that takes
 * them.) */
#define CAPTURE_INHERITED 0x000100c8u

#endif
