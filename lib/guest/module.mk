# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/guest/arch.c \
	lib/guest/crypttab.c \
	lib/guest/device.c \
	lib/guest/endoflife.c \
	lib/guest/fstab.c \
	lib/guest/guest.c \
	lib/guest/guest_value.c \
	lib/guest/guest_from_json.c \
	lib/guest/guest_json.c \
	lib/guest/identity.c \
	lib/guest/layout.c \
	lib/guest/layout_copies.c \
	lib/guest/layout_encrypted.c \
	lib/guest/mount.c \
	lib/guest/osrelease.c \
	lib/guest/root.c \
	lib/guest/systemd.c \
	lib/guest/volume.c
UNIT_TESTS += \
	tests/unit/fstab_test.c \
	tests/unit/guest_copies_test.c \
	tests/unit/guest_mounts_test.c \
	tests/unit/guest_systemd_test.c \
	tests/unit/guest_test.c \
	tests/unit/guest_value_test.c \
	tests/unit/osrelease_test.c
FUZZERS += tests/fuzz/osrelease.c tests/fuzz/fstab.c
