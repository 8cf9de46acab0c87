# SPDX-License-Identifier: GPL-2.0-or-later
# One Makefile; each module adds its sources and tests in its own module.mk.
# `make deps` installs what is needed; `make demo` and `make check` call it by themselves.

BUILD := build
LIBRARY := $(BUILD)/libcoldpatch.a
SHARED := $(BUILD)/libcoldpatch.so.0

all:

# These need no configuration: they work before there is one, and before what makes one is installed.
WITHOUT_CONFIG := deps demo demo-rpm check check-full clean distclean format
ifneq ($(filter-out $(WITHOUT_CONFIG),$(or $(MAKECMDGOALS),all)),)
include config.mk
endif

LIB_SOURCES :=
UNIT_TESTS :=
TEST_TOOLS :=
PROGRAMS :=
FUZZERS :=

PROGRAM_NAMES :=

MODULES := base rpm disk appliance fs guest boot mirror package plan fetch run layer commit record library session
include $(wildcard $(MODULES:%=lib/%/module.mk) cmd/module.mk cmd/*/module.mk)
include tests/module.mk docs/module.mk bench/module.mk

WARNINGS := -Wall -Wextra -Wshadow -Wvla -Wcast-qual -Wswitch-enum -Wformat=2 $(WERROR)
C_WARNINGS := $(WARNINGS) -Wmissing-prototypes
ALL_CPPFLAGS := -Ilib -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DCOLDPATCH_VERSION='"$(VERSION)"' \
	-DCOLDPATCH_LIBEXECDIR='"$(libexecdir)/coldpatch"' \
	-DCOLDPATCH_DATADIR='"$(datadir)/coldpatch"' $(LIBS_CFLAGS) $(GUESTFS_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS := -std=gnu11 -fPIC -fvisibility=hidden -pthread $(C_WARNINGS) $(CFLAGS)
ALL_CXXFLAGS := -std=c++17 -fPIC -fvisibility=hidden -pthread $(WARNINGS) $(CXXFLAGS)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(patsubst %.cc,$(BUILD)/obj/%.o,$(1)))
LIB_OBJECTS := $(call objects,$(LIB_SOURCES))

all: $(LIBRARY) $(SHARED) $(PROGRAMS) man

# What a fresh Debian 12 needs.  Installing asks for root; with all of it there, nothing is asked.
BUILD_PACKAGES := gcc g++ make autoconf pkg-config libjansson-dev libssl-dev libnbd-dev libext2fs-dev \
	libarchive-dev libzstd-dev libcyaml-dev libyaml-dev libseccomp-dev libapt-pkg-dev libguestfs-dev zlib1g-dev check scdoc \
	librpm-dev libsqlite3-dev libsolv-dev libsolvext-dev libmodulemd-dev libselinux1-dev libexpat1-dev libargon2-dev
RUN_PACKAGES := qemu-utils qemu-system-x86 e2fsprogs xfsprogs btrfs-progs dosfstools gpgv libguestfs0 supermin linux-image-cloud-amd64
TEST_PACKAGES := mmdebstrap debian-archive-keyring fdisk gdisk python3 python3-jsonschema acl attr libcap2-bin gpg gpg-agent dpkg-dev apt-utils \
	openssl jq procps xfsprogs xorriso erofs-utils initramfs-tools-core strace xz-utils zstd clang clang-format time \
	rpm createrepo-c dnf lvm2 btrfs-progs cryptsetup-bin mtools selinux-utils policycoreutils golang-github-knqyf263-go-rpmdb-dev

deps:
	@missing=$$(for package in $(BUILD_PACKAGES) $(RUN_PACKAGES) $(TEST_PACKAGES); do \
		dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	[ -z "$$missing" ] || { \
		as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
		$$as_root apt-get update && \
		$$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; }

configure: configure.ac
	autoconf -I /usr/share/aclocal
config.mk: configure .config.mk.in
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
	$(CXX) -shared -Wl,-soname,libcoldpatch.so.0 -Wl,--no-undefined -Wl,--as-needed $(LDFLAGS) -o $@ $^ $(LIBS_LIBS)

# $(call program,NAME,SOURCES): a program of $(BUILD) that links the library.
define program
PROGRAMS += $(BUILD)/$(1)
$(BUILD)/$(1): $$(call objects,$(2)) $$(LIBRARY)
	$$(CXX) $$(LDFLAGS) -Wl,--as-needed -pthread -o $$@ $$^ $$(LIBS_LIBS)
endef
$(foreach name,$(PROGRAM_NAMES),$(eval $(call program,$(name),$($(name)_SOURCES))))
all: $(PROGRAMS)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
distclean: clean
	rm -rf config.mk config.log config.status configure configure~ autom4te.cache

format:
	git ls-files -c -o --exclude-standard '*.c' '*.h' '*.cc' '*.hh' | xargs clang-format -i

# The guest of `make demo` takes about two minutes to make, and a gigabyte.
demo: deps
	$(MAKE) -j2 all
	BUILD=$(abspath $(BUILD)) tests/demo

# An RPM guest, of material beside this directory.
demo-rpm: deps
	$(MAKE) -j2 all
	BUILD=$(abspath $(BUILD)) tests/demo-rpm

# Everything: a few minutes of unit tests and scenarios first, then real images.
check: deps
	$(MAKE) -j2 all
	tests/all quick
check-full: check
	tests/all full

INSTALL := install
install: all
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir)/coldpatch $(DESTDIR)$(libdir)/pkgconfig \
		$(DESTDIR)$(includedir) $(DESTDIR)$(datadir)/coldpatch/patchsets $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 \
		$(DESTDIR)$(datadir)/bash-completion/completions
	$(INSTALL) -m 755 $(BUILD)/coldpatch $(DESTDIR)$(bindir)
	$(INSTALL) -m 755 $(addprefix $(BUILD)/coldpatch-,janitor runner sign worker) $(DESTDIR)$(libexecdir)/coldpatch
	$(INSTALL) -m 644 lib/coldpatch.h $(DESTDIR)$(includedir)
	$(INSTALL) -m 644 $(LIBRARY) $(SHARED) $(DESTDIR)$(libdir)
	ln -sf libcoldpatch.so.0 $(DESTDIR)$(libdir)/libcoldpatch.so
	sed 's|@prefix@|$(prefix)|; s|@libdir@|$(libdir)|; s|@includedir@|$(includedir)|; s|@version@|$(VERSION)|' docs/coldpatch.pc.in \
		> $(DESTDIR)$(libdir)/pkgconfig/coldpatch.pc
	$(INSTALL) -m 644 patchsets/*.yaml $(DESTDIR)$(datadir)/coldpatch/patchsets
	$(INSTALL) -m 644 $(filter %.1,$(MAN_PAGES)) $(DESTDIR)$(mandir)/man1
	$(INSTALL) -m 644 $(filter %.5,$(MAN_PAGES)) $(DESTDIR)$(mandir)/man5
	$(INSTALL) -m 644 docs/completion.bash $(DESTDIR)$(datadir)/bash-completion/completions/coldpatch

# One simple package, to be carried into an air gap.
deb: all
	BUILD=$(abspath $(BUILD)) VERSION=$(VERSION) RUN_PACKAGES="$(RUN_PACKAGES)" docs/make-deb

.PHONY: all clean deb demo demo-rpm check check-full deps distclean format install
.DELETE_ON_ERROR:
.SECONDARY:
