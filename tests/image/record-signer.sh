#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The signer is no oracle: what is not a true statement of a known type is not signed.
. "$(dirname "$0")/record.bash"
right=$(statement "$(digest overlay.qcow2)" "$(digest base.qcow2)")
zero=$(printf '0%.0s' {1..64})

# refuse STATUS TEXT: the signer, given standard input
refuse() {
	local status=0
	"$BUILD/coldpatch-sign" >out 2>message || status=$?
	[ "$status" = "$1" ] || fail "exit status $status instead of $1: $(cat message)"
	[ -s out ] && fail "something was signed"
	grep -qF -- "$2" message || fail "says '$(cat message)', not '$2'"
	[ "$(wc -l <message)" = 1 ] || fail "more than one line: $(cat message)"
}

request "$(statement "$zero" "$(digest base.qcow2)")" | refuse 76 "overlay.qcow2: its sha256 is $(digest overlay.qcow2), the statement says $zero"
request "$(statement "$(digest overlay.qcow2)" "$zero")" | refuse 76 "base.qcow2: its sha256 is"
request "${right/offline-patch:v1/offline-patch:v9}" | refuse 76 "buildType is 'urn:coldpatch:offline-patch:v9', not"
request "${right/slsa.dev\/provenance/example.invalid\/x}" | refuse 76 "predicateType is"
request "${right/coldpatch:builder/other}" | refuse 76 "is none of coldpatch"
request "${right/\"parent\"/\"uncle\"}" | refuse 76 "names 1 overlays and 0 parents, the request has 1 and 1"
request "$right" | sed 's/"overlays":\[[^]]*\]/"overlays":[1]/' | refuse 64 "member path"
request "$right" | sed 's/"key"/"quay"/' | refuse 64 "member key"
request "$right" | sed 's/"type":"record"/"type":"plan"/' | refuse 64 "request: type 'plan' is neither record nor head"
request "${right/offline-patch:v1/export:v1}" | refuse 76 \
	"the statement names 1 exported files, the request has 1 and 1 records: an export has no parent, and the record of one generation"
head -c 65M /dev/zero | tr "\0" " " | refuse 64 "request: larger than 67108864 bytes"
printf '{' | refuse 64 "request: line 1"
printf '' | refuse 64 "request: line 1"

ln -s overlay.qcow2 link
request "$right" | sed "s,$work/overlay.qcow2,$work/link," | refuse 74 "link"
request "$right" | sed "s,$work/overlay.qcow2,$work," | refuse 76 "not a regular file"
request "$right" | sed "s,$work/overlay.qcow2,$work/none," | refuse 66 "none: No such file"
for end in retired revoked; do
	echo >key.$end
	request "$right" | refuse 77 "is $end and signs no more"
	rm key.$end
done
chmod 644 key.key
request "$right" | refuse 78 "others may read this private key"
chmod 600 key.key
request "$right" | sed "s,key.key,key.pub," | refuse 78 "key.pub"
: | { "$BUILD/coldpatch-sign" x >out 2>message; [ $? = 64 ]; } || fail "an argument is accepted"
grep -qF "takes no arguments: the request is read from standard input" message || fail "says '$(cat message)'"

# members it does not know are not signed
request "${right/\"_type\"/\"extra\":\"smuggled\",\"_type\"}" | "$BUILD/coldpatch-sign" |
	sed 's/.*"payload":"\([^"]*\)".*/\1/' | openssl base64 -d -A | grep -q smuggled && fail "an unknown member was signed"
# what it digests before the request comes: a file that is changed after that is digested again
fifo=$work/fifo
mkfifo "$fifo"
"$BUILD/coldpatch-sign" <"$fifo" >out 2>message &
exec 9>"$fifo"
printf '{"ahead":["%s","%s","%s/none"]}\n' "$work/overlay.qcow2" "$work/base.qcow2" "$work" >&9
sleep 0.5
flip overlay.qcow2 QFI 100
request "$right" >&9
exec 9>&-
status=0
wait $! || status=$?
[ "$status" = 76 ] || fail "a file that changed after it was digested: exit status $status: $(cat message)"
grep -qF "overlay.qcow2: its sha256 is $(digest overlay.qcow2)" message || fail "says '$(cat message)'"
flip overlay.qcow2 QFI 100
{ printf '{"ahead":["%s"]}\n' "$work/overlay.qcow2" "$work/base.qcow2"; request "$right"; } | "$BUILD/coldpatch-sign" >out ||
	fail "the signer refuses what it digested before"
[ -s out ] || fail "nothing was signed"
exit 0
