#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Prune that is killed, or whose disk fails, while somebody comes to need what it takes: the next command brings it back, and
# until then status names it and no prune goes on.  Where a directory cannot be read on, nothing is taken for absent.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
command -v strace >/dev/null || skip "needs strace"
workdir
L=$WORK/library W=$L/templates/web
export COLDPATCH_LIBRARY=$L

whole() { (cd / && qemu-img info -U --backing-chain "$W/$1/disk0.qcow2") >/dev/null 2>&1 || fail "$2: the chain of web@$1 is not whole"; }
good() { expect 0 status --check && expect 0 verify --all --quick; }
restore() { rm -rf "$L" && cp -a "$WORK/good" "$L"; }
# faulted CODES STRACE-OPTION... -- VERB...: run so; its output in $OUT and $ERR
faulted() {
	local want=$1 traced=()
	shift
	status=0
	while [ "$1" != -- ]; do traced+=("$1"); shift; done
	{
		strace -f -qq -o "$WORK/trace" "${traced[@]}" "$BUILD/coldpatch" "$2" --config "$WORK/config.yaml" --quiet "${@:3}" >"$OUT" 2>"$ERR" </dev/null
	} 2>/dev/null || status=$? # without the shell's word that it was killed
	[[ " $want " == *" $status "* ]] || { cat "$OUT" "$ERR"; fail "$2 with ${traced[*]}: exit $status, expected $want"; }
}
killed_after_exchange() {
	local n
	strace -f -qq -o "$WORK/trace" -e trace=fsync,renameat2 "$BUILD/coldpatch" "${prune[0]}" --config "$WORK/config.yaml" "${prune[@]:1}" --quiet >/dev/null || fail prune
	n=$(awk '/ renameat2\(/ { print k + 1; exit } / fsync\(/ { k++ }' "$WORK/trace")
	restore
	faulted 137 -e trace=fsync -e inject=fsync:signal=KILL:when="$n" -- "${prune[@]}"
	[ ! -e "$W/2/disk0.qcow2" ] || fail "prune was killed before it took anything"
}
# What a rollback or a pin writes, from a copy of the library in which nothing was pruned: as if it had come just before.
meanwhile() { cp -a "$WORK/copy/templates/web/$1"/* "$W/$1/"; }

expect 0 init
cp --sparse=always "$(mini_guest)" "$WORK/base.qcow2"
cp --sparse=always "$WORK/base.qcow2" "$WORK/new.qcow2"
qemu-io -f qcow2 -c 'write -P 9 90M 64k' "$WORK/new.qcow2" >/dev/null || fail qemu-io
expect 0 import --name web "$WORK/base.qcow2"
for version in 2.0 3.0; do
	deb=$(victim_deb $version "$WORK") && rm -rf "$WORK/mirror" || exit 1
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	expect 0 apply web --patchset debian-12-all --snapshot "$(jq -r '.digest // .[0].digest' "$OUT")" --executor sandbox
done
expect 0 rollback --to 1 web
expect 0 unhold web
cp -a "$L" "$WORK/good"
cp -a "$L" "$WORK/first"
prune=(prune web --keep-last 1)

# --- killed when it has just taken generation 2, to which somebody went back or which somebody pinned
for how in heads pins; do
	restore
	cp -a "$L" "$WORK/copy"
	case $how in
	heads) expect 0 rollback -L "$WORK/copy" --to 2 web ;;
	pins) expect 0 path -L "$WORK/copy" --pin somebody web@2 ;;
	esac
	killed_after_exchange
	mkdir -p "$W/$how" && meanwhile $how
	cp -a "$L" "$WORK/killed"
	expect 1 status --check
	grep -q "generation 2: was pruned, and is current or pinned; where the trash has it still" "$OUT" || { cat "$OUT"; fail "status: $how"; }
	expect 0 prune --json --dry-run web --keep-last 1
	jq -e 'all(.templates[].generations[]; .taken == false)' "$OUT" >/dev/null || { cat "$OUT"; fail "$how: prune goes on"; }
	grep -q "generation 2 was pruned, and is $([ $how = heads ] && echo current || echo pinned)" "$OUT" || { cat "$OUT"; fail "$how: the reason"; }
	expect 0 hold web --reason "what comes next"
	whole 2 "a hold after the kill ($how)"
	good
	# What has to do with the trash only stops nobody.
	rm -rf "$L" && cp -a "$WORK/killed" "$L"
	mv "$L/trash" "$WORK/elsewhere" && ln -s "$WORK/elsewhere" "$L/trash"
	case $how in
	heads) expect 0 rollback web --to 1 ;;
	pins) expect 0 hold web --reason "the trash is none" ;;
	esac
	rm "$L/trash" && mv "$WORK/elsewhere" "$L/trash"
	# Another prune, and no sooner than when the trash is due; it fails at first to bring anything back.
	rm -rf "$L" && cp -a "$WORK/killed" "$L"
	for entry in "$L"/trash/*; do mv "$entry" "$L/trash/20200101T000000Z-00000a${entry##*/20??????T??????Z-??????}"; done
	faulted 74 -e trace=renameat2 -e inject=renameat2:error=EIO -- "${prune[@]}"
	[ -n "$(find "$L/trash" -name disk0.qcow2)" ] || fail "$how: the trash was emptied of what is needed"
	expect 0 "${prune[@]}"
	whole 2 "a prune when the trash is due ($how)"
	whole 1 "a prune when the trash is due ($how)"
	good
	rm -rf "$WORK/copy" "$WORK/killed"
