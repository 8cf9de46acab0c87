# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/disk/backing.c \
	lib/disk/backing_files.c \
	lib/disk/block.c \
	lib/disk/block_server.c \
	lib/disk/chain.c \
	lib/disk/clear.c \
	lib/disk/confine.c \
	lib/disk/content.c \
	lib/disk/copy.c \
	lib/disk/convert.c \
	lib/disk/export.c \
	lib/disk/format.c \
	lib/disk/gpt.c \
	lib/disk/header.c \
	lib/disk/join.c \
	lib/disk/lock.c \
	lib/disk/luks.c \
	lib/disk/luks1.c \
	lib/disk/luks2.c \
	lib/disk/lvm.c \
	lib/disk/lvm_group.c \
	lib/disk/lvm_label.c \
	lib/disk/lvm_text.c \
	lib/disk/mbr.c \
	lib/disk/nbd.c \
	lib/disk/overlay.c \
	lib/disk/partition.c \
	lib/disk/serve.c \
	lib/disk/server.c \
	lib/disk/socket.c \
	lib/disk/source.c
UNIT_TESTS += \
	tests/unit/block_server_test.c \
	tests/unit/disk_chain_test.c \
	tests/unit/disk_content_test.c \
	tests/unit/disk_fuzz_test.c \
	tests/unit/disk_header_test.c \
	tests/unit/disk_serve_test.c \
	tests/unit/luks_test.c \
	tests/unit/lvm_test.c \
	tests/unit/lvm_text_test.c \
	tests/unit/partition_test.c
FUZZERS += tests/fuzz/qcow2_header.c tests/fuzz/partition_table.c tests/fuzz/lvm_metadata.c
