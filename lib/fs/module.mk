# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/fs/back_ends.c \
	lib/fs/copied.c \
	lib/fs/copied_names.c \
	lib/fs/copied_type.c \
	lib/fs/copies.c \
	lib/fs/copies_launch.c \
	lib/fs/ext.c \
	lib/fs/ext_acl.c \
	lib/fs/ext_alloc.c \
	lib/fs/ext_dir.c \
	lib/fs/ext_dir_write.c \
	lib/fs/ext_features.c \
	lib/fs/ext_inode.c \
	lib/fs/ext_io.c \
	lib/fs/ext_map.c \
	lib/fs/ext_node.c \
	lib/fs/ext_read.c \
	lib/fs/ext_stream.c \
	lib/fs/ext_write.c \
	lib/fs/ext_xattr.c \
	lib/fs/ext_xattr_write.c \
	lib/fs/fs.c \
	lib/fs/limited_names.c \
	lib/fs/probe.c \
	lib/fs/tree.c \
	lib/fs/type.c \
	lib/fs/walk.c \
	lib/fs/xattrs.c
FUZZERS += tests/fuzz/fs_image.c
UNIT_TESTS += tests/unit/ext_damage_test.c tests/unit/ext_io_test.c tests/unit/fs_test.c tests/unit/tree_test.c

# The interface as a program, for tests/image/ext-*.sh.
TEST_TOOLS += tests/unit/fs_tool.c
