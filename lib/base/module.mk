# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SOURCES += \
	lib/base/archive.c \
	lib/base/base64.c \
	lib/base/buffer.c \
	lib/base/cipher.c \
	lib/base/decompress.c \
	lib/base/digest.c \
	lib/base/directory.c \
	lib/base/error.c \
	lib/base/file.c \
	lib/base/json.c \
	lib/base/json_document.c \
	lib/base/kdf.c \
	lib/base/key.c \
	lib/base/landlock.c \
	lib/base/lifetime.c \
	lib/base/memory.c \
	lib/base/monitor.c \
	lib/base/process.c \
	lib/base/checksum.c \
	lib/base/temporary.c \
	lib/base/text.c \
	lib/base/yaml.c \
	lib/base/zstd_stream.c
UNIT_TESTS += tests/unit/base_test.c tests/unit/key_test.c
