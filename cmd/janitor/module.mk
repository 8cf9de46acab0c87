# SPDX-License-Identifier: GPL-2.0-or-later
PROGRAM_NAMES += coldpatch-janitor
coldpatch-janitor_SOURCES := cmd/janitor/main.c
