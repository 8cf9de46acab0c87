#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Which files of /etc/apt/preferences.d count: those that the guest's apt reads.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root to change the guest"
workdir
guest=$WORK/guest.raw
cp --sparse=always "$(tiny_guest)" "$guest"
victim_update

pin() { # NAME; in the guest's root
	rm -rf etc/apt/preferences.d && mkdir etc/apt/preferences.d && printf 'Package: victim\nPin: version 1.0\nPin-Priority: 1001\n' > "etc/apt/preferences.d/$1"
}
plan() { expect "$1" plan --patchset debian-12-all --snapshot "$SNAPSHOT" "$guest"; }

for name in local local.pref 99.local.pref 50-x.y.pref pgdg:x.pref a_B-9; do
	change_guest "$guest" pin "$name"
	plan 2
	grep -q "left *victim *pinned: the guest's apt preferences choose 1.0" "$OUT" || { cat "$OUT"; fail "$name does not count"; }
done
for name in .hidden .pref local.txt local.PREF local.pref.bak local.pref~ local. 'sp ace' a+b.pref; do
	change_guest "$guest" pin "$name"
	plan 0
	grep -q "update *victim *1.0 -> 2.0" "$OUT" || { cat "$OUT"; fail "$name counts"; }
done

others() { # what is no file is passed over, a link to one is read
	pin local
	mv etc/apt/preferences.d/local etc/pins
	mkdir etc/apt/preferences.d/disabled etc/apt/preferences.d/old.pref && mkfifo etc/apt/preferences.d/fifo &&
		ln -s /nowhere etc/apt/preferences.d/dangling && ln -s /etc/pins etc/apt/preferences.d/link
}
change_guest "$guest" others
plan 2
grep -q "left *victim *pinned" "$OUT" || { cat "$OUT"; fail "the link does not count"; }

unfinished() { # the last line of a file ends with the file, and so does what it says
	rm -rf etc/apt/preferences.d/* && printf 'Package: victim\nPin: version 1.0\nPin-Priority: 1001' > etc/apt/preferences &&
		printf 'Package: dpkg\nPin: version 1*\nPin-Priority: 1001' | tee etc/apt/preferences.d/a > etc/apt/preferences.d/b
}
change_guest "$guest" unfinished
plan 2
grep -q "left *victim *pinned" "$OUT" || { cat "$OUT"; fail "records of two files are taken for one"; }
