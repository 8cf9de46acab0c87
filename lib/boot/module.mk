# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/boot/bls.c \
	lib/boot/boot.c \
	lib/boot/check.c \
	lib/boot/grub.c \
	lib/boot/initramfs.c \
	lib/boot/kernels.c \
	lib/boot/loader.c \
	lib/boot/menu.c
UNIT_TESTS += tests/unit/boot_menu_test.c tests/unit/boot_test.c
