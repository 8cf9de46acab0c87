#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What guest code finds in the sandbox is the guest (ids, xattrs, ACLs, capabilities, hardlinks, holes, times), and what is
# captured is what it changed, and nothing of ours: policy-rc.d, identity files, stubs, mounts.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root for the sandbox"
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-test.XXXXXX")
mounted=
trap '[ -z "$mounted" ] || umount "$mounted"; rm -rf "$WORK"' EXIT

# A guest of our own making: the small guest's tree with what is odd, on one ext4 file system.
tree=$WORK/tree
source=$(small_guest)
qemu-img convert -O raw "$source" "$WORK/source.raw" || fail "convert"
offset=$(sfdisk --json "$WORK/source.raw" 2>/dev/null | jq -r '[.partitiontable.partitions[]] | max_by(.size) | .start * 512')
mkdir "$WORK/mnt" "$tree"
mount -o "loop,ro${offset:+,offset=$offset}" "$WORK/source.raw" "$WORK/mnt" && mounted=$WORK/mnt || fail "mount"
cp -a "$WORK/mnt/." "$tree/" && umount "$mounted" && mounted=
mkdir "$tree/odd"
echo one >"$tree/odd/file"
touch -d @1000000000.123456789 "$tree/odd/file"
ln "$tree/odd/file" "$tree/odd/second"
truncate -s 10M "$tree/odd/sparse" && printf x | dd of="$tree/odd/sparse" bs=1 seek=5000000 conv=notrunc status=none
mknod "$tree/odd/null" c 1 3 && mkfifo "$tree/odd/fifo"
echo a >"$tree/odd/owned" && chown 60000:60001 "$tree/odd/owned" && chmod 4751 "$tree/odd/owned"
echo a >"$tree/odd/acl" && setfacl -m u:1234:rw,g:4321:r "$tree/odd/acl"
cp "$tree/bin/true" "$tree/odd/capable" && setcap cap_net_raw+ep "$tree/odd/capable"
setfattr -n user.note -v hello "$tree/odd/file"
echo a >"$tree/odd/large" # with an attribute that not every file system takes
echo a >"$tree/odd/$(printf 'caf\351')"
echo uninitialized >"$tree/etc/machine-id"
mkdir -p "$tree/etc/ssh" "$tree/etc/initramfs-tools/conf.d" && echo key >"$tree/etc/ssh/ssh_host_test_key"
echo MODULES=dep >"$tree/etc/initramfs-tools/initramfs.conf"
for program in grub-probe grub-install grub-mkrelpath; do # ones that would give themselves away
	printf '#!/bin/sh\necho the real %s\n' $program >"$tree/usr/sbin/$program"
	chmod 755 "$tree/usr/sbin/$program"
done
mkdir -p "$tree/opt" && cp "$tree/sbin/blkid" "$tree/bin/findmnt" "$tree/opt/"
printf '%s / ext4 defaults 0 1\n' UUID=01234567-89ab-cdef-0123-456789abcdef >"$tree/etc/fstab"
find "$tree/odd" -exec stat -c '%n %f %u:%g %h %s %Y' {} + | sed "s,^$tree,," | sort >"$WORK/expected"

image() { # the tree as it is now, as $WORK/guest.raw
	rm -f "$WORK/guest.raw"
	truncate -s 2G "$WORK/guest.raw"
	mke2fs -q -F -t ext4 -O ea_inode -U 01234567-89ab-cdef-0123-456789abcdef "$WORK/guest.raw" || fail "mke2fs"
	# In a mount namespace of its own: a copy of the mount in anybody else's would keep the file system open.
	unshare -m bash -c 'mount -o loop "$0" "$1" && cp -a "$2/." "$1/" && setfattr -n user.large -v "$3" "$1/odd/large" && umount "$1"' \
		"$WORK/guest.raw" "$WORK/mnt" "$tree" "$(printf %010000d 7)" ||
		fail "fill the image"
}
sandbox() { # COMMAND-LINE
	rm -rf "$WORK/scratch" && mkdir -m 700 "$WORK/scratch"
	"$BUILD/tests/run_tool" "$WORK/guest.raw" "$BUILD/coldpatch-runner" "$WORK/scratch" "$WORK/log" 120 sh "$1" >"$WORK/out" 2>"$WORK/err" ||
		{ cat "$WORK/err" "$WORK/log"; fail "exit $?"; }
}
logged() { grep -qxF -- "$1" "$WORK/log" || { cat "$WORK/log"; fail "log lacks: $1"; }; }
captured() { grep -qE -- "^T $1" "$WORK/out" || { grep "^T" "$WORK/out"; fail "capture lacks: $1"; }; }
not_captured() { ! grep -E -- "^T $1( |/)" "$WORK/out" || fail "captured: $1"; }
image

