# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/library/base.c \
	lib/library/base_chain.c \
	lib/library/base_place.c \
	lib/library/change.c \
	lib/library/clones.c \
	lib/library/clones_follow.c \
	lib/library/clones_json.c \
	lib/library/commit.c \
	lib/library/generations.c \
	lib/library/heads.c \
	lib/library/info.c \
	lib/library/inside.c \
	lib/library/library.c \
	lib/library/mounts.c \
	lib/library/owner.c \
	lib/library/policy.c \
	lib/library/publish.c \
	lib/library/recover.c \
	lib/library/retention.c \
	lib/library/retention_bases.c \
	lib/library/staging.c \
	lib/library/template.c \
	lib/library/template_holds.c \
	lib/library/trash.c
UNIT_TESTS += \
	tests/unit/clones_test.c \
	tests/unit/library_bases_test.c \
	tests/unit/library_chains_test.c \
	tests/unit/library_heads_test.c \
	tests/unit/library_owners_test.c \
	tests/unit/library_test.c \
	tests/unit/publish_test.c \
	tests/unit/retention_test.c
