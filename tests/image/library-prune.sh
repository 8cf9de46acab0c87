#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prune takes nothing that somebody came to need while it was looking, nor a generation that lies below another one
# through a base: a clone that was changed and imported again.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
command -v strace >/dev/null || skip "needs strace"
workdir
L=$WORK/library
export COLDPATCH_LIBRARY=$L
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$WORK"' EXIT

disk() { echo "$L/templates/$1/$2/disk0.qcow2"; }
mirror() { # VERSION: a snapshot that has it
	local deb
	deb=$(victim_deb "$1" "$WORK") && rm -rf "$WORK/mirror" || exit 1
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	snapshot=$(jq -r '.digest // .[0].digest' "$OUT")
}
update() { expect 0 apply web --patchset debian-12-all --snapshot "$snapshot" --executor sandbox; }
fine() { expect 0 status --check; }
whole() { (cd / && qemu-img info -U --backing-chain "$(disk "$1" "$2")") >/dev/null || fail "the chain of $1@$2 is not whole"; }
kept() { # GENERATION REASON
	local reason
	reason=$(jq -r ".templates[].generations[] | select(.generation == $1 and .taken == false) | .reason" "$OUT")
	[[ $reason == $2 ]] || { cat "$OUT"; fail "generation $1: $reason, expected: $2"; }
}

expect 0 init
cp --sparse=always "$(mini_guest)" "$WORK/base.qcow2"
expect 0 import --name web "$WORK/base.qcow2"
mirror 2.0
update

# --- an apply that begins and ends between the first look and the lease: what it made lies on what would be taken
mirror 3.0
stop_at linkat prune web --keep-last 1
update
go_on
grep -q "web@1 .*backs generation 2" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "prune did not look again"; }
whole web 2
fine

