# SPDX-License-Identifier: GPL-2.0-or-later
# tests/unit/NAME_test.c is one Check program; the others are scripts that exit 0, 77 (skipped) or fail.

UNIT_PROGRAMS := $(UNIT_TESTS:tests/unit/%.c=$(BUILD)/tests/%)

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -pthread -o $@ $^ $(CHECK_LIBS) $(LIBS_LIBS)

unit-programs: $(UNIT_PROGRAMS)
print-unit-programs:
	@echo $(UNIT_PROGRAMS)
check-unit: $(UNIT_PROGRAMS)
	tests/run $(UNIT_PROGRAMS)
.PHONY: unit-programs print-unit-programs check-unit
