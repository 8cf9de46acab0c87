# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/run/accounts.c \
	lib/run/appliance.c \
	lib/run/appliance_disk.c \
	lib/run/appliance_mounts.c \
	lib/run/calls.c \
	lib/run/capture.c \
	lib/run/capture_check.c \
	lib/run/capture_read.c \
	lib/run/capture_stream.c \
	lib/run/cgroup.c \
	lib/run/ids.c \
	lib/run/initramfs.c \
	lib/run/inodes.c \
	lib/run/job.c \
	lib/run/prepare.c \
	lib/run/report.c \
	lib/run/result.c \
	lib/run/run.c \
	lib/run/sandbox.c \
	lib/run/scratch.c \
	lib/run/served.c \
	lib/run/spawn.c \
	lib/run/view.c
UNIT_TESTS += \
	tests/unit/capture_test.c \
	tests/unit/run_host_test.c \
	tests/unit/run_report_test.c \
	tests/unit/run_view_test.c

# The sandbox as a program, for tests/image/sandbox-*.sh and tests/hostile/script-*.sh.
TEST_TOOLS += tests/unit/run_tool.c
