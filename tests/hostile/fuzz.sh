#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every parser of untrusted bytes that has a fuzz target survives a few seconds of libFuzzer, with the address sanitizer.
. "$(dirname "$0")/../lib.sh"
[ -n "${COLDPATCH_TEST_FULL:-}" ] || skip "builds the library again: make check-full"
type clang++ >/dev/null 2>&1 || skip "needs clang"
seconds=${COLDPATCH_FUZZ_SECONDS:-5}

workdir
make -s -C "$TEST_TOP" -j2 BUILD="$BUILD" fuzz >"$WORK/make.log" 2>&1 || { tail -n 20 "$WORK/make.log"; fail "make fuzz"; }
fuzzers=$(make -s -C "$TEST_TOP" print-fuzzers)
[ "$(wc -w <<< "$fuzzers")" -ge 7 ] || fail "only these fuzz targets: $fuzzers"
for name in $fuzzers; do
	mkdir -p "$WORK/seeds/$name"
	[ ! -d "$TEST_TOP/tests/fuzz/$name" ] || cp "$TEST_TOP/tests/fuzz/$name"/* "$WORK/seeds/$name"
done
mkdir -p "$WORK/files/directory"
head -c 5000 /dev/zero > "$WORK/files/directory/file"
ln -s directory/file "$WORK/files/link"
mke2fs -q -t ext4 -d "$WORK/files" "$WORK/seeds/fs_image/ext4" 256k >/dev/null 2>&1 || fail "mke2fs"
for name in $fuzzers; do
	"$BUILD/fuzz/$name.fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$WORK/$name-" \
		"$WORK/seeds/$name" >"$WORK/log" 2>&1 || {
		tail -n 40 "$WORK/log"
		for input in "$WORK/$name"-*; do [ ! -e "$input" ] || { echo "${input##*/}, base64 of gzip:"; gzip -9 < "$input" | base64 | head -n 100; }; done
		fail "$name"
	}
	echo "$name: $(grep -c '' "$WORK/log") lines, $(grep -o 'Done [0-9]* runs' "$WORK/log")"
done
