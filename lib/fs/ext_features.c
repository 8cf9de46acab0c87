/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which ext file systems are written directly.  A feature is on the list because a test adds,
 * replaces and removes 10,000 files on a file system that has it (tests/image/ext-features.sh);
 * that libext2fs knows a feature is not enough (it knows quota, and leaves the quota files wrong).
 * Reading is easier: only what changes the format of what is read is in the way.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "fs/ext.h"

enum set { COMPAT, RO_COMPAT, INCOMPAT, N_SETS };
/* MOUNT: the kernel of an appliance does both, and a copy of it loses nothing. */
enum use { NONE = 0, READ = 1, WRITE = 2, MOUNT = 4 };

struct feature {
	enum set set;
	uint32_t bit;
	const char *name;
	unsigned use;
};

static const struct feature features[] = {
	{COMPAT, EXT3_FEATURE_COMPAT_HAS_JOURNAL, "has_journal", READ | WRITE},
	{COMPAT, EXT2_FEATURE_COMPAT_EXT_ATTR, "ext_attr", READ | WRITE},
	{COMPAT, EXT2_FEATURE_COMPAT_RESIZE_INODE, "resize_inode", READ | WRITE},
	{COMPAT, EXT2_FEATURE_COMPAT_DIR_INDEX, "dir_index", READ | WRITE},
	{COMPAT, EXT4_FEATURE_COMPAT_SPARSE_SUPER2, "sparse_super2", READ | WRITE},
	{COMPAT, EXT4_FEATURE_COMPAT_ORPHAN_FILE, "orphan_file", READ | WRITE},
	{COMPAT, EXT2_FEATURE_COMPAT_DIR_PREALLOC, "dir_prealloc", READ | MOUNT},
	{COMPAT, EXT2_FEATURE_COMPAT_IMAGIC_INODES, "imagic_inodes", READ},
	{COMPAT, EXT2_FEATURE_COMPAT_LAZY_BG, "lazy_bg", READ},
	{COMPAT, EXT2_FEATURE_COMPAT_EXCLUDE_BITMAP, "snapshot_bitmap", READ},
	{COMPAT, EXT4_FEATURE_COMPAT_FAST_COMMIT, "fast_commit", READ | MOUNT},
	{COMPAT, EXT4_FEATURE_COMPAT_STABLE_INODES, "stable_inodes", READ | MOUNT},
	{RO_COMPAT, EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER, "sparse_super", READ | WRITE},
	{RO_COMPAT, EXT2_FEATURE_RO_COMPAT_LARGE_FILE, "large_file", READ | WRITE},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_HUGE_FILE, "huge_file", READ | WRITE},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_GDT_CSUM, "uninit_bg", READ | WRITE},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_DIR_NLINK, "dir_nlink", READ | WRITE},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE, "extra_isize", READ | WRITE},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_BIGALLOC, "bigalloc", READ | WRITE},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_METADATA_CSUM, "metadata_csum", READ | WRITE},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_HAS_SNAPSHOT, "snapshot", READ},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_QUOTA, "quota", READ | MOUNT},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_REPLICA, "replica", READ},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_READONLY, "read-only", READ},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_PROJECT, "project", READ | MOUNT},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS, "shared_blocks", READ},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_VERITY, "verity", READ | MOUNT},
	{RO_COMPAT, EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT, "orphan_present", READ | MOUNT},
	{INCOMPAT, EXT2_FEATURE_INCOMPAT_FILETYPE, "filetype", READ | WRITE},
	{INCOMPAT, EXT2_FEATURE_INCOMPAT_META_BG, "meta_bg", READ | WRITE},
	{INCOMPAT, EXT3_FEATURE_INCOMPAT_EXTENTS, "extent", READ | WRITE},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_64BIT, "64bit", READ | WRITE},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_FLEX_BG, "flex_bg", READ | WRITE},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_EA_INODE, "ea_inode", READ | WRITE},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_CSUM_SEED, "metadata_csum_seed", READ | WRITE},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_LARGEDIR, "large_dir", READ | WRITE},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_INLINE_DATA, "inline_data", READ | WRITE},
	{INCOMPAT, EXT3_FEATURE_INCOMPAT_RECOVER, "needs_recovery", READ | MOUNT},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_MMP, "mmp", READ},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_ENCRYPT, "encrypt", READ},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_CASEFOLD, "casefold", READ | MOUNT},
	{INCOMPAT, EXT2_FEATURE_INCOMPAT_COMPRESSION, "compression", NONE},
	{INCOMPAT, EXT3_FEATURE_INCOMPAT_JOURNAL_DEV, "journal_dev", NONE},
	{INCOMPAT, EXT4_FEATURE_INCOMPAT_DIRDATA, "dirdata", NONE},
};

