# SPDX-License-Identifier: GPL-2.0-or-later
# tests/unit/NAME_test.c is one Check program; the others are scripts that exit 0, 77 (skipped) or fail.

UNIT_TESTS += tests/unit/seams_test.c
UNIT_PROGRAMS := $(UNIT_TESTS:tests/unit/%.c=$(BUILD)/tests/%)

# Its tables of back ends and families come first, so that the library's are not taken from the archive.
$(BUILD)/tests/seams_test: $(patsubst %,$(BUILD)/obj/tests/unit/%.o,seams_test dummy_fs dummy_family) $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -pthread -o $@ $^ $(CHECK_LIBS) $(LIBS_LIBS)
$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -pthread -o $@ $^ $(CHECK_LIBS) $(LIBS_LIBS)

TEST_TOOLS += tests/image/fault_tool.c

# A module's interface as a program, for scripts to drive.
TOOL_PROGRAMS := $(TEST_TOOLS:tests/unit/%.c=$(BUILD)/tests/%)
TOOL_PROGRAMS := $(TOOL_PROGRAMS:tests/image/%.c=$(BUILD)/tests/%)
$(BUILD)/tests/%_tool: $(BUILD)/obj/tests/image/%_tool.o $(LIBRARY)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -pthread -o $@ $^ $(LIBS_LIBS)

test-programs: $(UNIT_PROGRAMS) $(TOOL_PROGRAMS)
print-unit-programs:
	@echo $(UNIT_PROGRAMS)
check-unit: $(UNIT_PROGRAMS)
	tests/run $(UNIT_PROGRAMS)
.PHONY: test-programs print-unit-programs check-unit

# The targets of libFuzzer: `make fuzz`, then $(BUILD)/fuzz/NAME.fuzz tests/fuzz/NAME.  The library is built again for
# them, with its own directory of objects.
FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer-no-link,address
fuzz:
	$(MAKE) BUILD=$(BUILD)/fuzz CC=clang CXX=clang++ CFLAGS="$(FUZZ_FLAGS)" CXXFLAGS="$(FUZZ_FLAGS)" fuzz-programs
fuzz-programs: $(FUZZERS:tests/fuzz/%.c=$(BUILD)/%.fuzz)
$(BUILD)/%.fuzz: $(BUILD)/obj/tests/fuzz/%.o $(LIBRARY)
	$(CXX) $(LDFLAGS) -fsanitize=fuzzer,address -pthread -o $@ $^ $(LIBS_LIBS)
print-fuzzers:
	@echo $(FUZZERS:tests/fuzz/%.c=%)
.PHONY: fuzz fuzz-programs print-fuzzers
