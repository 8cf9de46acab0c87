#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is not an image, not one that can be trusted, or not one of a guest that can be patched: each has its own message and
# exit code, no byte of it changes, and nothing is left behind.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
victim_update
mkdir "$WORK/i"
cd "$WORK/i"

# Any write changes ctime, which nobody can set back.
state() { find . -printf '%p %i %m %s %T@ %C@\n' | sort; }
unchanged() { # CODE MESSAGE IMAGE [OPTION...]
	local before
	before=$(state)
	refused "$@"
	[ "$before" = "$(state)" ] || fail "$3: something was changed"
}
# A copy of the tiny guest, changed by a function in its root.
guest() { # NAME FUNCTION ARGS...
	rm -f ./*.raw
	cp --sparse=always "$(tiny_guest)" "$1.raw"
	change_guest "$1.raw" "${@:2}"
}
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; } # FILE OFFSET BYTES

# Not an image.
echo "this is a text file" > text
unchanged 65 'not an image: neither qcow2 nor a raw disk with a partition table or a known file system' ./text
: > empty
unchanged 65 'not an image' ./empty
mkdir directory
unchanged 65 'is a directory, not an image file' ./directory
unchanged 66 'No such file or directory' ./absent
ln -s text link
unchanged 65 'is a symbolic link; give the file itself' ./link
mkfifo pipe
unchanged 65 'is a fifo, not an image file' ./pipe
rm pipe
qemu-img create -q -f vmdk a.vmdk 1M
unchanged 65 'is a VMDK image; only qcow2 and raw are supported' ./a.vmdk
qemu-img create -q -f vdi a.vdi 1M
unchanged 65 'is a VDI image; only qcow2 and raw are supported' ./a.vdi
head -c 2M /dev/zero > zeros
unchanged 65 'not an image' ./zeros

# qcow2 that is damaged or wants too much.
qemu-img convert -O qcow2 "$(tiny_guest)" good.qcow2
head -c 50 good.qcow2 > header-cut.qcow2
unchanged 65 'truncated: the header lies beyond the end of the file' ./header-cut.qcow2
head -c 5000000 good.qcow2 > cut.qcow2
unchanged 65 'truncated: an L2 table lies beyond the end of the file' ./cut.qcow2
cp good.qcow2 bits.qcow2 && poke bits.qcow2 76 '\200'
unchanged 65 'unknown incompatible feature bits 0x80000000' ./bits.qcow2
qemu-img create -q -f qcow2 -o data_file=data.raw external.qcow2 1M
unchanged 65 'its data is in an external data file, which is not supported' ./external.qcow2
qemu-img create -q -f qcow2 -b good.qcow2 -F qcow2 top.qcow2
unchanged 65 'backing file good.qcow2 was not given; give it with --backing' ./top.qcow2
unchanged 66 'backing file absent.qcow2, which was given: No such file or directory' ./top.qcow2 --backing absent.qcow2
qemu-img create -q -f qcow2 -b /etc/passwd -F raw -u steals.qcow2 1M
unchanged 65 'backing file /etc/passwd was not given' ./steals.qcow2
cp good.qcow2 loop.qcow2 && qemu-img rebase -u -f qcow2 -b loop.qcow2 -F qcow2 loop.qcow2
unchanged 65 'is above it: a loop' ./loop.qcow2 --backing ./loop.qcow2
# Without luck qemu-img cannot measure how fast the processor is.
for _ in $(seq 50); do
	qemu-img create -q -f qcow2 -o encrypt.format=luks,encrypt.key-secret=s --object secret,id=s,data=x luks.qcow2 1M && break
done
unchanged 65 'encrypted (method 2), which is not supported' ./luks.qcow2
cp good.qcow2 dirty.qcow2 && poke dirty.qcow2 79 '\003'
unchanged 65 'marked corrupt; look at it with qemu-img check' ./dirty.qcow2

# Open for writing elsewhere.
coproc qemu-io -f qcow2 good.qcow2
until [ "$(cat /proc/locks | grep -c ":$(stat -c %i good.qcow2) ")" -gt 0 ]; do sleep 0.05; done
refused 75 'is open for writing by another process' ./good.qcow2
echo quit >&"${COPROC[1]}"
wait "$COPROC_PID"

# No guest in it, or not one of ours.
truncate -s 64M blank.raw && mke2fs -q -t ext4 blank.raw
unchanged 65 'no operating system found in blank.raw: no file system has etc/os-release' ./blank.raw
guest nameless sh -c 'rm etc/os-release && echo NAME=Nothing >etc/os-release'
unchanged 65 'os-release has no ID' ./nameless.raw
guest foreign-os sh -c 'rm etc/os-release && printf "ID=slackware\nVERSION_ID=15\nNAME=Slackware\n" >etc/os-release'
unchanged 78 'patchset debian-12-all is for debian 12, but the guest is slackware 15: choose another patchset' ./foreign-os.raw
guest newer sh -c 'sed -i "s/^VERSION_ID=.*/VERSION_ID=13/" usr/lib/os-release'
unchanged 78 'but the guest is debian 13' ./newer.raw
elf() { for f in usr/bin/dash usr/bin/bash usr/bin/dpkg; do [ ! -e $f ] || printf '\267' | dd of=$f bs=1 seek=18 conv=notrunc status=none; done; }
guest arm elf
unchanged 65 'the guest is aarch64 and this host is ' ./arm.raw
guest half sed -i '/^Package: victim$/,/^$/s/^Status: .*/Status: install ok half-configured/' var/lib/dpkg/status
unchanged 65 'package victim is half-configured (1 in all are not sound): boot the guest and run dpkg --configure -a' ./half.raw
guest journal sh -c 'mkdir -p var/lib/dpkg/updates; printf "Package: victim\nStatus: install ok unpacked\n\n" >var/lib/dpkg/updates/0000'
unchanged 65 'dpkg was interrupted (/var/lib/dpkg/updates/0000 is there)' ./journal.raw
guest no-dpkg sh -c 'rm -r var/lib/dpkg'
unchanged 65 'no known package database in the guest: looked for /var/lib/dpkg/status, /var/lib/rpm' ./no-dpkg.raw
guest broken-status sh -c 'head -c 30000 /dev/zero | tr "\\0" x >var/lib/dpkg/status'
unchanged 65 'var/lib/dpkg/status: line 1: not a "Field: value" line' ./broken-status.raw
