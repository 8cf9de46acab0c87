#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What libsolv keeps in the work directory makes the next plan faster and never another: not when it was cut off or
# damaged, nor when several processes make it at the same time.  Nor does it matter how the indexes are packed.
set -u
. "$(dirname "$0")/../lib.sh"
command -v rpmdb > /dev/null || skip "no rpmdb"
here=$(dirname "$(realpath "$0")") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

plan() { timeout 60 "$BUILD/tests/rpm_resolve_tool" "$work/database" sqlite "$work/$1" "$work/base" "$work/updates"; }
same() { cmp -s "$work/first" "$1" || { diff "$work/first" "$1"; fail "$2"; }; }

python3 "$here/rpm-universe.py" repositories "$work" 7 > /dev/null || fail "no repositories"
mkdir "$work/database"
python3 "$here/rpm-universe.py" installed "$work" 7 1 |
	rpmdb --dbpath "$work/database" --define '_db_backend sqlite' --importdb || fail "no package database"
plan solv > "$work/first" || fail "no plan"
[ "$(wc -l < "$work/first")" -gt 10 ] || fail "hardly anything was planned"
ls "$work"/solv/*.solv "$work"/solv/*.solvx > /dev/null || fail "nothing was kept"

plan solv > "$work/second"; same "$work/second" "another plan from the caches"
for file in "$work"/solv/*; do
	truncate -s -100 "$file"
	plan solv > "$work/cut"; same "$work/cut" "another plan after $file was cut off"
	for at in 0 20 $(($(stat -c %s "$file") / 2)); do
		printf 'x\377y' | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
		plan solv > "$work/damaged"; same "$work/damaged" "another plan after $file was damaged at $at"
	done
done
for n in 1 2 3; do plan shared > "$work/at-once.$n" & done
wait
for n in 1 2 3; do same "$work/at-once.$n" "another plan by processes that share the caches"; done
[ -z "$(find "$work/solv" "$work/shared" -name '.tmp*')" ] || fail "temporary files were left"
# However they are packed: as several streams, too, as pixz and pbzip2 write them.
cp -r "$work/updates" "$work/whole"
pack() { # PACKER SUFFIX
	rm -rf "$work/updates" && cp -r "$work/whole" "$work/updates"
	for file in "$work"/updates/repodata/{primary,filelists,updateinfo}.xml; do
		{ head -c 30000 "$file" | "$1" -c; tail -c +30001 "$file" | "$1" -c; } >"$file.$2" && rm "$file"
	done
	sed -Ei "s,href=\"repodata/[^\"]*,&.$2," "$work/updates/repodata/repomd.xml"
}
for packing in 'gzip gz' 'xz xz' 'zstd zst' 'bzip2 bz2'; do
	pack $packing # two words
	plan "solv-${packing#* }" >"$work/packed"; same "$work/packed" "another plan from several streams of ${packing% *}"
done
# Indexes that nobody vouched for.
refused() { # MESSAGE SED-SCRIPT INDEX: that index, changed so
	local file
	rm -rf "$work/updates" "$work/fresh" && cp -r "$work/whole" "$work/updates"
	file=$(echo "$work"/updates/repodata/*$3*)
	case $file in *.gz) zcat "$file" | sed -E "$2" | gzip >"$work/x" ;; *) sed -E "$2" "$file" >"$work/x" ;; esac
	cmp -s "$file" "$work/x" && fail "nothing was changed in $file"
	mv "$work/x" "$file"
	plan fresh >"$work/refused" 2>&1
	grep -qF -- "$1" "$work/refused" || { head -n 5 "$work/refused"; fail "not said: $1"; }
}
refused "error mirror: $work/updates/repodata/repomd.xml names no primary index" 's/type="primary"/type="other"/' repomd.xml
refused "which the mirror snapshot does not have: the mirror is incomplete" 's,href="repodata/[^"]*primary,href="repodata/absent-primary,' repomd.xml
refused " not where it is" 's,<location [^>]*>,,' primary
refused "repodata/repomd.xml: it cannot be read: " 's,</revision>,,' repomd.xml
# Cut off, or not packed at all.
damaged() { # MESSAGE: of the primary index
	rm -rf "$work/fresh"
	plan fresh >"$work/refused" 2>&1
	grep -qF -- "primary.xml.xz: it cannot be read: $1; make the mirror snapshot again" "$work/refused" || { head -n 5 "$work/refused"; fail "not said: $1"; }
}
pack xz xz; truncate -s -100 "$work/updates/repodata/primary.xml.xz"
damaged "it cannot be decompressed"
cp "$work/whole/repodata/primary.xml" "$work/updates/repodata/primary.xml.xz"
damaged "cannot be decompressed: not in the format its name says"
echo "the same plan with and without caches"
