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

say "%pre fails: the package keeps its old version, and is named"
rpm_victim_update $'%pre\necho no; exit 1'
refused_in_run 79 'package victim-2.0-1.noarch: %prein scriptlet failed, exit status 1' "$guest"
grep -q '^no$' "$RUN/log" || fail "the log does not have what the script said"

say "%post fails: a warning, in the summary and in the record"
rpm_victim_update $'%post\nexit 3'
patched "$guest"
jq -e '.warnings | any(. == "package victim-2.0-1.noarch: %post scriptlet failed, exit status 3")' "$OUT" >/dev/null ||
	{ cat "$OUT"; fail "the summary does not warn"; }
jq -r .dsseEnvelope.payload "$WORK/output/record.json" | base64 -d |
	jq -e '.predicate.buildDefinition.internalParameters.warnings == ["package victim-2.0-1.noarch: %post scriptlet failed, exit status 3"]' \
	>/dev/null || fail "the record does not have the warning"
expect 0 inspect --packages --backing "$(realpath "$guest")" "$WORK/output/overlay.qcow2"
grep -qE '^victim +2.0-1' "$OUT" || { cat "$OUT"; fail "no victim 2.0 in the new image"; }

rm -rf "$WORK/output"

say "a file of another package is in the way"
mkdir -p "$WORK/files/usr/bin"; echo mine > "$WORK/files/usr/bin/bash"
rpm_victim_update '' "$WORK/files"
refused_in_run 79 'file /usr/bin/bash from install of victim-2.0-1.noarch conflicts with file' "$guest"

say "what the new version needs is not to be had: left behind, with the reason"
VICTIM_FIELDS='Requires: nothing-like-this'
rpm_victim_update
unset VICTIM_FIELDS
expect 2 plan --json --patchset $PATCHSET --snapshot "$SNAPSHOT" "$guest"
grep -q 'nothing-like-this' "$OUT" || { cat "$OUT"; fail "the reason does not name what is missing"; }

say "the disk is too small"
mkdir -p "$WORK/large/usr/share/victim"; head -c 140M /dev/urandom > "$WORK/large/usr/share/victim/data"
rpm_victim_update '' "$WORK/large"
refused 65 'guest file system / is too small: needs' "$guest"
rm -rf "$WORK/large"

say "a script that hangs"
rpm_victim_update $'%post\nsleep 1000'
refused_in_run 75 'did not end within 20 s' "$guest" --deadline 20

[ "$before" = "$(sha256sum < "$guest")" ] || fail "the guest was written to"
