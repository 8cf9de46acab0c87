#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# docs/air-gap.md to the letter: its blocks are run as they stand, in their order.  Those marked "inside" in a network
# namespace without interfaces, beside the images; those marked "outside" in a mount namespace in which neither images nor
# keys nor the inside's files are, with the archive on a server of this machine.  Only what people carry goes across.
# Those marked "library" are done inside, where this coldpatch has the verbs.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
guest=$(small_guest) archive=$(small_mirror)
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-test.XXXXXX")
trap 'kill $server 2>/dev/null; rm -rf "$WORK"' EXIT
mkdir -p "$WORK/inside" "$WORK/outside" "$WORK/hidden" "$WORK/empty"
cp --reflink=auto "$guest" "$WORK/inside/golden.qcow2"
sum=$(sha256sum <"$WORK/inside/golden.qcow2")

"$TEST_TOP/tests/hostile/fetch_server.py" "$archive" "$WORK/log" >"$WORK/port" &
server=$!
for _ in $(seq 100); do [ -s "$WORK/port" ] && break; sleep 0.1; done
url=http://127.0.0.1:$(cat "$WORK/port")

inside() { # BLOCK: no network, not even the loopback
	(cd "$WORK/inside" && unshare -n bash -euc 'set -o pipefail; ! (exec 3<>"/dev/tcp/127.0.0.1/${0##*:}") 2>/dev/null || exit 99; '"$1" "$url")
}
outside() { # BLOCK: over the inside, the guests and the sources of the tests lies something empty
	(cd "$WORK/outside" && ARCHIVE=$url/nothing SECURITY=$url unshare -m bash -euc '
		for place in "$1" "$2"; do mount --bind "$3" "$place"; done
		[ -z "$(ls -A "$1")$(ls -A "$2")" ] || exit 99
		'"$1" outside "$WORK/inside" "$GUESTS" "$WORK/empty")
}
# Has this coldpatch the verbs of a block on a library?
has_verbs() { # BLOCK
	local verb
	for verb in $(sed -n 's/^coldpatch \([a-z]*\).*/\1/p' <<<"$1"); do
		"$BUILD/coldpatch" --help | grep -q "^  $verb " || return 1
		[ "$verb" != verify ] || ! "$BUILD/coldpatch" verify web 2>&1 | grep -q -- '--record is missing' || return 1
	done
}
carry() { # what goes in and out between one block and the next
	[ ! -e "$WORK/inside/site.want" ] || cp "$WORK/inside/site.want" "$WORK/outside/"
	[ ! -e "$WORK/outside/carry.tar" ] || cp "$WORK/outside/carry.tar" "$WORK/inside/"
}
follow() { # WHERE BLOCK
	echo "---- $1"
	echo "$2"
	case $1 in
	inside) inside "$2" ;;
	outside) outside "$2" ;;
	library) if has_verbs "$2"; then inside "$2"; else echo "not run: this coldpatch has no such verb" | tee -a "$WORK/not-run"; fi ;;
	*) fail "a block is marked $1" ;;
	esac || fail "exit $? of a block $1: $2"
	carry
}

export COLDPATCH_LIBEXEC=$BUILD
# Patchsets are found by name where coldpatch is installed; here it is not.
sed "s|^key: |patchsets: $TEST_TOP/patchsets\n&|" "$TEST_TOP/docs/air-gap.md" >"$WORK/guide.md"
where='' block='' n=0
while IFS= read -r line; do
	case $line in
	'```sh '*) where=${line#* } block='' ;;
	'```')
		[ -z "$where" ] || { follow "$where" "$block"; n=$((n + 1)); }
		where=''
		;;
	*) [ -z "$where" ] || block+=$line$'\n' ;;
	esac
done <"$WORK/guide.md"
[ $n -ge 10 ] || fail "only $n blocks were found in the guide"

# ---- and it has done what it says ----
cd "$WORK/inside" || exit 1
[ "$(sha256sum <golden.qcow2)" = "$sum" ] || fail "the golden image was changed"
[ "$(cut -d' ' -f1 site.want | sort -u | tr '\n' ' ')" = " architectures coldpatch-want package release suites update " ] || fail "something else is in the want file"
! grep -qE "$(hostname)|golden|$WORK|/" site.want || fail "the want file tells more than it should"
[ "$(ls "$WORK/outside" | tr '\n' ' ')" = "carry.tar mirror site.want " ] || fail "other files are outside: $(ls "$WORK/outside")"
# What was fetched is what the vendor's own apt had found to be needed (make-mirror), and all of it is in the plan.
diff <(cd "$archive/pool" && find . -type f | sort) <(cd mirror/pool && find . -type f | sort) || fail "other packages than apt's own"
[ "$(jq '.plan.left | map(select(.reason == "not-on-mirror")) | length' plan.json)" = 0 ] || fail "the plan lacks packages"
[ "$(jq '.plan.changes | length' plan.json)" = "$(find mirror/pool -type f | wc -l)" ] || fail "the plan takes other packages"
jq -r '.plan.changes[] | select(.to) | "package \(.name) \(.to) \(.architecture)"' plan.json | sort >planned
[ -s planned ] && [ -z "$(comm -23 planned <(sort next.want))" ] || fail "the new image does not want from what was planned on"
if [ -d library ]; then
	jq -e '.generations | length == 2' <("$BUILD/coldpatch" history --config config.yaml -L library web --json) >/dev/null || fail "the history of web is another"
fi
[ ! -e "$WORK/not-run" ] || echo "$(wc -l <"$WORK/not-run") blocks were not run: this coldpatch lacks the verb"
echo "the guide was followed, $n blocks"
