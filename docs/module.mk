# SPDX-License-Identifier: GPL-2.0-or-later
# The manual: docs/man/NAME.SECTION.scd becomes $(BUILD)/man/NAME.SECTION.
MAN_PAGES := $(patsubst docs/man/%.scd,$(BUILD)/man/%,$(wildcard docs/man/*.scd))

$(BUILD)/man/%: docs/man/%.scd config.mk
	@mkdir -p $(@D)
	$(SCDOC) <$< >$@

man: $(MAN_PAGES)
.PHONY: man
