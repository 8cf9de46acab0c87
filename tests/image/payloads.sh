#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a package brings is found once and kept in the store: as the package's own tool has it, used for the next image, made
# again where it is damaged, and missed by nobody where the store cannot keep it.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir "$WORK/output"
image=$(mini_guest)
victim_update
package=$(find "$WORK/mirror" -name 'victim_2.0_*.deb')
kept=$WORK/store/payloads/$(sha256sum <"$package" | cut -d' ' -f1).json
again() { # CODE
	rm -f "$WORK"/output/*
	apply_to "$image"
	expect "$1" "${APPLY[@]}"
}

again 0
dpkg-deb -x "$package" "$WORK/unpacked"
dpkg-deb --ctrl-tarfile "$package" | tar -xO ./conffiles >"$WORK/conffiles" 2>/dev/null
(cd "$WORK/unpacked" && find . -type f -exec sha256sum {} +) | while read -r sum path; do
	jq -nc --arg p "${path#.}" --arg s "$sum" --argjson c "$(grep -qxF "${path#.}" "$WORK/conffiles" && echo true || echo false)" '[$p, $s, $c]'
done | sort >"$WORK/expected"
[ -s "$WORK/expected" ] || fail "the package has no file"
diff "$WORK/expected" <(jq -c '.files[]' "$kept" | sort) || fail "not what the package brings"
cp "$kept" "$WORK/first"

# It is used: another digest is what the guest is compared with.
changed=$(jq -r '[.files[] | select(.[2] | not)][0][0]' "$kept")
jq -c --arg p "$changed" '(.files[] | select(.[0] == $p))[1] = ("0" * 64)' "$WORK/first" >"$WORK/changed"
jq -c --arg d "$(jq -cjS .files "$WORK/changed" | sha256sum | cut -d' ' -f1)" '.digest = $d' "$WORK/changed" >"$kept"
again 79
expect_message "$changed of victim 2.0 is not what the package brings"
# But not when it is damaged or of another version.
for damage in ': >' 'printf "{\"files\":[]}" >' 'head -c 50 "$WORK/first" >' \
	'jq -c "del(.files[0][1])" "$WORK/first" >' 'cp "$WORK/changed"' 'jq -c "del(.digest)" "$WORK/first" >' 'jq -c "del(.files)" "$WORK/first" >' 'jq -c --arg v 0 ".coldpatch = \$v | .files = []" "$WORK/first" >'; do
	eval "$damage \"\$kept\""
	again 0
	cmp "$kept" "$WORK/first" || fail "it was not made again: $damage"
done
# A worker that was taken over by a package names no other file, and says nothing of other packages.
mkdir "$WORK/bin" && cp "$BUILD"/coldpatch* "$WORK/bin/" && rm "$WORK/bin/coldpatch-worker"
other=$(printf '%064d' 7)
cat >"$WORK/bin/coldpatch-worker" <<-EOF
	#!/bin/bash
	[ "\$1" = payload ] || exec "$BUILD/coldpatch-worker" "\$@"
	cat <&3 >/dev/null
	echo '{"result":{"payloads":{"../../escaped":[],"$other":[]}}}' >&4
EOF
chmod +x "$WORK/bin/coldpatch-worker"
rm "$WORK"/output/* "$kept"
(BUILD=$WORK/bin && apply_to "$image" && expect 70 "${APPLY[@]}" && expect_message "nobody read its package") || exit 1
[ ! -e "$WORK/escaped.json" ] && [ -z "$(ls -A "$WORK/store/payloads")" ] || fail "what a worker made up was written"
# Nor is it needed.
rm -r "$WORK/store/payloads" && : >"$WORK/store/payloads"
again 0
