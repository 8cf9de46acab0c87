# SPDX-License-Identifier: GPL-2.0-or-later
# PROGRAM_NAMES and NAME_SOURCES are read by the Makefile's `program` rule.