done

# --- a file system whose rename knows no flags: killed between the three renames, and what comes back from its trash
restore
faulted 137 -e trace=renameat2,renameat -e inject=renameat2:error=EINVAL -e inject=renameat:signal=KILL:when=3 -- "${prune[@]}"
[ ! -e "$W/2" ] || fail "prune was not killed between its renames"
expect 1 status --check
grep -q "web/2: is missing: head" "$OUT" || { cat "$OUT"; fail "status"; }
faulted 0 -e trace=renameat2 -e inject=renameat2:error=EINVAL -- hold web --reason "what comes next"
whole 2 "a hold after prune was killed between its renames"
good
restore
cp -a "$L" "$WORK/copy"
expect 0 rollback -L "$WORK/copy" --to 2 web
faulted 0 -e trace=renameat2 -e inject=renameat2:error=EINVAL -- "${prune[@]}"
[ ! -e "$W/2/disk0.qcow2" ] || fail "prune took nothing"
meanwhile heads
cp -a "$L" "$WORK/killed"
faulted 0 -e trace=renameat2 -e inject=renameat2:error=EINVAL -- hold web --reason "what comes next"
whole 2 "taken back without flags"
good
# What takes it back is killed in turn: claimed, moved aside, in no place.
for call in 2 3 4 5; do
	rm -rf "$L" && cp -a "$WORK/killed" "$L"
	faulted 137 -e trace=renameat2,renameat -e inject=renameat2:error=EINVAL -e inject=renameat:signal=KILL:when=$call -- hold web --reason "never comes"
	[ ! -e "$W/2/disk0.qcow2" ] || fail "killed before call $call of what takes it back: too late"
	faulted 0 -e trace=renameat2 -e inject=renameat2:error=EINVAL -- hold web --reason "what comes next"
	whole 2 "taken back after a kill before call $call"
	good
done

# --- what fails last is to make it durable: it is taken all the same, and told so
restore
strace -f -qq -o "$WORK/trace" -e trace=fsync,renameat2 "$BUILD/coldpatch" "${prune[0]}" --config "$WORK/config.yaml" "${prune[@]:1}" --quiet >/dev/null || fail prune
n=$(awk '/ renameat2\(/ { print k + 1; exit } / fsync\(/ { k++ }' "$WORK/trace")
restore
faulted 3 -e trace=fsync -e inject=fsync:error=EIO:when="$n" -- "${prune[@]}" --json
jq -e '.changed and .templates[0].code == 74 and any(.templates[0].generations[]; .generation == 2 and .taken)' "$OUT" >/dev/null || { cat "$OUT"; fail "fsync"; }
[ ! -e "$W/2/disk0.qcow2" ] || fail "it was not taken"

