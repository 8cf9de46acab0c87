/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inodes: stat, and setting what stat shows.
 *
 * Times are 32 bits of seconds; where the inode is larger than 128 bytes, an extra word holds two
 * more bits of seconds (an epoch) and 30 bits of nanoseconds.  Whether the extra word is there is
 * told by i_extra_isize, for each inode.
 */
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/ext.h"

/* EXT4_FL_INHERITED, EXT4_REG_FLMASK and EXT4_OTHER_FLMASK of Linux, of what is in FS_FLAGS. */
uint32_t fs_flags_inherited(uint32_t directory, mode_t mode)
{
	uint32_t flags = directory & (FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL |
				      FS_NODUMP_FL | FS_NOATIME_FL | FS_JOURNAL_DATA_FL |
				      FS_NOTAIL_FL | FS_DIRSYNC_FL | FS_DAX_FL);

	if (S_ISDIR(mode))
		return flags;
	if (S_ISREG(mode))
		return flags & ~(uint32_t)FS_DIRSYNC_FL;
	return flags & (FS_NODUMP_FL | FS_NOATIME_FL);
}

static size_t inode_size(const struct ext *ext)
{
	return EXT2_INODE_SIZE(ext->fs->super);
}

int ext_inode_read(struct ext *ext, uint64_t ino, union ext_inode *ret, struct error *err)
{
	errcode_t code;

	if (ino == 0 || ino > ext->fs->super->s_inodes_count)
		return error_set(err, ERROR_IMAGE, "inode %llu does not exist",
				 (unsigned long long)ino);
	memset(&ret->large, 0, sizeof ret->large);
	code = ext2fs_read_inode_full(ext->fs, (ext2_ino_t)ino, &ret->small, (int)inode_size(ext));
	if (code)
		return ext_fail(ext, err, code, "inode %llu", (unsigned long long)ino);
	if (inode_size(ext) > EXT2_GOOD_OLD_INODE_SIZE &&
	    (size_t)ret->large.i_extra_isize > inode_size(ext) - EXT2_GOOD_OLD_INODE_SIZE)
		return ext_damaged(err, ino, "wrong i_extra_isize");
	return 0;
}

int ext_inode_write(struct ext *ext, uint64_t ino, const union ext_inode *inode, struct error *err)
{
	union ext_inode copy;
	errcode_t code;

	memcpy(&copy, inode, inode_size(ext));
	code = ext2fs_write_inode_full(ext->fs, (ext2_ino_t)ino, &copy.small, (int)inode_size(ext));
	if (code)
		return ext_fail(ext, err, code, "write inode %llu", (unsigned long long)ino);
	return 0;
}

/* Whether this inode has the member of ext2_inode_large that ends at `end`. */
static bool has_extra(const struct ext *ext, const union ext_inode *inode, size_t end)
{
	return inode_size(ext) > EXT2_GOOD_OLD_INODE_SIZE &&
	       (size_t)EXT2_GOOD_OLD_INODE_SIZE + inode->large.i_extra_isize >= end;
}

#define HAS(ext, inode, member)                                                                    \
	has_extra(ext, inode,                                                                      \
		  offsetof(struct ext2_inode_large, member) + sizeof(inode)->large.member)

static struct fs_time time_decode(uint32_t seconds, bool extra_there, uint32_t extra)
{
	struct fs_time time = {.sec = (int32_t)seconds};

	if (extra_there) {
		time.sec += (int64_t)(extra & 3) << 32;
		time.nsec = extra >> 2;
	}
	return time;
}

/* Seconds beyond what fits become the nearest that does. */
static uint32_t time_encode(const struct fs_time *time, bool extra_there, uint32_t *ret_extra)
{
	int64_t max = extra_there ? INT64_C(0x37fffffff) : INT32_MAX;
	int64_t sec = time->sec < INT32_MIN ? INT32_MIN : time->sec > max ? max : time->sec;

	*ret_extra = (uint32_t)(((sec - (int32_t)sec) >> 32) & 3) | time->nsec << 2;
	return (uint32_t)sec;
}

static void decode_device(const union ext_inode *inode, struct fs_stat *ret)
{
	uint32_t old = inode->small.i_block[0], new = inode->small.i_block[1];

	if (old) {
		ret->rdev_major = (old >> 8) & 0xff;
		ret->rdev_minor = old & 0xff;
		return;
	}
	ret->rdev_major = (new & 0xfff00) >> 8;
	ret->rdev_minor = (new & 0xff) | ((new >> 12) & 0xfff00);
}

static uint64_t data_size(const union ext_inode *inode)
{
	uint64_t high = 0;

	if (S_ISREG(inode->small.i_mode) || S_ISDIR(inode->small.i_mode))
		high = inode->small.i_size_high;
	return high << 32 | inode->small.i_size;
}