static const struct feature *feature_find(enum set set, uint32_t bit)
{
	for (size_t i = 0; i < sizeof features / sizeof *features; i++)
		if (features[i].set == set && features[i].bit == bit)
			return &features[i];
	return NULL;
}

/* blkid's rules for the three names. */
#define EXT2_RO_COMPAT 0x7u
#define EXT3_INCOMPAT                                                                              \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT2_FEATURE_INCOMPAT_META_BG |                          \
	 EXT3_FEATURE_INCOMPAT_RECOVER)

static const char *type_name(const struct ext2_super_block *super)
{
	if (super->s_feature_incompat & EXT3_FEATURE_INCOMPAT_JOURNAL_DEV)
		return "jbd";
	if ((super->s_feature_ro_compat & ~EXT2_RO_COMPAT) ||
	    (super->s_feature_incompat & ~EXT3_INCOMPAT))
		return "ext4";
	return super->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL ? "ext3" : "ext2";
}

struct judgement {
	struct buffer names;
	char *no_read, *no_write;
	bool no_mount;
};

static void judge_bit(struct judgement *judgement, enum set set, uint32_t bit)
{
	static const char set_letters[] = "CRI";
	const struct feature *feature = feature_find(set, bit);
	unsigned use = feature ? feature->use : set == INCOMPAT ? NONE : READ;
	char unknown[32];
	const char *name = feature ? feature->name : unknown;
	struct buffer *names = &judgement->names;

	snprintf(unknown, sizeof unknown, "unknown-%c%d", set_letters[set], __builtin_ctz(bit));
	buffer_printf(names, "%s%s", names->len ? "," : "", name);
	if (!(use & READ) && !judgement->no_read)
		judgement->no_read = xasprintf("feature %s", name);
	if (!(use & WRITE) && !judgement->no_write)
		judgement->no_write = xasprintf("feature %s", name);
	judgement->no_mount |= !(use & (WRITE | MOUNT));
}

static const char *state_problem(const struct ext2_super_block *super)
{
	if (super->s_feature_incompat & EXT3_FEATURE_INCOMPAT_RECOVER)
		return "journal must be replayed (needs_recovery)";
	if (super->s_state & EXT2_ERROR_FS)
		return "the file system has errors; run e2fsck on it";
	if (!(super->s_state & EXT2_VALID_FS))
		return "not cleanly unmounted";
	if (super->s_last_orphan || (super->s_state & EXT3_ORPHAN_FS))
		return "has orphaned inodes; run e2fsck on it";
	if (super->s_rev_level < EXT2_DYNAMIC_REV)
		return "revision 0 of the format";
	if (super->s_creator_os == EXT2_OS_HURD)
		return "made by GNU/Hurd";
	return NULL;
}

/* What mounting it sets right by itself. */
static bool state_mends(const struct ext2_super_block *super)
{
	return super->s_rev_level >= EXT2_DYNAMIC_REV && super->s_creator_os != EXT2_OS_HURD &&
	       !(super->s_state & EXT2_ERROR_FS) &&
	       (super->s_feature_compat & EXT3_FEATURE_COMPAT_HAS_JOURNAL ||
		super->s_state & EXT2_VALID_FS);
}

void ext_features_judge(const struct ext2_super_block *super, struct fs_info *ret)
{
	const uint32_t bits[N_SETS] = {super->s_feature_compat, super->s_feature_ro_compat,
				       super->s_feature_incompat};
	struct judgement judgement = {0};
	const char *problem = state_problem(super);

	for (enum set set = COMPAT; set < N_SETS; set++)
		for (uint32_t bit = 1; bit; bit <<= 1)
			if (bits[set] & bit)
				judge_bit(&judgement, set, bit);
	ret->type = type_name(super);
	ret->features = judgement.names.len ? buffer_steal(&judgement.names) : NULL;
	ret->readable = !judgement.no_read;
	ret->writable = !judgement.no_write && !problem;
	ret->copied = !ret->writable && !judgement.no_mount && state_mends(super);
	if (judgement.no_read)
		ret->why_not = steal(judgement.no_read);
	else if (problem)
		ret->why_not = xstrdup(problem);
	else if (judgement.no_write)
		ret->why_not = steal(judgement.no_write);
	free(judgement.no_read);
	free(judgement.no_write);
}
