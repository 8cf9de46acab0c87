# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += lib/rpm/rpm_header.c
