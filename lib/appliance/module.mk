# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/appliance/appliance.c \
	lib/appliance/available.c \
	lib/appliance/console.c \
	lib/appliance/disk.c \
	lib/appliance/fixed.c \
	lib/appliance/fixed_build.c \
	lib/appliance/guestfs.c \
	lib/appliance/kernel.c \
	lib/appliance/kvm.c \
	lib/appliance/libguestfs.c \
	lib/appliance/probe_image.c
UNIT_TESTS += tests/unit/appliance_test.c tests/unit/kvm_test.c
TEST_TOOLS += tests/image/appliance_tool.c tests/image/appliance_job_tool.c
