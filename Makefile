# SPDX-License-Identifier: GPL-2.0-or-later
# One Makefile; each module adds its sources and tests in its own module.mk.
# `make deps` installs what is needed; `make demo` and `make check` call it by themselves.

BUILD := build
LIBRARY := $(BUILD)/libcoldpatch.a
SHARED := $(BUILD)/libcoldpatch.so.0

all:

# Without a configuration, only the goals that make one or need none can run.
ifneq ($(wildcard config.mk),)
include config.mk
endif

LIB_SOURCES :=
UNIT_TESTS :=
IMAGE_TESTS :=
PROGRAMS :=
FUZZERS :=

PROGRAM_NAMES :=

MODULES := base disk appliance fs guest boot mirror package plan run layer commit record session
include $(wildcard $(MODULES:%=lib/%/module.mk) cmd/module.mk cmd/*/module.mk)
include tests/module.mk docs/module.mk bench/module.mk

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wcast-qual -Wswitch-enum -Wformat=2 $(WERROR)
C_WARNINGS := $(WARNINGS) -Wmissing-prototypes
ALL_CPPFLAGS := -Ilib -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DCOLDPATCH_VERSION='"$(VERSION)"' \
	-DCOLDPATCH_LIBEXECDIR='"$(libexecdir)/coldpatch"' \
	-DCOLDPATCH_DATADIR='"$(datadir)/coldpatch"' $(LIBS_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS := -std=gnu11 -fPIC -fvisibility=hidden -pthread $(C_WARNINGS) $(CFLAGS)
ALL_CXXFLAGS := -std=c++17 -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(CXXFLAGS)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(patsubst %.cc,$(BUILD)/obj/%.o,$(1)))
LIB_OBJECTS := $(call objects,$(LIB_SOURCES))

all: $(LIBRARY) $(SHARED) $(PROGRAMS) man

configure: configure.ac
	autoconf -I /usr/share/aclocal
config.mk: configure config.mk.in
	./configure $(CONFIGURE_FLAGS)

$(BUILD)/obj/%.o: %.c config.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/%.o: %.cc config.mk
	@mkdir -p $(@D)
	$(CXX) $(ALL_CPPFLAGS) $(ALL_CXXFLAGS) -MMD -MP -c -o $@ $<

$(LIBRARY): $(LIB_OBJECTS)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^
# Linked with the C++ driver: the apt shim is inside.
$(SHARED): $(LIB_OBJECTS)
	$(CXX) -shared -Wl,-soname,libcoldpatch.so.0 -Wl,--no-undefined $(LDFLAGS) -o $@ $^ $(LIBS_LIBS)

# $(call program,NAME,SOURCES): a program of $(BUILD) that links the library.
define program
PROGRAMS += $(BUILD)/$(1)
$(BUILD)/$(1): $$(call objects,$(2)) $$(LIBRARY)
	$$(CXX) $$(LDFLAGS) -pthread -o $$@ $$^ $$(LIBS_LIBS)
endef
$(foreach name,$(PROGRAM_NAMES),$(eval $(call program,$(name),$($(name)_SOURCES))))
all: $(PROGRAMS)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
distclean: clean
	rm -rf config.mk config.log config.status configure configure~ autom4te.cache

format:
	git ls-files -c -o --exclude-standard '*.c' '*.h' '*.cc' | xargs clang-format -i

.PHONY: all clean distclean format
.DELETE_ON_ERROR:
.SECONDARY:
