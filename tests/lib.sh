# SPDX-License-Identifier: GPL-2.0-or-later
# What the scripted tests share: source it.  Guests and mirrors are made once and kept in $BUILD/guests; a test never
# writes to them.
TEST_TOP=${TEST_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
BUILD=${BUILD:-$TEST_TOP/build}
GUESTS=$BUILD/guests
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
export PATH="$BUILD:$PATH"
mkdir -p "$GUESTS"

fail() { echo "FAILED: $*" >&2; exit 1; }
skip() { echo "$*"; exit 77; }

# A private directory of the test, as $WORK, that is gone afterwards; with a configuration and a key in it.
workdir() {
	WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-test.XXXXXX")
	trap 'rm -rf "$WORK"' EXIT
	cat > "$WORK/config.yaml" <<-EOF
	store: $WORK/store
	scratch: $WORK/scratch
	state: $WORK/state
	patchsets: $TEST_TOP/patchsets
	key: $WORK/keys/test.key
	public-keys: [$WORK/keys/test.pub]
	EOF
	mkdir "$WORK/scratch"
	cp_run key generate --directory "$WORK/keys" test >/dev/null || fail "key generate"
}

# coldpatch with the test's configuration; the verb comes first.
cp_run() { "$BUILD/coldpatch" "$1" --config "$WORK/config.yaml" "${@:2}"; }

# Runs coldpatch and checks its exit code; output in $OUT, messages in $ERR.
expect() { # CODE VERB ARGS...
	local want=$1 status=0
	shift
	OUT=$WORK/out ERR=$WORK/err
	cp_run "$@" >"$OUT" 2>"$ERR" </dev/null || status=$?
	[ "$status" = "$want" ] || { cat "$OUT" "$ERR"; fail "coldpatch $*: exit $status, expected $want"; }
}
expect_message() { # the last run said this on stderr (a fixed string)
	grep -qF -- "$1" "$ERR" || { cat "$ERR"; fail "message lacks: $1"; }
}

# make_once NAME COMMAND...: makes $GUESTS/NAME by a command that gets the new path as its last argument.
make_once() {
	local path=$GUESTS/$1
	shift
	(
		flock 9
		[ -e "$path" ] || { "$@" "$path.new" >&2 && mv "$path.new" "$path"; }
	) 9>"$path.lock" || fail "cannot make ${path##*/}"
	echo "$path"
}
small_guest() { make_once small.qcow2 "$TEST_TOP/test-images/debian-guest" --profile small --status "$GUESTS/small.status" -o; }
demo_guest() { make_once demo.qcow2 "$TEST_TOP/test-images/debian-guest" --profile demo --status "$GUESTS/demo.status" -o; }
small_mirror() { small_guest >/dev/null; make_once small-mirror "$TEST_TOP/test-images/make-mirror" --suite bookworm-security --status "$GUESTS/small.status" -o; }
demo_mirror() { demo_guest >/dev/null; make_once demo-mirror "$TEST_TOP/test-images/make-mirror" --suite bookworm-security --status "$GUESTS/demo.status" -o; }

# A signed mirror that holds version 2 of the odd package: $1 becomes the mirror, $1.key/keyring.gpg the key.
oddities_mirror() {
	local debs=$1.debs
	"$TEST_TOP/test-images/oddities" --build 2 -o "$debs"
	"$TEST_TOP/test-images/make-signed-mirror" -o "$1" --suite oddities-security --origin coldpatch "$debs"/*.deb
}

# An image of its own for a test, as an overlay that costs nothing: overlay_of IMAGE PATH
overlay_of() { qemu-img create -q -f qcow2 -b "$(realpath "$1")" -F "${3:-qcow2}" "$2"; }
