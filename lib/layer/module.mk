# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/layer/ahead.c \
	lib/layer/content.c \
	lib/layer/contexts.c \
	lib/layer/diff.c \
	lib/layer/entry.c \
	lib/layer/labels.c \
	lib/layer/limits.c \
	lib/layer/listing.c \
	lib/layer/make.c \
	lib/layer/store.c \
	lib/layer/tar_member.c \
	lib/layer/tar_read.c \
	lib/layer/tar_write.c \
	lib/layer/view.c
UNIT_TESTS += tests/unit/layer_refused_test.c tests/unit/layer_store_test.c tests/unit/layer_tar_test.c tests/unit/limits_test.c

# What tests/image/layer-*.sh drive.
TEST_TOOLS += tests/image/layer_tool.c
