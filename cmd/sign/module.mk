# SPDX-License-Identifier: GPL-2.0-or-later
PROGRAM_NAMES += coldpatch-sign
coldpatch-sign_SOURCES := cmd/sign/ahead.c cmd/sign/head.c cmd/sign/main.c cmd/sign/request.c
