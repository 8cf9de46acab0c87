#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who is run where when nobody says so: in an appliance where KVM really works; else in the sandbox, if the images are the
# caller's own and the host's policy has it; else nowhere.  Never in an appliance that is emulated.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
image=$WORK/image.raw
cp --sparse=always "$(tiny_guest)" "$image"
mkdir -p "$WORK/output" "$WORK/state" "$GUESTS/appliances"
ln -s "$GUESTS/appliances" "$WORK/state/appliances"
victim_update
"$BUILD/coldpatch" doctor --json --config "$WORK/config.yaml" >"$WORK/doctor" 2>/dev/null
kvm=$(jq -r '.checks[] | select(.name == "kvm").state' "$WORK/doctor")
[ -n "$kvm" ] || { cat "$WORK/doctor"; fail "doctor does not say whether KVM works"; }
echo "KVM: $kvm"

runs_in() { # EXECUTOR ACCELERATOR: an apply by policy does
	apply_to "$image" --executor auto
	expect 0 "${APPLY[@]}"
	sed -n 's/.*"payload":"\([^"]*\)".*/\1/p' "$WORK/output/record.json" | base64 -d >"$WORK/statement"
	[ "$(jq -r '.predicate.buildDefinition.internalParameters | "\(.executor) \(.accelerator)"' "$WORK/statement")" = "$*" ] ||
		fail "not in $*: $(cat "$WORK/statement")"
	rm "$WORK"/output/*
}
if [ "$kvm" = ok ]; then
	runs_in appliance kvm
	exit 0
fi
runs_in sandbox none
nowhere() { # an apply by policy is refused, and says how it could be done
	refused 71 "no executor is allowed here: the appliance needs KVM (" "$image" --executor auto
	expect_message "run where KVM works, or list the domain under sandbox-ok in the host's configuration"
}
chown 65534 "$image"
nowhere
chown 0 "$image"
echo 'sandbox-ok: [none]' >>"$WORK/config.yaml"
nowhere
