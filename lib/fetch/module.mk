# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/fetch/acquire.c \
	lib/fetch/choose.c \
	lib/fetch/choose_newer.c \
	lib/fetch/indexes.c \
	lib/fetch/layout.c \
	lib/fetch/mirror_list.c \
	lib/fetch/offers.c \
	lib/fetch/place.c \
	lib/fetch/want.c \
	lib/fetch/want_parse.c
UNIT_TESTS += tests/unit/want_test.c tests/unit/mirror_list_test.c
