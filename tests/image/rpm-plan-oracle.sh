#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For random guests the plan is what `dnf --installroot ... --assumeno update` would do, with the same repositories; and that for
# security updates alone what it would do with --security.
# The packages are made up (rpm-universe.py): only headers and indexes, which is all that a planner reads.
set -u
. "$(dirname "$0")/../lib.sh"
command -v dnf > /dev/null || skip "no dnf"
guests=${GUESTS_N:-20} seed=${SEED:-1}
[ -z "${COLDPATCH_TEST_FULL:-}" ] || guests=200

here=$(dirname "$(realpath "$0")") work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
universe() { /usr/bin/python3 "$here/rpm-universe.py" "$@"; }

# What dnf would do, one line for each package: NAME.ARCH VERSION, and "- NAME.ARCH" for what is replaced.
dnf_plan() { # ROOT [OPTION...]
	timeout 120 dnf --installroot="$1" --releasever=1 --setopt=cachedir="$work/cache" --setopt=reposdir="$work/none" \
		--setopt=varsdir="$work/none" --setopt=pluginpath="$work/none" --setopt=keepcache=1 --setopt=allow_vendor_change=0 \
		--setopt=installonly_limit=0 --setopt=metadata_expire=-1 --forcearch=x86_64 --repofrompath=base,"$work/base" \
		--repofrompath=updates,"$work/updates" --nogpgcheck --assumeno update "${@:2}" > "$work/dnf.out" 2> "$work/dnf.err"
	grep -q -e 'Operation aborted' -e 'Nothing to do' "$work/dnf.out" "$work/dnf.err" || {
		cat "$work/dnf.out" "$work/dnf.err" >&2; return 1; }
	awk '/^Skipping packages|^Transaction Summary/ { on = 0 }
		/^(Upgrading|Installing|Installing dependencies|Installing weak dependencies|Removing|Downgrading):/ { on = $1; next }
		/^ *replacing / { sub(/\.$/, "", $2); print "- " $2; next }
		on && NF >= 5 { print (on == "Removing:" ? "- " : "") $1 "." $2, $3 }' "$work/dnf.out" | LC_ALL=C sort
}

our_plan() { # DATABASE [OPTION...]
	timeout 60 "$BUILD/tests/rpm_resolve_tool" "${@:2}" "$1" sqlite "$work/solv" "$work/base" "$work/updates" > "$work/our.out" || {
		cat "$work/our.out" >&2; return 1; }
	awk '$1 != "left" && $3 == "-" { print "- " $1 } $1 != "left" && $3 != "-" { print $1, $3 }' "$work/our.out" | LC_ALL=C sort
}

compare() { # ROOT DATABASE [OPTION]
	dnf_plan "$1" "${@:3}" > "$work/dnf.plan" || fail "guest $n: dnf ${*:3}"
	our_plan "$2" "${@:3}" > "$work/our.plan" || fail "guest $n: our plan ${*:3}"
	changed=$((changed + $(wc -l < "$work/dnf.plan"))) left=$((left + $(grep -c ^left "$work/our.out")))
	diff -u "$work/dnf.plan" "$work/our.plan" > "$work/diff" && return
	different=$((different + 1))
	echo "guest $n of seed $seed ${*:3}:"; cat "$work/diff"
}

universe repositories "$work" "$seed" || fail "no universe"
different=0 changed=0 left=0
for ((n = 1; n <= guests; n++)); do
	root=$work/root database=$work/root$(rpm --eval %_dbpath)
	rm -rf "$root"; mkdir -p "$database"
	universe installed "$work" "$seed" "$n" | rpmdb --dbpath "$database" --define '_db_backend sqlite' --importdb ||
		fail "guest $n: no package database"
	compare "$root" "$database"
	compare "$root" "$database" --security
done
echo "$guests guests, $changed changes, $left left behind, $different plans differ from dnf's"
[ "$changed" -gt $((guests * 10)) ] || fail "hardly anything was planned"
[ $different = 0 ] || fail "plans differ"
