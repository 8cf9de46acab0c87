# SPDX-License-Identifier: GPL-2.0-or-later
# Takes ten minutes and more; BENCH_RUNS=1 for a first look.
bench: deps
	$(MAKE) all
	BUILD=$(abspath $(BUILD)) bench/run
.PHONY: bench
