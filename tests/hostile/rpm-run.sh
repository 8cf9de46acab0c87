#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong while an RPM guest is patched: each with its own message and exit code, nothing left behind, the image as it was.
. "$(dirname "$0")/../lib.sh"
needs_rpm_material
workdir
guest=$(rpm_mini_guest) || exit 1
before=$(sha256sum < "$guest")
PATCHSET=fedora-all

say() { echo "== $*"; }
patched() { # IMAGE: the update is done
	apply_to "$@"
	rm -rf "$WORK/output"; mkdir "$WORK/output"
	expect "${CODE:-0}" "${APPLY[@]}" --json
}

# warns TEXT: the guest printed it, says the summary of what was patched, and its record alone
warns() {
	jq -e --arg text "printed in the guest: $1" '.warnings | any(. == $text)' "$OUT" >/dev/null || { cat "$OUT"; fail "the summary does not warn: $1"; }
	jq -r .dsseEnvelope.payload "$WORK/output/record.json" | base64 -d |
		jq -e --arg text "printed in the guest: $1" '.predicate.buildDefinition.internalParameters.warnings == [$text]' >/dev/null ||
		fail "the record does not have the warning: $1"
}

left_behind() { # REASON DETAIL IMAGE [PATCHSET]: victim stays as it is, says the plan
	expect 2 plan --json --patchset "${4:-$PATCHSET}" --snapshot "$SNAPSHOT" "$3"
	jq -e --arg reason "$1" --arg detail "$2" '.plan.left | length == 1 and (.[0] | .name == "victim" and .reason == $reason and (.detail | contains($detail)))' \
		"$OUT" >/dev/null || { jq .plan.left "$OUT"; fail "victim is not left behind as $1: $2"; }
}

say "%pre fails: the package keeps its old version, and is named"
rpm_victim_update $'%pre\necho no; exit 1'
refused_in_run 79 'package victim-2.0-1.noarch: %prein scriptlet failed, exit status 1' "$guest"
grep -q '^no$' "$RUN/log" || fail "the log does not have what the script said"

say "%pretrans fails: its words, where rpm says only that the package was skipped"
rpm_victim_update $'%pretrans -p <lua>\nerror("no")'
refused_in_run 79 'package victim-2.0-1.noarch: lua script failed: [string "%pretrans(victim-2.0-1.noarch)"]:1: no' "$guest"

say "%post fails: a warning, in the summary and in the record"
rpm_victim_update $'%post\nexit 3'
patched "$guest"
warns "package victim-2.0-1.noarch: %post scriptlet failed, exit status 3"
expect 0 inspect --packages --backing "$(realpath "$guest")" "$WORK/output/overlay.qcow2"
grep -qE '^victim +2.0-1' "$OUT" || { cat "$OUT"; fail "no victim 2.0 in the new image"; }

rm -rf "$WORK/output"

say "%post in Lua fails: the same"
rpm_victim_update $'%post -p <lua>\nerror("no")'
patched "$guest"
warns "package victim-2.0-1.noarch: %post Lua script failed: 1: no"
rm -rf "$WORK/output"

say "a script that says it of another package: the record has it as what it is"
rpm_victim_update $'%post\necho "warning: %post(bash-5-1.noarch) scriptlet failed, exit status 3"'
patched "$guest"
warns "package bash-5-1.noarch: %post scriptlet failed, exit status 3"
rm -rf "$WORK/output"

say "a package that has /proc and other directories of mounts"
mkdir -p "$WORK/files"/{proc,sys,dev,run}
rpm_victim_update '' "$WORK/files"
patched "$guest"
rm -rf "$WORK/output" "$WORK/files"

say "a package with files where the run mounts its own: done, as on a machine whose /run, /tmp and /dev go with it"
mkdir -p "$WORK/files"/{run/victim,tmp,dev,var/run/victim}
for file in run/victim/a tmp/b dev/c var/run/victim/d; do echo x > "$WORK/files/$file"; done
link_run() { rm -rf var/run && ln -s /run var/run; }
qemu-img convert -O raw "$guest" "$WORK/linked.raw" && change_guest "$WORK/linked.raw" link_run || fail "link /var/run"
rpm_victim_update '' "$WORK/files"
patched "$WORK/linked.raw"
jq -e '.warnings == []' "$OUT" >/dev/null || { jq .warnings "$OUT"; fail "warnings of what is not in an image"; }
rm -rf "$WORK/output" "$WORK/files" "$WORK/linked.raw"

say "a file of another package is in the way"
mkdir -p "$WORK/files/usr/bin"; echo mine > "$WORK/files/usr/bin/bash"
rpm_victim_update '' "$WORK/files"
refused_in_run 79 'file /usr/bin/bash from install of victim-2.0-1.noarch conflicts with file' "$guest"

