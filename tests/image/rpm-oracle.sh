#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same result as the vendor's tool: the tree after `coldpatch apply` equals the tree after `yum update` of the same 91 packages from a
# file repository in a plain chroot, path by path, but for rpm-oracle.exceptions and for what yum keeps for itself in /var/lib/yum;
# `rpm -Va` says the same of both; so are the packages; and no package was installed before one that it needs where yum did not do
# so, too.  Only with COLDPATCH_TEST_FULL: two updates of a whole system.
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
[ -n "${COLDPATCH_TEST_FULL:-}" ] || skip "takes five minutes: COLDPATCH_TEST_FULL=1"
here=$(cd "$(dirname "$0")" && pwd)
workdir
trap 'umount -R "$WORK/vendor" "$WORK/ours" 2>/dev/null; rm -rf "$WORK"' EXIT
guest=$(centos_guest) && mirror=$(centos_mirror) && key=$(rpm_key) && keyring=$(centos_keyring) || exit 1

say() { echo "== $*"; }
mount_root() { # RAW DIRECTORY OPTIONS
	mkdir "$2"
	mount -o "loop,offset=$(($(sfdisk -J "$1" | jq '.partitiontable.partitions[0].start') * 512)),$3" "$1" "$2" || fail "mount $1"
}

vendor_update() { # ROOT
	local root=$1 node
	mount -t proc proc "$root/proc" && mount -t tmpfs -o mode=755 run "$root/run" && mount -t tmpfs -o mode=1777 tmp "$root/tmp" &&
		mount -t tmpfs -o mode=755 dev "$root/dev" || fail "mounts"
	for node in null zero full random urandom tty; do cp -a /dev/$node "$root/dev/$node"; done
	ln -s /proc/self/fd "$root/dev/fd"
	mkdir "$root/run/mirror" "$root/run/none" && mount --bind "$mirror" "$root/run/mirror" || fail "bind"
	printf '[main]\ncachedir=/run/cache\nlogfile=/run/yum.log\nobsoletes=1\ngpgcheck=0\nplugins=0\nreposdir=/run/none\n[b]\nname=b\nbaseurl=file:///run/mirror\n' \
		> "$root/run/yum.conf"
	chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C yum -y -c /run/yum.conf update > "$WORK/vendor.log" 2>&1 ||
		{ tail -n 30 "$WORK/vendor.log"; fail "yum update"; }
	umount "$root/run/mirror" "$root/proc" "$root/run" "$root/tmp" "$root/dev" || fail "umount"
}

say "coldpatch"
expect 0 mirror snapshot --os centos:7 --keyring "$key/keyring.gpg" --keyring "$keyring" "$mirror"
before=$(sha256sum < "$guest")
expect 0 apply "$guest" --patchset centos-7-all --executor sandbox --output "$WORK/overlay.qcow2" --record "$WORK/record.json"
[ "$before" = "$(sha256sum < "$guest")" ] || fail "the base was written to"
qemu-img convert -O raw "$WORK/overlay.qcow2" "$WORK/ours.raw"
mount_root "$WORK/ours.raw" "$WORK/ours" rw

say "the vendor's tool"
qemu-img convert -O raw "$guest" "$WORK/vendor.raw"
mount_root "$WORK/vendor.raw" "$WORK/vendor" rw
vendor_update "$WORK/vendor"

say "trees"
"$here/treediff.py" "$WORK/ours" "$WORK/vendor" --ignore mtime --exceptions "$here/rpm-oracle.exceptions" |
	grep -v '^/var/lib/yum/' > "$WORK/differences"
[ ! -s "$WORK/differences" ] || { cat "$WORK/differences"; fail "$(wc -l < "$WORK/differences") differences"; }

# The guest's rpm is asked from here on: it writes beside its database.
say "packages"
ask() { chroot "$WORK/$1" rpm "${@:2}"; }
for side in ours vendor; do
	mknod -m 666 "$WORK/$side/dev/urandom" c 1 9
	ask $side -qa --qf '%{NAME}.%{ARCH} %{EPOCH}:%{VERSION}-%{RELEASE}\n' | sort > "$WORK/$side.packages"
	ask $side -Va > "$WORK/$side.verify"
	ask $side -qa --qf '%{DBINSTANCE} %{NAME}\n' | sort -n | cut -d' ' -f2 > "$WORK/$side.order"
done
diff "$WORK/ours.packages" "$WORK/vendor.packages" || fail "package sets differ"
diff "$WORK/ours.verify" "$WORK/vendor.verify" || fail "rpm -Va differs"

say "order"
ask vendor -qa --qf '[%{=NAME}\tr\t%{REQUIRENAME}\n][%{=NAME}\tp\t%{PROVIDENAME}\n][%{=NAME}\tp\t%{FILENAMES}\n]' > "$WORK/needs"
python3 - "$WORK" <<'PY' || fail "the order differs"
import sys
work = sys.argv[1]
provides, requires, needs = {}, [], {}
for line in open(work + '/needs'):
    name, kind, what = line.rstrip('\n').split('\t')
    if kind == 'p':
        provides.setdefault(what, set()).add(name)
    else:
        requires.append((name, what))
for name, what in requires:
    needs.setdefault(name, set()).update(provides.get(what, ()))
def closure(name, known={}):
    if name not in known:
        seen, todo = set(), [name]
        while todo:
            for other in needs.get(todo.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        known[name] = seen
    return known[name]
ours, vendor = ([line.strip() for line in open(f'{work}/{side}.order')] for side in ('ours', 'vendor'))
place = {name: i for i, name in enumerate(vendor)}
bad = [(a, b) for i, a in enumerate(ours) for b in ours[i + 1:]
       if place[a] > place[b] and b in closure(a) and a not in closure(b)]
for a, b in bad:
    print(f'{a} before {b}, which it needs; yum did it the other way round')
sys.exit(bool(bad))
PY
say "equal"
