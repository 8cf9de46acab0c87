#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The fixed appliance: built once whoever asks, kept, built anew when the host has changed or somebody damaged it; what nobody
# uses goes.  What cannot be built says why.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
description=/usr/lib/x86_64-linux-gnu/guestfs/supermin.d
[ -d $description ] || skip "libguestfs is not installed"
workdir
tool=$BUILD/tests/appliance_job_tool
cache=$WORK/cache

open_fixed() { "$tool" build "$cache" 2>"$WORK/err" || { cat "$WORK/err"; fail "exit $?"; }; } # prints directory and digest
# A file that was there before it was built: it is not built again as long as that is older.
built_again() { grep -q '^appliance \.\.\.' "$WORK/err"; }
# on_changed_host CODE COMMANDS: opens it where the commands, in a mount namespace of their own, have changed the host
on_changed_host() {
	local want=$1 status=0
	unshare --mount bash -c "set -e; $2; exec \"\$@\"" - "$tool" build "$cache" >"$WORK/out" 2>"$WORK/err" || status=$?
	[ $status = "$want" ] || { cat "$WORK/err"; fail "exit $status, expected $want: $2"; }
}
message() { grep -qF -- "$1" "$WORK/err" || { cat "$WORK/err"; fail "message lacks: $1"; }; }
only() { # what is in the cache beside the lock
	[ "$(ls "$cache" | sort)" = "$(printf '%s\n' lock "$@" | sort)" ] || { ls -l "$cache"; fail "not what should be in the cache"; }
}

echo "== two at once"
"$tool" build "$cache" >"$WORK/first" 2>"$WORK/first.err" & first=$!
"$tool" build "$cache" >"$WORK/second" 2>"$WORK/second.err" || fail "the second"
wait $first || fail "the first"
cmp "$WORK/first" "$WORK/second" || fail "two appliances"
[ "$(cat "$WORK"/{first,second}.err | grep -c '^appliance')" = 1 ] || fail "built twice"
read -r directory digest <"$WORK/first"
key=${directory##*/}
only "$key"
[ "$digest" = "$(sha256sum <"$directory/digests" | head -c 64)" ] || fail "the digest is not that of the file"
for name in kernel initrd; do
	grep -qx "$name $(sha256sum <"$directory/$name" | head -c 64)" "$directory/digests" || fail "digest of $name"
done
grep -qx "root $("$TEST_TOP/tests/image/content-digest.py" "$directory/root")" "$directory/digests" || fail "digest of root"
[ -z "$(find "$directory" -type f -perm /222)" ] || fail "files are writable"

echo "== kept"
[ "$(open_fixed)" = "$directory $digest" ] || fail "not the same"
! built_again || fail "built again"

echo "== damaged"
# the others with COLDPATCH_TEST_FULL
damages=('printf x >>"$directory/initrd"' 'truncate -s 4K "$directory/root"' 'rm "$directory/manifest.json"'
	'echo {} >"$directory/manifest.json"' 'cp "$directory/kernel" "$directory/k" && mv "$directory/k" "$directory/kernel"')
[ -n "${COLDPATCH_TEST_FULL:-}" ] || damages=("${damages[@]:1:2}")
for damage in "${damages[@]}"; do
	eval "$damage"
	open_fixed >"$WORK/out"
	built_again || fail "not built again after: $damage"
	[ "$(cut -d' ' -f2 "$WORK/out")" = "$(sha256sum <"$directory/digests" | head -c 64)" ] || fail "digest after: $damage"
	only "$key"
done

echo "== another host"
mkdir "$cache/new.killed" "$cache/of-yesterday"
flock --shared "$directory" sleep 1000 & user=$!
cp -a $description "$WORK/description" && touch "$WORK/description/packages"
on_changed_host 0 "mount --bind '$WORK/description' $description"
other=$(cut -d' ' -f1 "$WORK/out")
[ "$other" != "$directory" ] || fail "the same key for another host"
only "$key" "${other##*/}"
kill "$(pgrep -P $user sleep)" && wait $user
printf x >>"$other/initrd" # as nobody uses the first one any more, it goes when the second is built
on_changed_host 0 "mount --bind '$WORK/description' $description"
only "${other##*/}"

echo "== interrupted, and why not"
rm -rf "$cache"
"$TEST_TOP/tests/hostile/supervise.py" --within 5 --process supermin --send TERM -- "$tool" build "$cache" >/dev/null 2>"$WORK/err" && status=0 || status=$?
[ $status = 75 ] || { cat "$WORK/err"; fail "interrupted: exit $status"; }
message "interrupted"
only
flock "$cache/lock" sleep 1000 & user=$!
sleep 0.5
"$TEST_TOP/tests/hostile/supervise.py" --within 5 --process "$tool" --delay 1 --send INT -- "$tool" build "$cache" >/dev/null 2>"$WORK/err" && status=0 || status=$?
kill "$(pgrep -P $user sleep)" && wait $user
[ $status = 75 ] || { cat "$WORK/err"; fail "interrupted at the lock: exit $status"; }
on_changed_host 71 "mount -t tmpfs none /boot"
message "no readable kernel with modules in /boot: install linux-image-amd64, or make it readable"
on_changed_host 71 "mount -t tmpfs none ${description%/*}"
message "supermin.d of libguestfs is missing"
printf '#!/bin/sh\necho supermin: no luck today >&2\nexit 1\n' >"$WORK/supermin" && chmod 755 "$WORK/supermin"
on_changed_host 71 "mount --bind '$WORK/supermin' /usr/bin/supermin"
message "building the appliance: "
message "no luck today"
only
mkdir "$cache.small" && mount -t tmpfs -o size=50m small "$cache.small" || fail mount
"$tool" build "$cache.small" >/dev/null 2>"$WORK/err" && status=0 || status=$?
umount "$cache.small"
[ $status = 73 ] || { cat "$WORK/err"; fail "full: exit $status"; }
message "space: $cache.small/new."
message "an appliance takes 512 MiB, 50 are left"