# The guest as it was seen from inside.
sandbox 'find /odd -exec stat -c "%n %f %u:%g %h %s %Y" {} + | sort; echo ==; stat -c %y /odd/file; stat -c %b /odd/sparse; \
	getfacl -nc /odd/acl | grep :1234:; getcap /odd/capable; od -An -c -j5000000 -N1 /odd/sparse'
diff "$WORK/expected" <(sed '1d;/^==/,$d' "$WORK/log") || fail "the view is not the guest"
sed '1,/^==$/d' "$WORK/log" >"$WORK/rest"
grep -q '^2001-09-09 01:46:40.123456789' "$WORK/rest" || fail "nanoseconds: $(head -1 "$WORK/rest")"
[ "$(sed -n 2p "$WORK/rest")" -lt 64 ] || fail "the hole was filled"
grep -qx 'user:1234:rw-' "$WORK/rest" && grep -qx '/odd/capable cap_net_raw=ep' "$WORK/rest" || { cat "$WORK/rest"; fail "xattrs"; }
not_captured /odd

# What it changes is what is captured.
sandbox 'cd /odd; chmod 600 second; mv owned moved; echo b >>sparse; echo b >>large; setcap cap_net_admin+ep capable; setfacl -m u:77:r acl; rm null; mkdir -m 2755 new; \
	ln -s ../x new/link; mkfifo new/pipe; touch -d @5.000000007 new; chown 65534:65533 new; mv /usr/share/common-licenses /usr/share/licenses'
captured '/odd/file 100600 0:0 nlink=2 size=4 content=4 origin=/odd/file .*user.note=5$'
captured '/odd/second 100600 0:0 nlink=2 size=4 content=0 origin=/odd/file '
captured '/odd/moved 104751 60000:60001 .*origin=/odd/owned '
captured '/odd/sparse .* size=10485762 content=[0-9]{4,5} '
captured '/odd/large .* user.large=10000$'
captured '/odd/capable .* security.capability=20$'
captured '/odd/acl .* system.posix_acl_access=60$'
captured '/odd/new 42755 65534:65533 .*origin=- '
captured '/odd/new/link 120777 .* target=../x'
captured '/odd/new/pipe 10644 '
captured '/usr/share/licenses/GPL-3 .*origin=/usr/share/common-licenses/GPL-3 '
not_captured /odd/null
not_captured /odd/fifo

# Owner and mode of /proc and /sys, which rpm sets when a package has it: done, as far as who asks can tell; of nothing else.
sandbox 'chown 0:0 /proc && chmod 555 /sys && chmod 555 /proc/ && cd / && chmod 555 proc && chown -h 0:0 proc && perl -e "open my \$d, q(<), q(/proc) or die; \
	chmod(0555, \$d) == 1 && chown(0, 0, \$d) == 1 or die; chdir q(/usr); chmod(0555, q(proc)) == 0 or die" && echo "as it was"; \
	chown 0:0 /proc/version || echo refused; chown 5:6 /odd/file && chmod 604 /odd/file; \
	mkdir -p /odd/root/proc /odd/root/sys; perl -e "chroot(q(/odd/root)) && chmod(0700, q(/proc)) == 1 && chown(7, 8, q(/sys/)) == 1 or die"'
logged 'as it was'
logged 'refused'
captured '/odd/file 100604 5:6 '
captured '/odd/root/proc 40700 0:0 '
captured '/odd/root/sys 40755 7:8 '

# Many hardlinks: the content of each goes with one of its names.
sandbox 'mkdir /many && cd /many && perl -e "for (1..50000) { open F, q(>), qq(a\$_) or die; print F q(x); close F; link qq(a\$_), qq(b\$_) or die }"'
[ "$(grep -c '^T /many/[ab][0-9]* 100644 0:0 nlink=2 size=1 content=' "$WORK/out")" = 100000 ] || fail "hardlinks are missing"
[ "$(grep -c '^T /many/[ab][0-9]* .* content=1 ' "$WORK/out")" = 50000 ] || fail "content of hardlinks twice, or not at all"

# Identity is put back, and nothing of ours stays or shows.
sandbox 'echo 0123456789abcdef0123456789abcdef >/etc/machine-id; rm /etc/ssh/ssh_host_test_key; echo minted >/etc/ssh/ssh_host_new_key; \
	cat /usr/sbin/policy-rc.d /etc/initramfs-tools/conf.d/zz-coldpatch; hostname; cat /proc/cmdline; ls /sys/block | wc -l; tail -n +2 /proc/swaps | wc -l'
logged 'exit 101'
logged 'MODULES=most'
grep -q 'warning: the guest asks for an initramfs' "$WORK/err" || fail "no warning about MODULES=dep"
grep -q 'info: /etc/machine-id was changed by the run and put back' "$WORK/err" || fail "no word about machine-id"
not_captured /etc/ssh/ssh_host_new_key
not_captured /usr/sbin/policy-rc.d
not_captured /etc/initramfs-tools/conf.d/zz-coldpatch
captured '/etc/machine-id 100644 0:0 nlink=1 size=14 content=14 '
captured '/etc/ssh/ssh_host_test_key 100644 0:0 nlink=1 size=4 content=4 '