# --- an import of a base that nothing used until then
cp --sparse=always "$WORK/base.qcow2" "$WORK/other.qcow2"
qemu-io -f qcow2 -c 'write -P 7 90M 64k' "$WORK/other.qcow2" >/dev/null || fail qemu-io
expect 0 import --name other "$WORK/other.qcow2"
expect 0 import --into other "$WORK/base.qcow2"
expect 0 prune other --keep-last 1
for entry in "$L"/trash/*; do mv "$entry" "$L/trash/20200101T000000Z-00000a-${entry##*/}"; done
touch -d '3 days ago' "$L"/bases/*.json
expect 0 prune # the trash is emptied after the bases were looked at
stop_at unlinkat prune --json other --keep-last 2
expect 0 import --name third "$WORK/other.qcow2"
go_on
! grep -q '"base"' "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "prune has taken a base that is used again"; }
whole third 0
fine

# --- and one that comes and goes between the last look and the move; the second time it is moved in
for how in --reference --move; do
	cp --sparse=always "$WORK/base.qcow2" "$WORK/of$how.qcow2"
	qemu-io -f qcow2 -c "write -P 2${#how} 90M 64k" "$WORK/of$how.qcow2" >/dev/null || fail qemu-io
	sum=$(sha256sum "$WORK/of$how.qcow2" | cut -d' ' -f1)
	if [ $how = --move ]; then set -- --copy; else set -- --reference; fi
	expect 0 import "$@" --name "first$how" "$WORK/of$how.qcow2"
	expect 0 import --into "first$how" "$WORK/base.qcow2"
	expect 0 prune "first$how" --keep-last 1
	for entry in "$L"/trash/*; do mv "$entry" "$L/trash/20200101T000000Z-00000a-${entry##*/}"; done
	expect 0 prune
	touch -d '3 days ago' "$L"/bases/*.json
	stop_at renameat prune "first$how" --keep-last 2
	expect 0 import $how --name "again$how" "$WORK/of$how.qcow2"
	go_on
	grep -qF "bases are all kept: one came into use meanwhile" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "prune did not look again at bases"; }
	! grep -q '^taken  base' "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "prune tells of a base that it put back"; }
	[ -e "$L/bases/$sum" ] && [ -z "$(find "$L/trash" -name '*-bases')" ] || { ls "$L/bases" "$L/trash"; fail "a base is not in its place again"; }
	whole "again$how" 0
	fine
done

# --- generations that back others through bases
qemu-img create -q -f qcow2 -b "$(disk web 1)" -F qcow2 "$WORK/fixed.qcow2" || fail qemu-img
qemu-io -f qcow2 -c 'write -P 9 90M 64k' "$WORK/fixed.qcow2" >/dev/null || fail qemu-io
expect 0 import --into web "$WORK/fixed.qcow2"
expect 0 import --name same --backing "$(disk web 0)" "$(disk web 0)"
expect 0 prune --json --keep-last 1 web
kept 1 "backs generation 3"
kept 0 "backs *"
[ ! -e "$(disk web 2)" ] || fail "generation 2 backs nothing and was kept"
whole web 3
whole same 0
fine

# --- an image that lies on a generation comes in while that goes, and so does the generation itself; either may be faster
mirror 3.5
update
top=$(readlink "$L/templates/web/current")
expect 0 rollback web
expect 0 unhold web
qemu-img create -q -f qcow2 -b "$(disk web "$top")" -F qcow2 "$WORK/upper.qcow2" || fail qemu-img
below=()
while read -r file; do below+=(--backing "$file"); done < <(cd / && qemu-img info -U --backing-chain --output=json "$(disk web "$top")" | jq -r '.[].filename')
came() { # TEMPLATE IMAGE: an import of it, that prune did not see before it moved
	qemu-io -f qcow2 -c "write -P 9${#1} 90M 64k" "$WORK/upper.qcow2" >/dev/null || fail qemu-io
	stop_at renameat2 prune web --keep-last 1
	expect 0 import --name "$1" "${below[@]}" "$2"
	go_on
	grep -q "^keep   web@$top .*into use meanwhile" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "prune has taken what $1 lies on"; }
	whole "$1" 0
	fine
	rm -r "$L/templates/$1"
	for base in "$L"/bases/*; do ! [[ $(readlink "$base") == "$2" || $(readlink "$base") == "$(disk web "$top")" ]] || rm "$base" "$base.json"; done
}
came upper "$WORK/upper.qcow2"
came itself "$(disk web "$top")"
STOP_FOLLOW='' stop_at symlinkat import --name upper "${below[@]}" "$WORK/upper.qcow2"
expect 0 prune web --keep-last 1
grep -q "^taken  web@$top " "$OUT" || { cat "$OUT"; fail "prune saw the import"; }
go_on
grep -qxF "upper: imported as generation 0" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "the import has not taken back what it lies on"; }
whole upper 0
fine

# --- one that is not there although the current one lies on it is found without reading a disk
expect 0 rollback --to 1 --reason "it lies on 0" web
mkdir "$WORK/aside" && mv "$(disk web 0)" "$WORK/aside/" && echo '{"below": [], "run": "r", "time": 1}' >"$L/templates/web/0/pruned.json" || fail mv
expect 1 status --check --json
jq -e --arg path "$L/templates/web/0" '.templates[] | select(.template == "web") | .problems[] | select(startswith($path + ": was pruned, and backs"))' "$OUT" >/dev/null ||
	{ cat "$OUT"; fail "status does not find that what backs the current generation was pruned"; }
rm "$L/templates/web/0/pruned.json" && mv "$WORK/aside/disk0.qcow2" "$(disk web 0)" || fail mv
fine

# --- an old plan that an apply has just taken, and no record names yet
again=$L/templates/again
mirror 4.0
expect 0 import --name again "$WORK/base.qcow2"
expect 0 apply again --patchset debian-12-all --snapshot "$snapshot" --executor sandbox
expect 0 rollback again
expect 0 unhold again
expect 0 prune again --keep-last 1
touch -d '20 days ago' "$L"/plans/*
plans=$(ls "$L/plans")
STOP_FOLLOW= stop_at linkat apply again --patchset debian-12-all --snapshot "$snapshot" --executor sandbox
expect 0 prune again --keep-last 1
go_on
[ "$(readlink "$again/current")" = 2 ] || { cat "$WORK/stopped.log"; fail "the apply did not go on"; }
plan=$(jq -r '.dsseEnvelope.payload' "$again/2/record.sigstore.json" | base64 -d | jq -r '.predicate.runDetails.byproducts[] | select(.name == "plan").digest.sha256')
sha256sum "$L"/plans/* | grep -q "^$plan " || { echo "$plans"; cat "$OUT"; fail "prune has taken the plan of an apply"; }
fine

# --- a base that is not there keeps the bases, and nothing else
cp --sparse=always "$WORK/other.qcow2" "$WORK/lost.qcow2"
qemu-io -f qcow2 -c 'write -P 11 90M 64k' "$WORK/lost.qcow2" >/dev/null || fail qemu-io
expect 0 import --copy --name lost "$WORK/lost.qcow2"
lost=$(sha256sum <"$WORK/lost.qcow2")
rm -f "$L/bases/${lost%% *}"
expect 0 rollback again
mkdir -p "$L/runs/20200101T000000Z-000000" && touch -d '40 days ago' "$L/runs/20200101T000000Z-000000"
expect 0 prune --json --keep-last 1
expect_message "bases are all kept: $L/bases/${lost%% *}: not there"
[ ! -e "$(disk again 2)" ] && [ "$(jq .changed "$OUT")" = true ] || { cat "$OUT"; fail "what was changed is not told"; }
[ ! -e "$L/runs/20200101T000000Z-000000" ] || { cat "$OUT"; fail "an old run is kept because of a base"; }

# --- a run that somebody works on keeps its directory, whatever its name and the clocks say
busy=$L/runs/20200101T000000Z-000002 logging=$L/runs/20200101T000000Z-000003
mkdir -p "$busy/third" "$logging/third"
touch "$logging/third/log"
touch -d '40 days ago' "$busy/third" "$busy" "$logging/third" "$logging"
recent=$(ls "$L/runs" | tail -n 1)
sed -i '/^run-days:/d' "$L/coldpatch.yaml" && echo 'run-days: 0' >>"$L/coldpatch.yaml"
echo '{"host": "elsewhere", "boot": "b", "pid": 1, "started": 1, "run": "20200101T000000Z-000002"}' >"$L/templates/third/lease"
expect 0 prune again
[ -d "$busy" ] || fail "the directory of a run that a lease names is gone"
[ -d "$logging" ] || fail "the directory of a run that writes its log is gone"
[ -d "$L/runs/$recent" ] || fail "the directory of a run of this hour is gone"
rm "$L/templates/third/lease"
touch -d '40 days ago' "$logging/third/log"
expect 0 prune again
[ ! -e "$busy" ] && [ ! -e "$logging" ] || fail "old runs are kept that nobody works on"
sed -i 's/^run-days:.*/run-days: 30/' "$L/coldpatch.yaml"

