#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Past chain-depth the next generation lies straight on the base: the same tree as an ordinary one, file by file; the
# generations between are not needed any more, and stay what they are.  Where it cannot be, the chain grows on, and says so.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
here=$TEST_TOP/tests/image
L=$WORK/library
other=$WORK/other
T=$L/templates/mini
mkdir "$WORK/a" "$WORK/b"
trap 'umount "$WORK/a" "$WORK/b" 2>/dev/null; rm -rf "$WORK"' EXIT

of() { jq -r "$1" "$OUT"; }
disk() { echo "$T/$1/disk0.qcow2"; }
backing() { (cd / && qemu-img info -U --output=json "$1") | jq -r '."backing-filename"'; }
statement() { jq -r .dsseEnvelope.payload "$1/record.sigstore.json" | base64 -d; }
layer_of() { statement "$1" | jq -r '.predicate.runDetails.byproducts[] | select(.name == "layer").digest.sha256'; }
# The guest's file system of an image, as a file.
partition() { # IMAGE FILE
	local start size
	qemu-img convert -U -O raw "$1" "$WORK/whole.raw"
	read -r start size < <(sfdisk -J "$WORK/whole.raw" | jq -r '.partitiontable.partitions[0] | "\(.start) \(.size)"')
	dd if="$WORK/whole.raw" of="$2" bs=512 skip="$start" count="$size" conv=sparse status=none
	rm "$WORK/whole.raw"
}
compare() { # FILE FILE [OPTION...]: the kernel's view of both
	local status
	mount -o loop,ro,noload "$1" "$WORK/a" && mount -o loop,ro,noload "$2" "$WORK/b" || fail mount
	"$here/treediff.py" "$WORK/a" "$WORK/b" "${@:3}" >"$WORK/differences"
	status=$?
	umount "$WORK/a" "$WORK/b" || fail umount
	return $status
}
# What each version ships, and what its script does: files and directories come and go, links and what they replace.
version() { # VERSION: a snapshot of a mirror that has it
	local files=$WORK/files script deb
	rm -rf "$files" "$WORK/mirror"
	mkdir -p "$files/usr/share/victim/tree/deep"
	echo same >"$files/usr/share/victim/tree/same"
	echo "$1" >"$files/usr/share/victim/tree/deep/changed"
	ln -s same "$files/usr/share/victim/tree/to-$1"
	truncate -s 1M "$files/usr/share/victim/sparse"
	echo end >>"$files/usr/share/victim/sparse"
	touch -d 2020-01-01 "$files/usr/share/victim/sparse" "$files/usr/share/victim/tree/same"
	case $1 in
	2.0)
		echo gone >"$files/usr/share/victim/tree/gone"
		echo linked >"$files/usr/share/victim/tree/first"
		ln "$files/usr/share/victim/tree/first" "$files/usr/share/victim/tree/second"
		script='d=/var/lib/victim; mkdir -p $d/swap/in $d/keep; echo 1 >$d/swap/in/file; echo 1 >$d/turned
			echo hard >$d/one; ln $d/one $d/two; ln $d/one $d/three; echo x >$d/keep/x; mkfifo $d/pipe; chmod 4755 $d/one'
		;;
	3.0)
		echo linked >"$files/usr/share/victim/tree/first"
		ln "$files/usr/share/victim/tree/first" "$files/usr/share/victim/tree/third"
		script='d=/var/lib/victim; rm -r $d/swap; ln -s keep $d/swap; rm $d/turned $d/two; mkdir $d/turned
			echo 2 >$d/turned/file; ln $d/one $d/four; chown 1:2 $d/keep; rm -rf $d/pipe'
		;;
	4.0) script='d=/var/lib/victim; rm $d/swap; mkdir $d/swap; echo 3 >$d/swap/again; rm -r $d/turned; echo 3 >$d/turned' ;;
	*) script='d=/var/lib/victim; rm -rf $d/one; echo $0 >$d/last' ;;
	esac
	deb=$(victim_deb "$1" "$WORK" "$script" "$files") || exit 1
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot -L "$L" --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	SNAPSHOT=$(of '.digest // .[0].digest')
}
snapshot_in() { expect 0 mirror snapshot -L "$1" --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"; }
patch_in() { expect 0 apply -L "$1" --json mini --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox; }
update() { # VERSION: the next generation
	version "$1"
	patch_in "$L"
}
squashed() { # true or false
	[ "$(of .squashed)" = "$1" ] || { jq . "$OUT"; fail "generation $(of .generation): squashed is $(of .squashed)"; }
}
verifies() { ! "$BUILD/coldpatch" verify --help | grep -qw NAME || expect 0 verify -L "$L" "$1"; } # every record, head and disk of it
no_squash_warning() { ! of '.warnings[]' | grep -F "cannot be squashed" || fail "a warning that is none"; }

expect 0 init -L "$L"
echo "chain-depth: 2" >"$L/coldpatch.yaml"
cp --sparse=always "$(mini_guest)" "$WORK/mini.qcow2"
base=$(sha256sum <"$WORK/mini.qcow2")
hex=${base%% *}
expect 0 import -L "$L" "$WORK/mini.qcow2" --name mini
update 2.0
squashed false
update 3.0
squashed false
no_squash_warning
[ "$(backing "$(disk 2)")" = ../1/disk0.qcow2 ] || fail "generation 2 lies on $(backing "$(disk 2)")"

# A second library goes on from here, and never squashes.
cp -a "$L" "$other"
echo "chain-depth: 64" >"$other/coldpatch.yaml"

# --- past the depth
expect 0 clone -L "$L" mini@1 "$WORK/clone.qcow2"
for i in 0 1 2; do partition "$(disk $i)" "$WORK/g$i.part"; sha256sum "$(disk $i)"; done >"$WORK/disks"
qemu-img convert -U -O raw "$WORK/clone.qcow2" "$WORK/clone.raw"
update 4.0
squashed true
no_squash_warning
cp "$OUT" "$WORK/document.json"
"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" apply "$WORK/document.json" || fail "it does not fit docs/apply.schema.json"
[ "$(backing "$(disk 3)")" = "../../../bases/$hex" ] || fail "generation 3 lies on $(backing "$(disk 3)")"
sha256sum -c --quiet "$WORK/disks" || fail "an earlier generation changed"
[ "$(sha256sum <"$WORK/mini.qcow2")" = "$base" ] || fail "the base changed"

# Its tree is that of generation 2 and the new layer, as an ordinary commit makes it.
partition "$(disk 3)" "$WORK/g3.part"
"$BUILD/tests/layer_tool" commit "$L" "$(layer_of "$T/3")" / "$WORK/g2.part" "$WORK/ordinary.qcow2" || fail "layer_tool"
qemu-img convert -O raw "$WORK/ordinary.qcow2" "$WORK/ordinary.part"
compare "$WORK/g3.part" "$WORK/ordinary.part" || { head "$WORK/differences"; fail "squashed is another tree than ordinary"; }
e2fsck -fn "$WORK/g3.part" >/dev/null 2>&1 || fail "e2fsck"
mount -o loop,ro,noload "$WORK/g3.part" "$WORK/a" || fail mount
v=$WORK/a/var/lib/victim s=$WORK/a/usr/share/victim
[ -d "$v/swap" ] && [ "$(ls "$v/swap")" = again ] && [ -f "$v/turned" ] && [ ! -e "$v/two" ] && [ ! -e "$v/pipe" ] || { ls -lR "$v"; fail "what replaced what"; }
[ "$(stat -c '%h %a' "$v/one")" = "3 4755" ] && [ "$v/one" -ef "$v/four" ] && [ "$v/one" -ef "$v/three" ] || { ls -li "$v"; fail "hardlinks"; }
[ "$(stat -c %u:%g "$v/keep")" = 1:2 ] && [ ! -e "$s/tree/gone" ] && [ ! -e "$s/tree/first" ] && [ "$(readlink "$s/tree/to-4.0")" = same ] || fail "owners, deletions, links"
umount "$WORK/a"

# The same update in the library that does not squash: the same but for what a run writes about itself.
snapshot_in "$other"
patch_in "$other"
squashed false
[ "$(backing "$other/templates/mini/3/disk0.qcow2")" = ../2/disk0.qcow2 ] || fail "the other library squashed"
partition "$other/templates/mini/3/disk0.qcow2" "$WORK/other.part"
cat >"$WORK/exceptions" <<-END
/var/log/dpkg.log content the time of the run
END
compare "$WORK/g3.part" "$WORK/other.part" --ignore mtime --exceptions "$WORK/exceptions" || { head "$WORK/differences"; fail "another tree than in the other library"; }
rm "$WORK"/*.part

# --- its record
statement "$T/3" >"$WORK/statement"
[ "$(jq -r '.predicate.buildDefinition.internalParameters.squashed | join(" ")' "$WORK/statement")" = "$(layer_of "$T/1") $(layer_of "$T/2")" ] || fail "squashed: $(cat "$WORK/statement")"
dependency() { jq -r --arg n "$1" '[.predicate.buildDefinition.resolvedDependencies[] | select(.annotations.name == $n or .name == $n)][0].digest.sha256' "$WORK/statement"; }
[ "$(dependency parent)" = "$hex" ] || fail "its parent: $(dependency parent)"
[ "$(dependency parent-record)" = "$(sha256sum <"$T/2/record.sigstore.json" | cut -d' ' -f1)" ] || fail "its parent-record"
verifies mini@3
verifies mini
expect 0 verify --record "$T/3/record.sigstore.json" --parent-record "$T/2/record.sigstore.json" --parent-record "$T/1/record.sigstore.json" \
	--parent-record "$T/0/record.sigstore.json" "$(disk 3)"
! grep -qE '^(gap|bad)' "$OUT" || { cat "$OUT"; fail "its record does not lead back to the import"; }
expect 0 history -L "$L" mini
grep -qE '^ +`- 3 \(current\) .*squashed with 2 before' "$OUT" || { cat "$OUT"; fail "history does not show it"; }
expect 0 history -L "$L" --json mini
[ "$(of '.generations[3] | "\(.before) \(.below) \(.squashed | length) \(.bases[0].digest)"')" = "2 null 2 $hex" ] || fail "history: $(of '.generations[3]')"
cp "$OUT" "$WORK/document.json"
"$TEST_TOP/tests/cli/schema.py" "$TEST_TOP/docs" history "$WORK/document.json" || fail "it does not fit docs/history.schema.json"
expect 0 status -L "$L" mini --json
[ "$(of '.templates[0].chain_depth')" = 1 ] || fail "status: chain depth $(of '.templates[0].chain_depth')"

# --- what lies between can go: all but what the clone is backed by, and the layers that the next squash is made of
touch -d '60 days ago' "$L"/layers/* "$L"/plans/*
expect 0 prune -L "$L" mini --keep-last 1
[ ! -e "$(disk 2)" ] && [ -e "$(disk 1)" ] && [ -e "$(disk 3)" ] || { cat "$OUT"; fail "prune"; }
qemu-img compare -q -U "$WORK/clone.qcow2" "$WORK/clone.raw" || fail "the clone reads other bytes"
verifies mini

# While the record of a pruned one cannot be read, nobody knows what the layers before it are needed for.
record=$T/2/record.sigstore.json
layers=$(ls "$L/layers")
cp -a "$record" "$WORK/record" && chmod u+w "$record" && echo >>"$record"
expect 0 prune -L "$L" mini --keep-last 1
expect_message "layers and plans are all kept: a record that may name them cannot be read"
[ "$(ls "$L/layers")" = "$layers" ] || { cat "$OUT"; fail "a layer was taken that a squash needs"; }
cp -a --remove-destination "$WORK/record" "$record"

# The next ones: an ordinary one on generation 3, then a squash over generations of which one is gone.
update 5.0
squashed false
[ "$(backing "$(disk 4)")" = ../3/disk0.qcow2 ] || fail "generation 4 lies on $(backing "$(disk 4)")"
cp -a "$L" "$WORK/before"
update 6.0
squashed true
[ "$(backing "$(disk 5)")" = "../../../bases/$hex" ] || fail "generation 5 lies on $(backing "$(disk 5)")"
verifies mini

# --- a layer that is not there, or is not what it was: an ordinary overlay, and why
again() { # WHY: generation 5 once more, from the library of before
	mv "$L" "$WORK/after" && mv "$WORK/before" "$L" && cp -a "$L" "$WORK/before"
	rm -rf "$WORK/after"
}
first=$(layer_of "$T/1")
again
rm -r "$L/layers/$first"
snapshot_in "$L"
patch_in "$L"
squashed false
of '.warnings[]' | grep -qF "the chain grows past chain-depth, as it cannot be squashed: layer $L/layers/$first" || { of '.warnings[]'; fail "no warning about the missing layer"; }
[ "$(backing "$(disk 5)")" = ../4/disk0.qcow2 ] || fail "generation 5 lies on $(backing "$(disk 5)")"
verifies mini
again
cp "$L/layers/$(layer_of "$T/2")/layer.tar.zst" "$L/layers/$first/layer.tar.zst"
snapshot_in "$L"
patch_in "$L"
squashed false
of '.warnings[]' | grep -qF "cannot be squashed: layer $L/layers/$first" || { of '.warnings[]'; fail "no warning about the damaged layer"; }
# A record between that does not verify.
again
sed -i 's/"payload":"./"payload":"A/' "$T/1/record.sigstore.json"
snapshot_in "$L"
patch_in "$L"
squashed false
of '.warnings[]' | grep -qF "cannot be squashed: generation 2: its record does not lead back to an import" || { of '.warnings[]'; fail "no warning about the record"; }
[ -z "$(ls -A "$WORK/scratch")" ] || fail "something is left in scratch"