say "a script that makes the guest one that the next update would refuse"
rpm_victim_update $'%post\nmkdir -p /usr/share/rpm; cp /var/lib/rpm/rpmdb.sqlite /usr/share/rpm/'
refused_in_run 79 'check of the new overlay: after the update: there are two package databases' "$guest"
rpm_victim_update $'%posttrans\nrm -rf /var/lib/rpm'
refused_in_run 79 'check of the new overlay: after the update: ' "$guest"
rpm_victim_update $'%post\nmkdir /ostree'
refused_in_run 79 "check of the new overlay: after the update: the guest's system is replaced as a whole (OSTree" "$guest"

say "a script that changes a file of its own package, or takes one away: which package to hold back, and held back it is"
mkdir -p "$WORK/own/opt/victim"; echo a > "$WORK/own/opt/victim/conf"
hold='it was damaged, or a script of the packages did it, which may be only below /etc and /var; where that is how victim is made, hold it back (holds: in the patchset)'
rpm_victim_update $'%post\nsed -i s/a/b/ /opt/victim/conf' "$WORK/own"
refused_in_run 79 "checking the files of victim: after the update /opt/victim/conf of victim 2.0-1 is not what the package brings: $hold" "$guest"
rpm_victim_update $'%post\nrm /opt/victim/conf' "$WORK/own"
refused_in_run 79 "checking the files of victim: after the update /opt/victim/conf of victim 2.0-1 is missing: $hold" "$guest"
printf 'version: 1\nname: held\nos: {id: fedora}\nscope: all\nholds: [victim]\n' > "$WORK/held.yaml"
left_behind held victim "$guest" "$WORK/held.yaml"
rm -r "$WORK/own"

say "a package with a device node, which no user namespace makes; and with an epoch, which rpm prints"
mkdir -p "$WORK/node/usr/share/victim"; mknod "$WORK/node/usr/share/victim/null" c 1 3
VICTIM_FIELDS='Epoch: 3' rpm_victim_update '' "$WORK/node"
refused_in_run 79 '(device nodes and ids above 65535 need --executor appliance)' "$guest"
expect_message 'package victim-3:2.0-1.noarch: unpacking of archive failed'
rm -rf "$WORK/node"

say "what the new version needs is not to be had: left behind, with the reason"
VICTIM_FIELDS='Requires: nothing-like-this'
rpm_victim_update
left_behind depends 'nothing-like-this' "$guest"

say "the new version conflicts with what is there"
VICTIM_FIELDS='Conflicts: bash'
rpm_victim_update
unset VICTIM_FIELDS
left_behind would-remove 'conflicts with bash: bash-' "$guest"

say "the mirror lacks the package that its index names"
rpm_victim_update
rm "$WORK"/mirror/Packages/victim-2.0-1.noarch.rpm
pin_rpm_mirror
left_behind not-on-mirror 'the index names it, but its package file is not there' "$guest"

say "it is of a module stream that is not enabled"
rpm_victim_update
cat > "$WORK/modules.yaml" <<'EOT'
---
document: modulemd
version: 2
data:
  name: victim
  stream: "2"
  version: 1
  context: aaaa
  arch: x86_64
  summary: A module
  description: A module for tests.
  license: {module: [MIT]}
  artifacts: {rpms: [victim-0:2.0-1.noarch]}
...
EOT
printf 'version: 1\nname: victim\ndescription: t\nos: {id: fedora}\nscope: named\npackages: [victim]\n' > "$WORK/victim.yaml"
"$TEST_TOP/test-images/make-rpm-mirror" -o "$WORK/mirror" --key "$(rpm_key)" --distro cpe:/o:fedoraproject:fedora:38 --modules "$WORK/modules.yaml" \
	"$WORK/victim-2.0-1.noarch.rpm" || fail "make-rpm-mirror"
pin_rpm_mirror
left_behind pinned 'it is of the module stream victim:2, which is not enabled in the guest' "$guest" "$WORK/victim.yaml"

say "the administrator locked its version"
lock_victim() { mkdir -p etc/dnf/plugins && echo 'victim-0:1.0-1.*' > etc/dnf/plugins/versionlock.list; }
qemu-img convert -O raw "$guest" "$WORK/locked.raw" && change_guest "$WORK/locked.raw" lock_victim || fail "lock"
rpm_victim_update
left_behind held 'locked in the guest by /etc/dnf/plugins/versionlock.list: victim-0:1.0-1.*' "$WORK/locked.raw"
rm "$WORK/locked.raw"

say "the disk is too small"
mkdir -p "$WORK/large/usr/share/victim"; head -c 140M /dev/urandom > "$WORK/large/usr/share/victim/data"
rpm_victim_update '' "$WORK/large"
refused 65 'guest file system / is too small: needs' "$guest"
rm -rf "$WORK/large"

say "a script that hangs"
rpm_victim_update $'%post\nsleep 1000'
refused_in_run 75 'did not end within 20 s' "$guest" --deadline 20

[ "$before" = "$(sha256sum < "$guest")" ] || fail "the guest was written to"