# --- what was taken before a failure is told with it
mirror 5.0
expect 0 apply third --patchset debian-12-all --snapshot "$snapshot" --executor sandbox
expect 0 rollback third
expect 0 unhold third
stuck=$L/runs/20200101T000000Z-000001/stuck
mkdir -p "$stuck" && mount -t tmpfs stuck "$stuck" && touch -d '40 days ago' "$stuck" "${stuck%/*}" || fail mount
expect 3 prune --json third --keep-last 1
[ "$(jq -c '[.changed, .failed, .code]' "$OUT")" = '[true,true,3]' ] || { cat "$OUT"; fail "a prune that failed late"; }
[ "$(jq -c '[.templates[].generations[] | select(.taken).generation]' "$OUT")" = '[1]' ] || { cat "$OUT"; fail "what a prune that failed late has taken"; }
jq -r .msg "$OUT" | grep -qF "removing stuck: a file system is mounted there" || { cat "$OUT"; fail "why a prune failed late"; }
expect 74 prune --json third --keep-last 1
[ "$(jq -c '[.changed, .failed]' "$OUT")" = '[false,true]' ] || { cat "$OUT"; fail "a prune that failed and took nothing"; }
umount "$stuck"

# --- and of a template that failed half-way, what went before
mirror 6.0
six=$snapshot
expect 0 apply third --patchset debian-12-all --snapshot "$snapshot" --executor sandbox
mirror 7.0
expect 0 apply third --patchset debian-12-all --snapshot "$snapshot" --executor sandbox
expect 0 rollback --to 0 third
expect 0 unhold third
lower=$(ls "$L/templates/third" | grep -x '[0-9]*' | sort -n | tail -n 2 | head -n 1)
mount --bind "$L/templates/third/$lower" "$L/templates/third/$lower" || fail mount
expect 3 prune --json third --keep-last 1
umount "$L/templates/third/$lower"
[ "$(jq -c --argjson upper $((lower + 1)) '[.changed, (.templates[] | .failed, [.generations[] | select(.taken).generation] == [$upper])]' "$OUT")" = '[true,true,true]' ] ||
	{ cat "$OUT"; fail "what a prune has taken that failed half-way"; }