# --- directories that cannot be read on
unreadable() { # CODES DIRECTORY VERB...: each of its readings fails in turn
	local i n
	restore
	faulted "0 1" -P "$2" -e trace=getdents64 -- "${@:3}"
	n=$(grep -c 'getdents64(' "$WORK/trace")
	[ "$n" -gt 0 ] || fail "${*:3}: does not read $2"
	for ((i = 1; i <= n; i += 2)); do
		restore
		faulted "0 1 74 77" -P "$2" -e trace=getdents64 -e inject=getdents64:error=EIO:when=$i -- "${@:3}"
		grep -q INJECTED "$WORK/trace" || return 0 # each process counts its own
		[[ " $1 " == *" $status "* ]] || { cat "$OUT" "$ERR"; fail "${*:3}: reading $i of $2 fails: exit $status, expected $1"; }
		"${check[@]}" "${*:3}: reading $i of $2 fails"
	done
}
none_taken() { whole 2 "$1" && whole 1 "$1"; }
says_so() { grep -q "$L/templates: reading the directory: Input/output error" "$OUT" "$ERR" || { cat "$OUT" "$ERR"; fail "$1: not told"; }; }
heads_have_theirs() {
	local last
	expect 0 status --json
	last=$(jq '.templates[0].generation' "$OUT")
	whole "$last" "$1"
	[ "$last" = 1 ] || [ -z "$(find "$W" -maxdepth 1 -name '.*')" ] || fail "$1: something is left"
}
restore
expect 0 path --pin somebody web@2
mkdir "$WORK/vms"
overlay_of "$W/2/disk0.qcow2" "$WORK/vms/vm.qcow2"
echo "clone-roots: [$WORK/vms]" >>"$L/coldpatch.yaml"
rm -rf "$WORK/good" && cp -a "$L" "$WORK/good"
check=(none_taken)
rm "$WORK/good/templates/web/pins"/*
unreadable 77 "$WORK/vms" "${prune[@]}"
expect 0 status --check
cp -a "$L/templates/web/pins" "$WORK/pins" && rm "$WORK/vms/vm.qcow2"
expect 0 path --pin somebody web@2
rm -rf "$WORK/good" && cp -a "$L" "$WORK/good"
unreadable "0 77 74" "$W/pins" "${prune[@]}"
check=(says_so)
unreadable "1 74" "$L/templates" verify --all --quick
unreadable "1 74" "$L/templates" status --check
unreadable 74 "$L/templates" log head
check=(heads_have_theirs)
unreadable "0 74 77" "$W/heads" import --into web --copy "$WORK/new.qcow2"

# --- killed when it has just moved the bases, of which an import had found one
for how in --reference --copy; do
	rm -rf "$L" && mkdir "$L" && expect 0 init
	expect 0 import $how --name web "$WORK/new.qcow2"
	trash=$L/trash/20200101T000000Z-00000a-bases # as is due for long
	mkdir "$trash" && mv "$L"/bases/* "$trash/"
	expect 1 status --check
	expect 0 prune
	[ ! -e "$trash" ] || fail "$how: the trash was not emptied"
	whole 0 "import $how, and bases in the trash"
	good
done

# One of them is back, and what is below it is not, nor named by anything else.
rm -rf "$L" && mkdir "$L" && expect 0 init
overlay_of "$WORK/new.qcow2" "$WORK/upper.qcow2"
expect 0 import --name web --backing "$WORK/new.qcow2" "$WORK/upper.qcow2"
lower=$(sha256sum "$WORK/new.qcow2" | cut -d' ' -f1)
trash=$L/trash/20200101T000000Z-00000a-bases
mkdir "$trash" && mv "$L/bases/$lower" "$L/bases/$lower.json" "$trash/"
expect 0 prune
whole 0 "the lower base in the trash"
good

# --- killed when it has just taken a generation that an image which came in, or a clone, lies on
for how in import clone; do
	rm -rf "$L" && cp -a "$WORK/first" "$L"
	overlay_of "$W/2/disk0.qcow2" "$WORK/on2.qcow2"
	[ $how = clone ] || expect 0 import --name other $(printf -- "--backing $W/%d/disk0.qcow2 " 2 1 0) --backing "$WORK/base.qcow2" "$WORK/on2.qcow2"
	rm -rf "$WORK/copy" && cp -a "$L" "$WORK/copy"
	rm -rf "$L" && cp -a "$WORK/first" "$L"
	echo "clone-roots: [$WORK/vms]" >>"$L/coldpatch.yaml"
	rm -rf "$WORK/good" && cp -a "$L" "$WORK/good"
	killed_after_exchange
	if [ $how = import ]; then
		cp -a "$WORK/copy/templates/other" "$L/templates/" && cp -a "$WORK/copy/bases/." "$L/bases/"
	else
		mv "$WORK/on2.qcow2" "$WORK/vms/"
	fi
	for entry in "$L"/trash/*; do mv "$entry" "$L/trash/20200101T000000Z-00000a${entry##*/20??????T??????Z-??????}"; done
	expect 0 "${prune[@]}"
	whole 2 "$how, and prune was killed"
	good
	rm -rf "$WORK/copy" "$WORK"/on2.qcow2 "$WORK"/vms/*
done

# --- an import of which prune takes a base while it comes in
rm -rf "$L" && mkdir "$L" && expect 0 init
expect 0 import --name web "$WORK/new.qcow2"
hex=$(sha256sum "$WORK/new.qcow2" | cut -d' ' -f1)
rm -rf "$WORK/good" && cp -a "$L" "$WORK/good"
strace -qq -o "$WORK/trace" -e trace=openat2 "$BUILD/coldpatch" import --config "$WORK/config.yaml" --quiet --name again "$WORK/new.qcow2" >/dev/null || fail import
seen=
for i in $(awk -v name="$hex.json" '/^openat2/ { n++ } index($0, name) { print n }' "$WORK/trace"); do
	restore
	status=0 # not of the workers: strace follows nobody here
	strace -qq -o "$WORK/trace" -e trace=openat2 -e inject=openat2:error=ENOENT:when=$i "$BUILD/coldpatch" import --config "$WORK/config.yaml" --quiet --name again "$WORK/new.qcow2" >"$OUT" 2>"$ERR" </dev/null || status=$?
	if grep -q "a base that it needs was pruned meanwhile; try again" "$ERR"; then
		seen=yes
		[ "$status" = 75 ] || fail "pruned meanwhile: exit $status"
	fi
done
[ "$seen" ] || fail "no import says that a base was pruned meanwhile"
