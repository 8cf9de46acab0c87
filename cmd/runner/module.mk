# SPDX-License-Identifier: GPL-2.0-or-later
# Static: it runs where nothing of the host is.
RUNNER_SOURCES := $(wildcard cmd/runner/*.c) lib/run/calls.c lib/run/job.c \
	lib/guest/device.c lib/guest/fstab.c \
	lib/base/buffer.c lib/base/error.c lib/base/json.c lib/base/memory.c lib/base/text.c
PROGRAMS += $(BUILD)/coldpatch-runner
$(BUILD)/coldpatch-runner: $(patsubst %.c,$(BUILD)/obj/%.o,$(RUNNER_SOURCES))
	$(CC) -static $(LDFLAGS) -o $@ $^ -ljansson -lseccomp