kept "$lower" "prune failed before it was taken"
run=$(jq -r .run "$OUT")
[ "$(jq --argjson upper $((lower + 1)) '[.generations[] | select(.taken).generation] == [$upper]' "$L/runs/$run/third/summary.json")" = true ] && [ -s "$L/runs/$run/third/error" ] ||
	{ ls "$L/runs/$run/third"; fail "the run does not keep what was taken"; }
expect 0 prune third --keep-last 1

# --- an apply whose parent was left and taken before it had its lease
expect 0 apply third --patchset debian-12-all --snapshot "$six" --executor sandbox
last=$(ls "$L/templates/third/heads" | tail -n 1)
STOP_FOLLOW= stop_at linkat apply third --json --patchset debian-12-all --snapshot "$snapshot" --executor sandbox
expect 0 rollback third
expect 0 unhold third
expect 0 prune third --keep-last 1
go_on
jq -e --arg msg "third: somebody else was faster with head $((10#$last + 1)); try again" '.code == 75 and .msg == $msg' "$WORK/stopped.log" >/dev/null ||
	{ cat "$WORK/stopped.log"; fail "an apply whose parent is gone"; }

# --- a disk that is taken while verify comes to it is none that is lost; one that nobody took is
expect 0 apply third --patchset debian-12-all --snapshot "$six" --executor sandbox
expect 0 rollback third
expect 0 unhold third
upper=$(ls "$L/templates/third" | grep -x '[0-9]*' | sort -n | tail -n 1)
verify_without() { # COMMAND...: verify, to $WORK/stopped.log, while the command takes the upper disk
	strace -f -qq -o /dev/null -P "$(disk third "$upper")" -e trace=openat -e inject=openat:delay_enter=600s \
		"$BUILD/coldpatch" verify --config "$WORK/config.yaml" --json third >"$WORK/stopped.log" 2>/dev/null &
	server=$!
	for _ in $(seq 600); do
		worker=$(pgrep -x coldpatch-worke) && grep -q "^257 " "/proc/$worker/syscall" 2>/dev/null && break
		sleep 0.1
	done
	stopped=$(pgrep -P "$server")
	"$@"
	go_on
}
finding() { # STATUS FOUND: what verify says of the upper disk
	jq -e --arg disk "$(disk third "$upper")" --arg status "$1" --arg found "$2" \
		'.findings[] | select(.object == $disk and .what == "overlay") | .status == $status and (.found | endswith($found))' "$WORK/stopped.log" >/dev/null ||
		{ cat "$WORK/stopped.log"; fail "verify of a disk that goes: not $1"; }
}
verify_without mv "$(disk third "$upper")" "$WORK/aside/"
finding bad "No such file or directory"
mv "$WORK/aside/disk0.qcow2" "$(disk third "$upper")" || fail mv
verify_without expect 0 prune third --keep-last 1
finding note pruned
jq -e '.code == 0' "$WORK/stopped.log" >/dev/null || { cat "$WORK/stopped.log"; fail "verify during a prune"; }

# --- the document has the code that the command exits with
expect 0 status --json
[ "$(jq .code "$OUT")" = 0 ] || { jq .code "$OUT"; fail "status without --check: the code"; }
expect 1 status --check --json
[ "$(jq .code "$OUT")" = 1 ] || { jq .code "$OUT"; fail "status --check: the code"; }

# --- on a full disk, what has been in the trash for long enough makes room for the rest
mkdir "$WORK/small" && mount -t tmpfs -o size=8m small "$WORK/small" || fail mount
status=0
(
	expect 0 init -L "$WORK/small/library"
	expect 0 import -L "$WORK/small/library" --reference --name full "$(mini_guest)"
	old=$WORK/small/library/trash/20200101T000000Z-abcdef-full-7
	mkdir "$old" && head -c 1M /dev/zero > "$old/disk0.qcow2"
	head -c 100M /dev/zero > "$WORK/small/filler" 2>/dev/null && fail "the disk is not full"
	expect 73 hold -L "$WORK/small/library" --reason x full
	expect 0 prune -L "$WORK/small/library" --keep-last 1
	[ ! -e "$old" ] || fail "old trash is kept on a full disk"
	expect 0 verify -L "$WORK/small/library" --all
) || status=1
umount "$WORK/small"
exit $status
