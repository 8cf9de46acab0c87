#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What fetch brings for real guests is what the vendor's own apt had found to be needed (make-mirror asks it, with the
# guest's dpkg status), the package of a new kernel included; and a plan on it is a plan on everything.  Guests that are
# asked for together get what each of them needs, not what a guest that is all of them would need.  The guest with a kernel takes
# minutes to make: with COLDPATCH_TEST_FULL.
set -u
. "$(dirname "$0")/../lib.sh"
workdir
cd "$WORK" || exit 1
small=$(small_guest) small_archive=$(small_mirror)
if [ -n "${COLDPATCH_TEST_FULL:-}" ]; then large=$(demo_guest) large_archive=$(demo_mirror); else large=$small large_archive=$small_archive small=$(mini_guest); fi
fetch() { expect 0 mirror fetch --quiet --keyring "$KEYRING" "$@"; }
pool() { (cd "$1/pool" && find . -type f | sort); }

expect 0 mirror want -o large.want "$large"
grep -qx "large.want: 1 images, 1 different, [0-9]* packages" "$OUT" || fail "told otherwise: $(cat "$OUT")"
fetch --want large.want -o fetched --source "$large_archive"
expect_message "warning: no source has bookworm, bookworm-updates: nothing is fetched of that"
diff <(pool "$large_archive") <(pool fetched) || fail "other packages than apt's"
[ -n "$(pool fetched)" ] || fail "nothing was needed: this test shows nothing"
if [ -n "${COLDPATCH_TEST_FULL:-}" ]; then
	grep -q 'linux-image-6.*-amd64_' <(pool fetched) || fail "no new kernel"
	grep -q 'package linux-image-[0-9.-]*-amd64 ' large.want && ! grep -qF "package $(pool fetched | sed -n 's/.*\(linux-image-[0-9].*-amd64\)_.*/\1/p') " large.want ||
		fail "the kernel is not a new package"
fi

plan() { # MIRROR: the changes
	rm -rf store
	expect 0 mirror snapshot --quiet --keyring "$KEYRING" "$1"
	expect 0 plan --quiet --patchset debian-12-all --json "$large"
	jq -S '[.plan.changes, .plan.left]' "$OUT"
}
plan "$large_archive" >plan-of-everything
plan fetched >plan-of-fetched
cmp plan-of-everything plan-of-fetched || fail "a plan on what was fetched is another than one on everything"

# Two guests in one file, in either order; and the same as two files.
expect 0 mirror want -o both.want "$small" "$large"
expect 0 mirror want -o both-2.want "$large" "$small" "$large"
cmp both.want both-2.want || fail "the order of the images shows"
expect 0 mirror want --patchset debian-12-openssl -o openssl.want "$large"
grep -qx 'update named libssl3 openssl' openssl.want || fail "the patchset does not show"
expect 0 mirror want -o small.want "$small"
expect 0 mirror want "$small"
cmp "$OUT" small.want || fail "what is printed is not what is written"
fetch --want both.want -o both --source "$large_archive" --source "$small_archive"
for archive in "$large_archive" "$small_archive"; do [ -z "$(comm -23 <(pool "$archive") <(pool both))" ] || fail "one of two guests lacks something"; done
fetch --want small.want --want large.want -o both-3 --source "$large_archive" --source "$small_archive"
diff <(pool both) <(pool both-3) || fail "two want files are another thing than one"
fetch --want openssl.want -o openssl --source "$large_archive"
[ "$(pool openssl | sed 's|.*/\(.*\)_.*_.*|\1|' | tr '\n' ' ')" = "libssl3 openssl " ] || fail "named: $(pool openssl)"

# What cannot be asked for, names the image.
expect 66 mirror want ./nothing.qcow2
expect_message "./nothing.qcow2"
expect 78 mirror want --patchset debian-13-all "$small"
expect_message "$(basename "$small"): "
expect 64 mirror want -o both.want "$small"
expect_message "both.want: is there already; name another file"
echo "what is fetched is what apt would take"
