# SPDX-License-Identifier: GPL-2.0-or-later
# tests/unit/NAME_test.c is one Check program; the others are scripts that exit 0, 77 (skipped) or fail.

UNIT_PROGRAMS := $(UNIT_TESTS:tests/unit/%.c=$(BUILD)/tests/%)

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -pthread -o $@ $^ $(CHECK_LIBS) $(LIBS_LIBS)

check-unit: $(UNIT_PROGRAMS)
	tests/run $(UNIT_PROGRAMS)
check-layers:
	tests/layers
check-image: all
	tests/run $(sort $(wildcard tests/image/*.sh))
check-cli: all
	tests/run $(sort $(wildcard tests/cli/*.sh))
check-hostile: all
	tests/run $(sort $(wildcard tests/hostile/*.sh))

.PHONY: check-unit check-layers check-image check-cli check-hostile
