# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/record/bundle.c \
	lib/record/head.c \
	lib/record/head_sign.c \
	lib/record/keys.c \
	lib/record/purl.c \
	lib/record/record.c \
	lib/record/sign.c \
	lib/record/signing.c \
	lib/record/statement.c \
	lib/record/timestamp.c \
	lib/record/verify.c
UNIT_TESTS += \
	tests/unit/head_test.c \
	tests/unit/head_keys_test.c \
	tests/unit/head_sign_test.c \
	tests/unit/purl_test.c \
	tests/unit/record_test.c \
	tests/unit/record_verify_test.c