# Questions about the machine are answered from the guest; writing boot code is listed, not done.
sandbox 'd=$(grub-probe --target=device /); grub-probe --device $d --target=fs_uuid; grub-probe -t fs /etc/passwd; ls /dev/disk/by-uuid; \
	blkid -s UUID -o value $d; findmnt -no FSTYPE,UUID /; grub-probe -t nonsense / && echo BAD; grub-probe -t fs /nowhere && echo BAD; \
	/usr/sbin/grub-install --target=i386-pc /dev/sda; echo install=$?; \
	PATH=/usr/bin:/sbin:/bin blkid -s UUID -o value $d; cmp /sbin/blkid /opt/blkid && cmp /usr/bin/findmnt /opt/findmnt && echo "to be copied"'
[ "$(grep -cxF 01234567-89ab-cdef-0123-456789abcdef "$WORK/log")" = 4 ] || { cat "$WORK/log"; fail "answers"; }
logged ext2
logged 'ext4 01234567-89ab-cdef-0123-456789abcdef'
logged 'install=0'
logged 'to be copied'
logged 'grub-probe: error: no answer for target nonsense.'
logged 'grub-probe: error: cannot find a device for /nowhere.'
grep -qE '^(the real|BAD)' "$WORK/log" && fail "a stub was not used"
grep -q '"grub-install --target=i386-pc /dev/sda"' "$WORK/out" || fail "the stub's call is not listed"
not_captured /usr/sbin/grub-install
not_captured /usr/bin/blkid
not_captured /usr/local/sbin/blkid
not_captured /usr/local/sbin/findmnt

# The guest's own policy-rc.d is there again after the run; a package may bring a file where ours was.
printf '#!/bin/sh\nexit 0\n' >"$tree/usr/sbin/policy-rc.d" && chmod 755 "$tree/usr/sbin/policy-rc.d"
image
sandbox 'cat /usr/sbin/policy-rc.d'
logged 'exit 101'
captured '/usr/sbin/policy-rc.d 100755 0:0 nlink=1 size=17 '
not_captured /usr/sbin/policy-rc.d.coldpatch
sandbox 'echo theirs >/usr/sbin/new && mv /usr/sbin/new /usr/sbin/policy-rc.d'
captured '/usr/sbin/policy-rc.d 100644 0:0 nlink=1 size=7 '
not_captured /usr/sbin/policy-rc.d.coldpatch
rm "$tree/usr/sbin/policy-rc.d" && image
sandbox 'echo theirs >/usr/sbin/new && mv /usr/sbin/new /usr/sbin/policy-rc.d'
captured '/usr/sbin/policy-rc.d 100644 0:0 nlink=1 size=7 '

# Symlinks that point out of the guest lead nowhere.
rm -rf "$tree/tmp" "$tree/usr/sbin/grub-install" && ln -s "$WORK/outside" "$tree/usr/sbin/grub-install" && ln -s ../../../../../../var/tmp "$tree/tmp"
rm "$tree/etc/machine-id" && ln -s "$WORK/outside" "$tree/etc/machine-id"
echo untouched >"$WORK/outside"
image
sandbox 'echo x >/tmp/mine; cat /etc/machine-id; rm -f /etc/machine-id; true'
[ "$(cat "$WORK/outside")" = untouched ] || fail "a file of the host was written"
[ ! -e /var/tmp/mine ] || fail "a file of the host was made"
captured '/etc/machine-id 120777 .* target='

# What the sandbox cannot hold is refused by name, and whom its packages could give such files to is named.
not_held() { # MESSAGE
	image
	rm -rf "$WORK/scratch" && mkdir -m 700 "$WORK/scratch"
	"$BUILD/tests/run_tool" "$WORK/guest.raw" "$BUILD/coldpatch-runner" "$WORK/scratch" "$WORK/log" 60 sh true >"$WORK/out" 2>"$WORK/err"
	status=$?
	[ $status = 71 ] || { cat "$WORK/err"; fail "exit $status with an id outside the range"; }
	grep -qF "$1, and the sandbox has ids below 65536 only; use --executor appliance" "$WORK/err" || { cat "$WORK/err"; fail "message"; }
}
cp "$tree/etc/passwd" "$WORK/passwd"
echo 'big:x:100000:100000::/srv:/bin/sh' >>"$tree/etc/passwd"
image
sandbox true
grep -qF 'big in /etc/passwd has id 100000, and the sandbox has ids below 65536 only: a file that a package gave it is not its own; --executor appliance has all ids' "$WORK/out" ||
	{ cat "$WORK/out"; fail "no warning about an account"; }
cp "$WORK/passwd" "$tree/etc/passwd"
touch "$tree/odd/far" && chown 70000 "$tree/odd/far"
not_held '/odd/far belongs to 70000:0'
