# SPDX-License-Identifier: GPL-2.0-or-later
PROGRAM_NAMES += coldpatch-worker
coldpatch-worker_SOURCES := cmd/worker/main.c
