# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/boot/bls.c \
	lib/boot/boot.c \
	lib/boot/boottest.c \
	lib/boot/check.c \
	lib/boot/console.c \
	lib/boot/cpio.c \
	lib/boot/drivers.c \
	lib/boot/grub.c \
	lib/boot/initramfs.c \
	lib/boot/install.c \
	lib/boot/kernels.c \
	lib/boot/loader.c \
	lib/boot/machine.c \
	lib/boot/menu.c
UNIT_TESTS += tests/unit/boot_kernel_test.c tests/unit/boot_menu_test.c tests/unit/boot_run_test.c tests/unit/boot_test.c tests/unit/console_test.c
