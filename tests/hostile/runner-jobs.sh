#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Jobs that coldpatch-runner cannot do, each with its words: what it reads there comes from a disk.
. "$(dirname "$0")/../lib.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

refused() { # CODE MESSAGE ARGS...
	local code=$1 message=$2 status=0
	shift 2
	"$BUILD/coldpatch-runner" "$@" >out 2>&1 </dev/null || status=$?
	[ $status = "$code" ] || { cat out; fail "exit $status, expected $code: $*"; }
	[ "$(cat out)" = "coldpatch-runner: $message" ] || { cat out; fail "not said: $message"; }
}

echo '{' > cut
refused 1 "job description: string or '}' expected near end of file" cut
refused 2 "cut: line 2: string or '}' expected near end of file" copy-in cut
refused 1 "open absent: No such file or directory" absent
refused 1 "read .: Is a directory" .
jq -n '{root: "/none", packages: "/none", log: "/none/log", report: "/none/report", capture: "/none/capture", environment: [],
	"copied-up": [], commands: [], hostname: "h", cmdline: "", deadline: 1}' > no-output
refused 1 "open the output /none/report: No such file or directory" no-output

# The changes of a copy-in.
job() { jq -n --arg changes "$work/$1" '{volumes: [], trees: [], source: "/none", changes: $changes}' > job; }
for changes in 'node' 'node\0' 'node\0000\0etc' 'link\0000\0etc\0'; do
	printf "$changes" > changes
	job changes
	refused 2 "the changes end in the middle" copy-in job
done
: > changes
"$BUILD/coldpatch-runner" copy-in job || fail "no changes are no problem"
job absent
refused 2 "$work/absent: No such file or directory" copy-in job
jq 'del(.changes)' job > bad
refused 2 "the job: member changes is missing" copy-in bad
