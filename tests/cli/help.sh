#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What --help prints, word for word: help/VERB.txt, and help/coldpatch.txt for the program itself.  After a change that
# is meant, `tests/cli/help.sh --write` writes them anew.
set -u
. "$(dirname "$0")/../lib.sh"
expected=$TEST_TOP/tests/cli/help
verbs=$("$BUILD/coldpatch" --help | awk '/^  [a-z]/ { print $1 }')
[ -n "$verbs" ] || fail "coldpatch --help names no verb"

if [ "${1:-}" = --write ]; then
	"$BUILD/coldpatch" --help >"$expected/coldpatch.txt"
	for verb in $verbs; do "$BUILD/coldpatch" "$verb" --help >"$expected/$verb.txt"; done
	exit 0
fi

compare() { # FILE ARGS...: prints FILE on stdout, nothing on stderr, exits 0
	local file=$1 output status=0
	shift
	output=$("$BUILD/coldpatch" "$@" 2>&1) || status=$?
	[ "$status" = 0 ] || fail "coldpatch $*: exit $status"
	diff -u "$expected/$file" <(echo "$output") || fail "coldpatch $* prints something else"
}

compare coldpatch.txt --help
compare coldpatch.txt help
for verb in $verbs; do compare "$verb.txt" "$verb" --help; done
for file in "$expected"/*.txt; do
	verb=$(basename "$file" .txt)
	[ "$verb" = coldpatch ] || grep -qx "$verb" <<<"$verbs" || fail "$file: no such verb"
done

# Wrong calls: 64, one line on stderr that says where the help is, nothing on stdout.
wrong() { # MESSAGE ARGS...
	local message=$1 status=0 output
	shift
	output=$("$BUILD/coldpatch" "$@" 2>&1 >/dev/null) || status=$?
	[ "$status" = 64 ] || fail "coldpatch $*: exit $status, expected 64"
	[ "$output" = "$message" ] || fail "coldpatch $*: said: $output"
	[ -z "$("$BUILD/coldpatch" "$@" 2>/dev/null)" ] || fail "coldpatch $*: prints on stdout"
	case $message in "coldpatch: "*) return ;; esac
	output=$("$BUILD/coldpatch" "$@" --json 2>&1) || status=$?
	[ "$status" = 64 ] || fail "coldpatch $* --json: exit $status, expected 64"
	[ "$(jq -r '"coldpatch \(.msg)", .code, .error, .failed' <<<"$output")" = "$message"$'\n64\nusage\ntrue' ] || fail "coldpatch $* --json: said: $output"
}
wrong "coldpatch: no verb wake; see coldpatch --help" wake
wrong "coldpatch inspect: no image; see coldpatch inspect --help" inspect
wrong "coldpatch inspect: option --nope is not known, or lacks its value; see coldpatch inspect --help" inspect --nope
wrong "coldpatch prune: 0: an option does not take this value; see coldpatch prune --help" prune --keep-last 0
wrong "coldpatch prune: --keep-last=x: an option does not take this value; see coldpatch prune --help" prune --keep-last=x
wrong "coldpatch status: '': an option does not take this value; see coldpatch status --help" status -L ""
wrong "coldpatch status: --store=: an option does not take this value; see coldpatch status --help" status --store=
wrong "coldpatch inspect: option --nope is not known, or lacks its value; see coldpatch inspect --help" inspect --nope --help --other
wrong "coldpatch plan: no image; see coldpatch plan --help" plan --patchset debian-12-all
wrong "coldpatch apply: --patchset or --plan is missing; see coldpatch apply --help" apply ./x.qcow2
for also in "--patchset p" "--snapshot 12345678"; do
	# shellcheck disable=SC2086 # words
	wrong "coldpatch apply: --plan says all of it; --patchset and --snapshot do not go with it; see coldpatch apply --help" apply --plan p.json $also ./x.qcow2
done
wrong "coldpatch apply: --output is missing; see coldpatch apply --help" apply --patchset debian-12-all ./x.qcow2
wrong "coldpatch apply: --record is missing; see coldpatch apply --help" apply --patchset debian-12-all -o y.qcow2 ./x.qcow2
wrong "coldpatch verify: --record is missing: ./x.qcow2 is a path, not a template; see coldpatch verify --help" verify ./x.qcow2
wrong "coldpatch verify: no overlay, no template, and no --all; see coldpatch verify --help" verify --record x.json
wrong "coldpatch verify: no overlay, no template, and no --all; see coldpatch verify --help" verify
wrong "coldpatch verify: --all and a template's name; see coldpatch verify --help" verify --all web
wrong "coldpatch verify: --parent-record, --public-key and --backing go with --record; see coldpatch verify --help" verify --backing b web
wrong "coldpatch verify: --all, --since and --quick are for a library, not with --record; see coldpatch verify --help" verify --record r --quick x
wrong "coldpatch log: head [NAME...]; see coldpatch log --help" log
wrong "coldpatch key: --good goes with revoke; see coldpatch key --help" key retire test --good f
wrong "coldpatch mirror: snapshot [DIR...], verify ID, list, want IMAGE... or fetch; see coldpatch mirror --help" mirror
wrong "coldpatch mirror: want: no image; see coldpatch mirror --help" mirror want
wrong "coldpatch mirror: fetch: --want is missing; see coldpatch mirror --help" mirror fetch -o d --source s
wrong "coldpatch mirror: fetch: --output is missing; see coldpatch mirror --help" mirror fetch --want w --source s
wrong "coldpatch mirror: fetch: --source is missing; see coldpatch mirror --help" mirror fetch --want w -o d
wrong "coldpatch key: generate [NAME], list, retire NAME or revoke NAME [--good FILE]; see coldpatch key --help" key
wrong "coldpatch doctor: it takes no arguments; see coldpatch doctor --help" doctor now
wrong "coldpatch init: it takes no arguments: the library is -L DIR; see coldpatch init --help" init here
wrong "coldpatch clone: give a template and the file to make; see coldpatch clone --help" clone web
wrong "coldpatch export: give one template: NAME or NAME@N; see coldpatch export --help" export web db -o f
wrong "coldpatch history: give one template; see coldpatch history --help" history
wrong "coldpatch import: one image at a time; the disks of one guest are --disk FILE each; see coldpatch import --help" import ./a ./b
wrong "coldpatch path: give one template: NAME or NAME@N; see coldpatch path --help" path
wrong "coldpatch plan: --patchset is missing; see coldpatch plan --help" plan ./x.qcow2
wrong "coldpatch relocate: give a base's SHA-256, and where it lies now; see coldpatch relocate --help" relocate ./here
wrong "coldpatch rollback: no template and no --run; see coldpatch rollback --help" rollback
wrong "coldpatch: argument 2 is not UTF-8" inspect "$(printf './caf\351.qcow2')"

# The programs behind it are not for people, and say what they are called with.
for arguments in "" "copy-out" "a b c"; do
	status=0
	# shellcheck disable=SC2086 # words
	output=$("$BUILD/coldpatch-runner" $arguments 2>&1) || status=$?
	[ "$status" = 1 ] || fail "coldpatch-runner $arguments: exit $status"
	case $arguments in
	copy-out) [ "$output" = "coldpatch-runner: open copy-out: No such file or directory" ] ;;
	*) [ "$output" = "usage: coldpatch-runner [copy-out | copy-in] JOB" ] ;;
	esac || fail "coldpatch-runner $arguments: said: $output"
done
