#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every option is said in four places: the option table, --help, the manual and the completion.  They say the same.
# The same for the verbs, and for the keys of the configuration and of patchsets.  The manual's pages are well-formed.
set -u
. "$(dirname "$0")/../lib.sh"
man=$TEST_TOP/docs/man
bad=0
. "$TEST_TOP/docs/completion.bash"

same() { # WHAT A B
	diff <(echo "$2" | sort -u) <(echo "$3" | sort -u) >/dev/null && return
	echo "$1:"
	diff <(echo "$2" | sort -u) <(echo "$3" | sort -u) | grep '^[<>]'
	bad=1
}

in_help() { # of the lines that tell options, the options, not what their explanation mentions
	"$BUILD/coldpatch" "$@" --help | grep -oE '^  -[a-z-]+( [A-Z0-9]+)?(, --[a-z-]+( [A-Z0-9]+)?)*' | grep -oE -- '--[a-z][a-z-]*'
}
in_table() { # FILE...
	(cd "$TEST_TOP/cmd" && cat "$@") | grep -oE '"[a-z-]+", (required|no)_argument' | sed 's/"\(.*\)".*/--\1/'
}
in_manual() { # PAGE: what the section OPTIONS explains
	sed -n '/^# OPTIONS/,/^# [A-NP-Z]/p' "$man/$1" | grep '^\*-' | grep -oE -- '--[a-z][a-z-]*'
}
in_completion() { # WORDS...: what is offered after them for "--"
	COMP_WORDS=(coldpatch "$@" --)
	COMP_CWORD=$(($# + 1))
	_coldpatch
	printf '%s\n' "${COMPREPLY[@]}"
}

verbs=$("$BUILD/coldpatch" --help | awk '/^  [a-z]/ { print $1 }')
common=$(in_help)
[ -n "$verbs" ] && [ -n "$common" ] || fail "coldpatch --help tells no verbs or no options"
same "common options, --help and main.c" "$common" "$(in_table main.c)"
same "common options, --help and coldpatch.1" "$common" "$(in_manual coldpatch.1.scd)"
same "verbs, --help and coldpatch.1" "$verbs" "$(sed -n '/^# VERBS/,/^# OPTIONS/p' "$man/coldpatch.1.scd" | sed -n 's/^\*\([a-z]*\)\*$/\1/p')"
COMP_WORDS=(coldpatch "") COMP_CWORD=1
_coldpatch
same "verbs, --help and completion" "$verbs" "$(printf '%s\n' "${COMPREPLY[@]}" | grep -v '^-')"

for verb in $verbs; do
	shared=
	grep -q IMAGE_OPTIONS "$TEST_TOP/cmd/$verb.c" && shared=image_options.h
	grep -q HEAD_OPTIONS "$TEST_TOP/cmd/$verb.c" && shared=head_options.h
	help=$(in_help "$verb")
	same "$verb, --help and cmd/$verb.c" "$help" "$(in_table "$verb.c" $shared)"
	same "$verb, --help and the manual" "$help" "$(in_manual "coldpatch-$verb.1.scd")"
	same "$verb, --help and completion" "$(printf '%s\n' $common $help)" "$(in_completion "$verb")"
done

# What the completion offers where a value or an argument is due: a template, a file, a word, or nothing.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/here/folder" "$work/library/templates/web" "$work/library/templates/db"
touch "$work/here/file"
offers() { # EXPECTED WORDS...: for an empty word after these
	COMP_WORDS=(coldpatch "${@:2}" "") COMP_CWORD=$#
	cd "$work/here" || exit 1
	_coldpatch
	cd "$TEST_TOP" || exit 1
	[ "$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')" = "$1" ] || { echo "completion after ${*:2}: ${COMPREPLY[*]}, not $1"; bad=1; }
}
both="db file folder web"
export COLDPATCH_LIBRARY=$work/library
for verb in path history rollback hold unhold status export prune "log head"; do offers "db web" $verb; done
for verb in inspect plan apply verify clone "mirror want" "verify --all"; do offers "$both" $verb; done
for verb in import relocate "key retire" "mirror snapshot"; do offers "file folder" $verb; done
for verb in doctor init "mirror list" "key list"; do offers "" $verb; done
offers "fetch list snapshot verify want" mirror
offers "generate list retire revoke" key
offers head log
offers "db web" import --into
offers "qcow2 raw vmdk" export --format
offers "file folder" export -o
offers "folder" plan -L
offers "" rollback --to
COLDPATCH_LIBRARY=
offers "" history
offers "db web" history -L "$work/library"
offers "db web" history --library "$work/library"
printf 'scratch: /tmp\nlibrary: %s # ours\n' "$work/library" > "$work/config.yaml"
offers "db web" history --config "$work/config.yaml"
mkdir "$work/library/templates/\$(touch\${IFS}pwned)" "$work/library/templates/-x" "$work/library/templates/.tmp-x" "$work/library/templates/a b"
offers "db web" history --library "$work/library"
[ ! -e "$work/here/pwned" ] || { echo "completion runs a name"; bad=1; }
# An option takes a file, a directory, a word or nothing; the completion knows of each which.
for verb in $verbs; do
	for option in $(cd "$TEST_TOP/cmd" && cat "$verb.c" main.c image_options.h head_options.h | grep -oE '"[a-z-]+", required_argument' | cut -d'"' -f2); do
		_coldpatch_value "--$option" || { echo "completion: --$option takes a value"; bad=1; }
	done
	for option in $(in_table "$verb.c" | sort -u); do
		grep -qF "\"${option#--}\", no_argument" "$TEST_TOP/cmd/$verb.c" || continue
		! _coldpatch_value "$option" || { echo "completion: $option takes no value"; bad=1; }
	done
done

keys_in_code() { grep -oE '(OPTIONAL_STRING|STRING_LIST|CYAML_FIELD_[A-Z_]+)\("[a-z-]+"' "$1" | sed 's/.*"\(.*\)"/\1/'; }
keys_in_manual() { sed -n '/^# OPTIONS/,/^# EXIT/p' "$man/$1" | grep -oE '\*[a-z][a-z-]*\*' | tr -d '*'; }
missing() { # PAGE SOURCE: keys that the code takes and the page does not have
	comm -23 <(keys_in_code "$TEST_TOP/$2" | sort -u) <(keys_in_manual "$1" | sort -u)
}
for pair in coldpatch-config.5.scd:lib/session/config.c coldpatch-patchset.5.scd:lib/plan/patchset.c; do
	lacks=$(missing "${pair%%:*}" "${pair#*:}")
	[ -z "$lacks" ] || { echo "${pair%%:*} lacks: $lacks"; bad=1; }
done
[ -n "$(keys_in_code "$TEST_TOP/lib/session/config.c")" ] || fail "no keys found in config.c"

# A key that the page explains is taken: the program says nothing of an unexpected one.
sed -n '/^# EXAMPLE/,/^# SEE/p' "$man/coldpatch-config.5.scd" | sed -n '/^```/,/^```/p' | grep -v '^```' >"$work/config.yaml"
mkdir "$work/store"
"$BUILD/coldpatch" mirror --config "$work/config.yaml" --store "$work/store" list >"$work/out" 2>&1 || { cat "$work/out"; bad=1; }

for verb in $verbs; do grep -qF "coldpatch-$verb(1)" <("$BUILD/coldpatch" "$verb" --help) || { echo "$verb --help names no page"; bad=1; }; done
for page in "$man"/*.scd; do
	name=$(basename "$page" .scd)
	scdoc <"$page" >"$work/$name" || { echo "$name: scdoc refuses it"; bad=1; }
	head -n 1 "$page" | grep -qx "${name%.*}(${name##*.})" || { echo "$name: is called otherwise inside"; bad=1; }
	for section in NAME SYNOPSIS DESCRIPTION OPTIONS "EXIT STATUS" EXAMPLE "SEE ALSO"; do
		grep -qx "# $section" "$page" || { echo "$name: no section $section"; bad=1; }
	done
	for other in $(grep -oE '\*coldpatch[a-z-]*\*\([15]\)' "$page" | tr -d '*' | sed 's/(\(.\))/.\1/'); do
		[ -e "$man/$other.scd" ] || { echo "$name: refers to $other, which is not there"; bad=1; }
	done
done
# Every exit code of the public header is in the manual and in the table, and no other.
codes=$(sed -n '/^enum coldpatch_code/,/^}/p' "$TEST_TOP/lib/coldpatch.h" | grep -oE '= [0-9]+' | tr -d '= ')
same "exit codes, coldpatch.h and coldpatch.1" "$codes" "$(sed -n '/^# EXIT/,/^# ENV/p' "$man/coldpatch.1.scd" | sed -n 's/^|  \([0-9]*\)$/\1/p')"
same "exit codes, coldpatch.h and docs/exit-codes.md" "$codes" "$(sed -n 's/^| \([0-9]*\) *|.*/\1/p' "$TEST_TOP/docs/exit-codes.md")"
exit $bad
