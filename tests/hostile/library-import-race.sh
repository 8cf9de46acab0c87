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
echo "library-import-race: whoever comes second sees what the first one did"
