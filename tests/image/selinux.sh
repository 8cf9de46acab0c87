#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# On a guest with a real policy each changed path gets the label that matchpathcon(8) gives, a label that the administrator
# chose stays, and no other path is labelled anew.  Without a usable policy the guest is told to label itself.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root for kernel mounts"
workdir
contexts=etc/selinux/default/contexts/files/file_contexts

# A policy store as the vendor's package makes it.
make_policy() { # DIRECTORY
	local work modules
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-policy.XXXXXX")
	chmod 755 "$work"
	(cd "$work" && apt-get download -q selinux-policy-default && dpkg -x selinux-policy-default_*.deb root) || return 1
	mkdir -p "$work/root/var/lib/selinux/default"
	printf 'SELINUX=enforcing\nSELINUXTYPE=default\n' > "$work/root/etc/selinux/config"
	mapfile -t modules < <(sed "s|.*|-i$work/root/usr/share/selinux/default/&.pp.bz2|" "$work/root/usr/share/selinux/default/.modules")
	semodule -n -p "$work/root" -s default "${modules[@]}" && mkdir "$1" && cp -a "$work/root/etc" "$1"
	local status=$?
	rm -rf "$work"
	return $status
}
make_guest() { # RAW
	qemu-img convert -O raw "$(mini_guest)" "$1" && change_guest "$1" add_policy "$(make_once selinux-policy make_policy)"
}
add_policy() { # POLICY; in the guest's root
	cp -a "$1/etc/selinux" etc
	mkdir -p srv/www
	echo page | tee srv/www/page.html etc/other > /dev/null
	setfiles -r . "$contexts" . || return 1
	setfattr -n security.selinux -v 'system_u:object_r:public_content_t:s0' srv/www/page.html
	setfattr -n security.selinux -v 'system_u:object_r:tmp_t:s0' etc/other
}
guest=$(make_once selinux.raw make_guest)

new_files() { # TREE: one of each type, in places that the policy tells apart
	mkdir -p "$1"/{etc/cron.d,usr/sbin,lib/systemd/system,var/log/victim,usr/lib/x86_64-linux-gnu,opt/odd}
	for file in etc/cron.d/victim usr/sbin/victimd lib/systemd/system/victim.service var/log/victim/log usr/lib/x86_64-linux-gnu/libvictim.so.1 opt/odd/file; do
		echo victim > "$1/$file"
	done
	ln -s libvictim.so.1 "$1/usr/lib/x86_64-linux-gnu/libvictim.so"
}
new_files "$WORK/files"
# The script changes a file with a label of the administrator's, one with a wrong label, and makes a hardlink and a fifo.
victim_update 'echo more >> /srv/www/page.html; echo more >> /etc/other; ln /etc/cron.d/victim /etc/cron.d/twin; mkfifo /var/log/victim/pipe' "$WORK/files"
mkdir "$WORK/output"
apply_to "$guest"
expect 0 "${APPLY[@]}"

mount_copy() { # IMAGE NAME
	qemu-img convert -O raw "$1" "$WORK/$2.raw" && mkdir "$WORK/$2" || fail "copy $1"
	mount -o "loop,ro,offset=$(($(sfdisk -J "$WORK/$2.raw" | jq '.partitiontable.partitions[0].start') * 512))" "$WORK/$2.raw" "$WORK/$2" ||
		fail "mount $2"
}
trap 'umount "$WORK/before" "$WORK/after" 2>/dev/null; rm -rf "$WORK"' EXIT
mount_copy "$guest" before
mount_copy "$WORK/output/overlay.qcow2" after

cat > "$WORK/compare.py" <<'EOT'
import os, stat, subprocess, sys
before, after, contexts = sys.argv[1:]
TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "lnk_file", stat.S_IFIFO: "pipe"}
def label(path):
    try:
        return os.getxattr(path, "security.selinux", follow_symlinks=False).rstrip(b"\0").decode()
    except OSError:
        return None
def state(path):
    try:
        s = os.lstat(path)
    except FileNotFoundError:
        return None
    content = open(path, "rb").read() if stat.S_ISREG(s.st_mode) else None
    return s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns, content
