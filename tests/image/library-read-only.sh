#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A library that cannot be written: mounted read-only, and somebody else's, whose logs and trash one may not even read.
# What only reads works; what changes something says that it cannot, and why.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
L=$WORK/library RO=$WORK/read-only
trap 'mountpoint -q "$RO" && umount "$RO"; rm -rf "$WORK"' EXIT
chmod 755 "$WORK"
cp --reflink=auto --sparse=always "$(tiny_guest)" "$WORK/base.raw"
export COLDPATCH_LIBRARY=$L
expect 0 init
victim_update
expect 0 import "$WORK/base.raw" --name web
expect 0 apply web --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox
expect 0 rollback --reason "does not start" web
expect 0 unhold web
rm -rf "$L/plans" "$L/resolver-cache"

# Mounted read-only: nothing of it can be a matter of permissions.
mkdir "$RO"
mount --bind "$L" "$RO" && mount -o remount,bind,ro "$RO" || skip "no bind mounts here"
export COLDPATCH_LIBRARY=$RO
reads() { # what works on it, by expect or as_nobody
	"$1" 0 status --check web
	"$1" 0 history web
	"$1" 0 verify --quick web
	"$1" 0 path web
	"$1" 0 log head
	"$1" 0 mirror list
	"$1" 0 plan --patchset debian-12-all --snapshot "$SNAPSHOT" web
	"$1" 0 plan --patchset debian-12-all --snapshot "$SNAPSHOT" web@0
	grep -q "victim" "$OUT" || { cat "$OUT"; fail "the plan lacks its package"; }
	"$1" 0 inspect web
	"$1" 0 prune --dry-run --keep-last 1
	"$1" 0 hold --dry-run --reason x web
	"$1" 0 rollback --dry-run --to 1 web
	"$1" 0 apply --dry-run --patchset debian-12-all --snapshot "$SNAPSHOT" web
}
refuses() { # expect or as_nobody, CODE, MESSAGE
	for verb in "hold --reason x web" "rollback --to 1 web" "path --pin vm web" "clone web $OUTSIDE/clone.qcow2" "apply --patchset debian-12-all --snapshot $SNAPSHOT web"; do
		"$1" "$2" $verb
		expect_message "$3"
	done
	[ ! -e "$OUTSIDE/clone.qcow2" ] || fail "a clone that nothing pins"
}
OUTSIDE=$WORK
reads expect
expect 0 export -o "$WORK/exported.qcow2" web
refuses expect 74 "Read-only file system"
umount "$RO"

# Somebody else's library.
OUTSIDE=$WORK/outside
mkdir "$OUTSIDE" "$OUTSIDE/scratch"
chmod 755 "$WORK/keys"
sed "s|^scratch: .*|scratch: $OUTSIDE/scratch|; s|^state: .*|state: $OUTSIDE/state|; s|^key: .*|key: $OUTSIDE/keys/own.key|; s|^public-keys: .*|public-keys: [$WORK/keys/test.pub, $OUTSIDE/keys/own.pub]|" \
	"$WORK/config.yaml" >"$OUTSIDE/config.yaml"
chown -R nobody "$OUTSIDE"
nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups env COLDPATCH_LIBRARY="$L" "$BUILD/coldpatch" "$1" --config "$OUTSIDE/config.yaml" "${@:2}"; }
nobody key list >/dev/null 2>&1 || nobody key generate --directory "$OUTSIDE/keys" own >/dev/null || skip "nobody cannot run coldpatch here"
as_nobody() { # as expect
	local want=$1 status=0
	shift
	nobody "$@" >"$OUT" 2>"$ERR" </dev/null || status=$?
	[ "$status" = "$want" ] || { cat "$OUT" "$ERR"; fail "nobody: coldpatch $*: exit $status, expected $want"; }
}
reads as_nobody
refuses as_nobody 77 "Permission denied"
as_nobody 0 prune --dry-run --json --keep-last 1
[ "$(jq -c '[.templates[0].generations[] | {generation, taken}]' "$OUT")" = '[{"generation":0,"taken":false},{"generation":1,"taken":true}]' ] || { cat "$OUT"; fail "a dry run by nobody"; }
for part in trash layers runs; do
	jq -r '.unread[]' "$OUT" | grep -q "^$L/$part: .*Permission denied" || { cat "$OUT"; fail "nobody is not told that $part cannot be read"; }
done
as_nobody 77 prune --keep-last 1
expect_message "$L/trash: it cannot be looked through: Permission denied: what it is backed by is not known, so nothing is pruned"
echo "clone-roots: [$WORK/roots]" >> "$L/coldpatch.yaml"
mkdir -p "$WORK/roots" && chmod 700 "$WORK/roots"
as_nobody 1 status --check
grep -qF "$WORK/roots: it cannot be looked through: Permission denied" "$OUT" || { cat "$OUT"; fail "status does not name the clone root"; }
chmod 755 "$WORK/roots"
as_nobody 0 status --check
[ "$(stat -c %a "$OUTSIDE/keys" "$OUTSIDE/keys/own.key" "$OUTSIDE/keys/own.pub" | tr '\n' ' ')" = "755 600 644 " ] || { ls -la "$OUTSIDE/keys"; fail "modes of a key"; }

# Nobody may see what lies beside an image, so nobody knows what needs it: a move leaves it there.
mkdir "$OUTSIDE/images" && cp --sparse=always "$WORK/base.raw" "$OUTSIDE/images/" && chown -R nobody "$OUTSIDE/images" && chmod 0311 "$OUTSIDE/images" || fail images
L=$OUTSIDE/own
as_nobody 0 init
as_nobody 0 import --move --name moved "$OUTSIDE/images/base.raw"
expect_message "$OUTSIDE/images: it cannot be looked through: Permission denied: what it needs is not known, so no original is removed"
expect_message "$OUTSIDE/images/base.raw: is copied, and stays: an image may need it"
[ -e "$OUTSIDE/images/base.raw" ] || fail "a move took what may be needed"
chmod 0755 "$OUTSIDE/images"
as_nobody 0 import --move --name again "$OUTSIDE/images/base.raw"
[ ! -e "$OUTSIDE/images/base.raw" ] || fail "a move left what nothing needs"
echo "library-read-only: what only reads works, and what does not says why"
