#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two imports, or relocations, at the same time: one of them stands still at its worst moment until the other is through.
set -u
. "$(dirname "$0")/../lib.sh"
workdir
L=$WORK/library
export COLDPATCH_LIBRARY=$L
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$WORK"' EXIT
cp --reflink=auto --sparse=always "$(mini_guest)" "$WORK/base.qcow2" || fail cp
expect 0 init

told() { grep -qF -- "$1" "$WORK/stopped.log" || { cat "$WORK/stopped.log"; fail "not told: $1"; }; }
described() { # OWNER DOMAIN
	expect 0 history --json web
	[ "$(jq -r '[.owner, .trust_domain] | join(" ")' "$OUT")" = "$1 $2" ] || { cat "$OUT"; fail "what is said of the template is not: $1 $2"; }
}

# --- of one template that neither of them found: what the other one says of it stays
stop_at linkat import --name web "$WORK/base.qcow2"
expect 0 import --name web --owner anna --trust-domain vendor "$WORK/base.qcow2"
go_on
told "web: is imported already"
described anna vendor
[ "$(ls "$L/templates/web")" = $'0\ncurrent\nheads\ntemplate.json' ] || { ls "$L/templates/web"; fail "what the second import left"; }

# --- of one image, of which each says something else
STOP_FOLLOW='' stop_at linkat import --name web --owner bert "$WORK/base.qcow2"
expect 0 import --name web --trust-domain tenant "$WORK/base.qcow2"
go_on
told "web: is imported already, and was described anew"
described bert tenant
STOP_FOLLOW='' stop_at renameat import --name web --owner carl "$WORK/base.qcow2"
expect 75 import --name web --owner dora "$WORK/base.qcow2"
expect_message "web: template web: lease: host "
expect 0 import --name web --owner bert "$WORK/base.qcow2"
go_on
described carl tenant

# --- of a file that is changed after it was read, and before it is a base
mkdir "$WORK/other"
cp --reflink=auto --sparse=always "$WORK/base.qcow2" "$WORK/other/base.qcow2"
qemu-io -f qcow2 -c 'write -P 99 90M 64k' "$WORK/other/base.qcow2" >/dev/null || fail qemu-io
qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 "$WORK/other/top.qcow2"
STOP_FOLLOW='' stop_at symlinkat import --name other --backing "$WORK/other/base.qcow2" "$WORK/other/top.qcow2"
touch "$WORK/other/top.qcow2"
go_on
told "other: $WORK/other/top.qcow2: changed while it was imported"
expect 66 history other
expect 0 status --check
# --- a copy that stands between the .json of its base and the base, and is killed there, is nothing wrong with the library
cp --reflink=auto --sparse=always "$WORK/base.qcow2" "$WORK/copied.qcow2" && qemu-io -f qcow2 -c 'write -P 98 90M 64k' "$WORK/copied.qcow2" >/dev/null || fail copied.qcow2
copied=$L/bases/$(sha256sum "$WORK/copied.qcow2" | cut -d' ' -f1)
strace -qq -y -o "$WORK/calls" -e trace=fsync,renameat,linkat -e inject=linkat:delay_enter=600s:when=3 "$BUILD/coldpatch" import --quiet --config "$WORK/config.yaml" --copy "$WORK/copied.qcow2" >"$WORK/stopped.log" 2>&1 &
server=$!
for _ in $(seq 100); do [ ! -e "$copied.json" ] || break; sleep 0.1; done
expect 0 status --check
expect 0 verify --all
stopped=$(pgrep -P "$server")
kill -KILL "$stopped" "$server"
while kill -0 "$stopped" 2>/dev/null; do sleep 0.1; done
server=
[ -e "$copied.json" ] && [ ! -e "$copied" ] || { cat "$WORK/calls"; fail "the import was not killed at its base"; }
expect 0 status --check
awk '/^fsync.*base0-0>/ { synced = 1 } /^renameat.*[.]json"/ { exit !synced }' "$WORK/calls" || { cat "$WORK/calls"; fail "the .json came before the file was on the disk"; }
expect 0 import --copy "$WORK/copied.qcow2"
rm "$copied"
expect 1 status --check
expect 0 import --copy --name again "$WORK/copied.qcow2"
expect 0 verify --all

# --- two relocations of one base: the second waits until the first is through, and one whose file changes meanwhile is none
base=$(sha256sum "$WORK/base.qcow2" | cut -d' ' -f1)
mkdir "$WORK/b" "$WORK/c"
cp -p "$WORK/base.qcow2" "$WORK/b/" && mv "$WORK/base.qcow2" "$WORK/c/" || fail mv
STOP_FOLLOW='' stop_at symlinkat relocate "$base" "$WORK/b/base.qcow2"
expect 75 relocate "$base" "$WORK/c/base.qcow2"
expect_message "relocate: .tmp-relocate: host "
expect 0 relocate --dry-run "$base" "$WORK/c/base.qcow2"
go_on
told "relocated: $WORK/b/base.qcow2"
expect 0 status --check
STOP_FOLLOW='' stop_at wait4 relocate "$base" "$WORK/c/base.qcow2"
touch "$WORK/c/base.qcow2"
go_on
told "$WORK/c/base.qcow2: was changed while it was read"
expect 0 status --check
mkdir "$WORK/d" && cp -p "$WORK/c/base.qcow2" "$WORK/d/" || fail cp
for to in c d; do # each fails at its link, as on a full disk
	! strace -f -qq -o /dev/null -e inject=symlinkat:error=ENOSPC "$BUILD/coldpatch" relocate --config "$WORK/config.yaml" "$base" "$WORK/$to/base.qcow2" 2>/dev/null || fail "a relocation without a link"
	expect 0 path web
done
expect 0 relocate "$base" "$WORK/c/base.qcow2"
expect 0 status --check
echo "library-import-race: whoever comes second sees what the first one did"