changed, bad = {}, 0
for directory, names, files in os.walk(after):
    for name in names + files:
        path = os.path.join(directory, name)
        inside = path[len(after):]
        if state(path) != state(before + inside):
            changed[inside] = TYPES[stat.S_IFMT(os.lstat(path).st_mode)]
        elif label(path) != label(before + inside):
            print("relabelled though unchanged:", inside); bad += 1
for inside, kind in changed.items():
    expected = subprocess.run(["matchpathcon", "-n", "-f", contexts, "-m", kind, inside], capture_output=True, text=True).stdout.strip()
    if inside == "/srv/www/page.html":
        expected = "system_u:object_r:public_content_t:s0"
    if expected == "<<none>>":
        expected = label(before + inside)
    found = label(after + inside)
    if found != expected:
        print(f"{inside}: {found}, matchpathcon: {expected}"); bad += 1
print(len(changed), "changed")
for name in ["/etc/cron.d/victim", "/etc/other", "/srv/www/page.html", "/var/log/victim/pipe", "/usr/lib/x86_64-linux-gnu/libvictim.so"]:
    assert name in changed, name
if label(after + "/etc/cron.d/victim") == label(after + "/etc/other"):
    print("all labels are the same"); bad += 1
sys.exit(bad != 0)
EOT
python3 "$WORK/compare.py" "$WORK/before" "$WORK/after" "$WORK/after/$contexts" || fail "labels"
[ ! -e "$WORK/after/.autorelabel" ] || fail "/.autorelabel is there"
umount "$WORK/before" "$WORK/after"

# The run itself changes what the policy says of a file: the new policy counts.
rm -rf "$WORK/output"/* "$WORK/after"
victim_update "echo '/etc/cron\\.d/victim -- system_u:object_r:victim_t:s0' > /$contexts.local" "$WORK/files"
expect 0 apply --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox --output "$WORK/output/overlay.qcow2" --record "$WORK/output/record.json" "$guest"
mount_copy "$WORK/output/overlay.qcow2" after
[ "$(getfattr --only-values -n security.selinux "$WORK/after/etc/cron.d/victim" 2>/dev/null | tr -d '\0')" = system_u:object_r:victim_t:s0 ] || fail "the new policy did not count"
umount "$WORK/after"

# Policies that cannot be used, or are switched off.
unusable() { # NAME WARNING COMMAND: how the guest is changed, in its root; WARNING "" for none
	cp --sparse=always "$guest" "$WORK/$1.raw"
	change_guest "$WORK/$1.raw" bash -c "$3"
	rm -rf "$WORK/output"/* "$WORK/after"
	apply_to "$WORK/$1.raw"
	expect 0 "${APPLY[@]}" --json
	mount_copy "$WORK/output/overlay.qcow2" after
	if [ -n "$2" ]; then
		jq -r '.warnings[]' "$OUT" | grep -qF "SELinux: $2" || { jq .warnings "$OUT"; fail "$1: no warning"; }
		jq -r '.warnings[]' "$OUT" | grep -qF "; what changed has no labels, and the guest labels all its files when it starts (/.autorelabel)" ||
			{ jq .warnings "$OUT"; fail "$1: the warning does not say what follows"; }
		[ -e "$WORK/after/.autorelabel" ] || fail "$1: no /.autorelabel"
	else
		! jq -r '.warnings[]' "$OUT" | grep SELinux || fail "$1: a warning"
		[ ! -e "$WORK/after/.autorelabel" ] || fail "$1: /.autorelabel"
	fi
	umount "$WORK/after"
}
unusable missing "there is no /etc/selinux/default/contexts/files/file_contexts" "rm $contexts*"
unusable damaged "/etc/selinux/default/contexts/files/file_contexts: " "echo '/etc( -- system_u:object_r:etc_t:s0' >> $contexts"
unusable name "/etc/selinux/config names no policy" 'echo SELINUXTYPE=../../x >> etc/selinux/config'
unusable off "" "sed -i s/enforcing/disabled/ etc/selinux/config; rm $contexts"
unusable compiled "" "head -c 4096 /dev/urandom > $contexts.bin; touch -d tomorrow $contexts.bin"
