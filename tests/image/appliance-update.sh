#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real updates in a real appliance: the layer has the paths and contents of the sandbox's for the same plan, but for the
# exceptions listed in appliance-update.exceptions.  Emulated, tzdata, ca-certificates and OpenSSL take up to eight minutes
# and need COLDPATCH_TEST_FULL; without, it is one library.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root for the sandbox"
[ -d /usr/lib/x86_64-linux-gnu/guestfs/supermin.d ] || skip "libguestfs is not installed"
here=$(cd "$(dirname "$0")" && pwd)
workdir
guest=small packages=liblzma5 entries=15
[ -z "${COLDPATCH_TEST_FULL:-}" ] || guest=certificates packages="tzdata, ca-certificates, openssl, libssl3" entries=1000
image=$(${guest}_guest) && mirror=$(${guest}_mirror) || exit 1
mkdir -p "$WORK/state" "$WORK/output" "$GUESTS/appliances"
ln -s "$GUESTS/appliances" "$WORK/state/appliances"
cat >"$WORK/named.yaml" <<-EOF
version: 1
name: named
os: {id: debian, version: "12"}
scope: named
packages: [$packages]
EOF
before=$(stat -c '%i %s %y' "$image")
expect 0 mirror snapshot "$mirror" --keyring $KEYRING

run() { # EXECUTOR: its layer, unpacked, in $WORK/EXECUTOR; its run in $WORK/EXECUTOR.run
	echo "== $1: $(date +%T)"
	expect 0 apply "$image" --patchset "$WORK/named.yaml" --executor "$1" --output "$WORK/output/$1.qcow2" --record "$WORK/output/$1.json" --json
	ln -s "$(ls -td "$WORK"/store/runs/*/ | head -n 1)" "$WORK/$1.run"
	mkdir "$WORK/$1"
	sed -n 's/.*"payload":"\([^"]*\)".*/\1/p' "$WORK/output/$1.json" | base64 -d >"$WORK/$1.statement"
	local layer
	layer=$(jq -r '.predicate.runDetails.byproducts[] | select(.name == "layer").digest.sha256' "$WORK/$1.statement")
	zstdcat "$WORK/store/layers/$layer/layer.tar.zst" | tar -x -p --warning=no-unknown-keyword --numeric-owner --xattrs --xattrs-include='*' -C "$WORK/$1" || fail "the layer of the $1"
	nothing_running
}
nothing_running() {
	[ -z "$(ls -A "$WORK/scratch")" ] || fail "something is left in scratch"
	! ls -d /tmp/libguestfs* 2>/dev/null || fail "libguestfs left something in /tmp"
	[ "$before" = "$(stat -c '%i %s %y' "$image")" ] || fail "the image was written to"
}
run sandbox
run appliance
cmp "$WORK/sandbox.run/plan.json" "$WORK/appliance.run/plan.json" || fail "not the same plan"
[ "$(find "$WORK/sandbox" | wc -l)" -gt $entries ] || fail "the layers are too small"
"$here/treediff.py" "$WORK/sandbox" "$WORK/appliance" --ignore mtime --exceptions "$here/appliance-update.exceptions" || fail "the layers differ"

# What the records say of it.
parameter() { jq -r ".predicate.buildDefinition.internalParameters.$2 // \"\"" "$WORK/$1.statement"; }
[ "$(parameter appliance executor)" = appliance ] && [ "$(parameter sandbox executor)" = sandbox ] || fail "executor"
[ "$(parameter appliance accelerator)" = tcg ] || [ "$(parameter appliance accelerator)" = kvm ] || fail "accelerator"
[ "$(parameter appliance appliance)" = "$(sha256sum "$GUESTS"/appliances/*/digests | head -c 64)" ] || fail "the appliance's digest"
[ -d "/lib/modules/$(parameter appliance applianceKernel)" ] || fail "the appliance's kernel: $(parameter appliance applianceKernel)"
[ -z "$(parameter sandbox appliance)$(parameter sandbox applianceKernel)" ] || fail "the sandbox names an appliance"
grep -q "urn:coldpatch:builder:appliance-$(parameter appliance accelerator):v1" "$WORK/appliance.statement" || fail "builder"
expect 0 verify "$WORK/output/appliance.qcow2" --record "$WORK/output/appliance.json"