static void decode_times(struct ext *ext, const union ext_inode *inode, struct fs_stat *ret)
{
	const struct ext2_inode_large *large = &inode->large;

	ret->mtime =
		time_decode(large->i_mtime, HAS(ext, inode, i_mtime_extra), large->i_mtime_extra);
	ret->ctime =
		time_decode(large->i_ctime, HAS(ext, inode, i_ctime_extra), large->i_ctime_extra);
	ret->atime =
		time_decode(large->i_atime, HAS(ext, inode, i_atime_extra), large->i_atime_extra);
	if (HAS(ext, inode, i_crtime))
		ret->btime = time_decode(large->i_crtime, HAS(ext, inode, i_crtime_extra),
					 large->i_crtime_extra);
}

void ext_inode_to_stat(struct ext *ext, uint64_t ino, const union ext_inode *inode,
		       struct fs_stat *ret)
{
	struct ext2_inode copy = inode->small; /* libext2fs takes no const */

	*ret = (struct fs_stat){
		.ino = ino,
		.mode = inode->small.i_mode,
		.nlink = inode->small.i_links_count,
		.uid = inode_uid(inode->small),
		.gid = inode_gid(inode->small),
		.size = data_size(inode),
		.blocks = ext2fs_get_stat_i_blocks(ext->fs, &copy),
		/* The values on the disk are those of linux/fs.h. */
		.flags = inode->small.i_flags & FS_FLAGS,
	};
	/* The kernel counts what lies in the inode so. */
	if (S_ISREG(ret->mode) && (inode->small.i_flags & EXT4_INLINE_DATA_FL))
		ret->blocks += (ret->size + 511) / 512;
	decode_times(ext, inode, ret);
	if (S_ISCHR(ret->mode) || S_ISBLK(ret->mode))
		decode_device(inode, ret);
}

int ext_stat(struct fs *fs, uint64_t ino, struct fs_stat *ret, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;

	if (ext->pending.ino == ino && ext_pending_settle(ext, err) < 0)
		return -1;
	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	ext_inode_to_stat(ext, ino, &inode, ret);
	return 0;
}

static void set_times(struct ext *ext, union ext_inode *inode, const struct fs_stat *meta)
{
	struct ext2_inode_large *large = &inode->large;
	struct fs_time ctime = meta->ctime;
	struct timespec now;
	uint32_t extra;

	if (ctime.sec == 0 && ctime.nsec == 0) {
		clock_gettime(CLOCK_REALTIME, &now);
		ctime = (struct fs_time){.sec = now.tv_sec, .nsec = (uint32_t)now.tv_nsec};
	}
	large->i_mtime = time_encode(&meta->mtime, HAS(ext, inode, i_mtime_extra), &extra);
	if (HAS(ext, inode, i_mtime_extra))
		large->i_mtime_extra = extra;
	large->i_atime = time_encode(&meta->atime, HAS(ext, inode, i_atime_extra), &extra);
	if (HAS(ext, inode, i_atime_extra))
		large->i_atime_extra = extra;
	large->i_ctime = time_encode(&ctime, HAS(ext, inode, i_ctime_extra), &extra);
	if (HAS(ext, inode, i_ctime_extra))
		large->i_ctime_extra = extra;
}

void ext_inode_set_meta(struct ext *ext, union ext_inode *inode, const struct fs_stat *meta)
{
	struct ext2_inode *small = &inode->small;

	small->i_mode = (uint16_t)((small->i_mode & S_IFMT) | (meta->mode & 07777));
	small->i_uid = (uint16_t)meta->uid;
	small->osd2.linux2.l_i_uid_high = (uint16_t)(meta->uid >> 16);
	small->i_gid = (uint16_t)meta->gid;
	small->osd2.linux2.l_i_gid_high = (uint16_t)(meta->gid >> 16);
	small->i_flags = (small->i_flags & ~(uint32_t)FS_FLAGS) | (meta->flags & FS_FLAGS);
	set_times(ext, inode, meta);
}

void ext_inode_set_btime(struct ext *ext, union ext_inode *inode, const struct fs_time *btime)
{
	uint32_t extra;

	if (!HAS(ext, inode, i_crtime))
		return;
	inode->large.i_crtime = time_encode(btime, HAS(ext, inode, i_crtime_extra), &extra);
	if (HAS(ext, inode, i_crtime_extra))
		inode->large.i_crtime_extra = extra;
}

int ext_set_meta(struct fs *fs, uint64_t ino, const struct fs_stat *meta, struct error *err)
{
	struct ext *ext = ext_of(fs);
	union ext_inode inode;

	if (ext->pending.ino == ino && ext_pending_settle(ext, err) < 0)
		return -1;
	if (ext_inode_read(ext, ino, &inode, err) < 0)
		return -1;
	ext_inode_set_meta(ext, &inode, meta);
	return ext_inode_write(ext, ino, &inode, err);
}
