#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two hosts, each with its own id and mount namespace, patch, roll back, import and prune one template at the same time: every
# head has one successor, each change that was told as done has its head, and no generation that a head names is lost.
# 200 rounds in `make check-full`, else 20.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
rounds=20
[ -z "${COLDPATCH_TEST_FULL-}" ] || rounds=200
guest=$(mini_guest)
qemu-img convert -O raw "$guest" "$WORK/rebuilt.raw"
change_guest "$WORK/rebuilt.raw" touch rebuilt
victim_update
library=$WORK/library
for host in a b; do
	mkdir "$WORK/scratch-$host"
	sed "s|^scratch: .*|scratch: $WORK/scratch-$host|; s|^state: .*|state: $WORK/state-$host|" "$WORK/config.yaml" > "$WORK/$host.yaml"
	printf 'library: %s\nhost-id: host-%s\n' "$library" $host >> "$WORK/$host.yaml"
done
cp "$WORK/a.yaml" "$WORK/config.yaml"
expect 0 init
cp -a "$WORK/store/mirror-snapshots" "$WORK/store/packages" "$library/"
expect 0 import "$guest" --name mini

# one HOST COMMAND...: a line of JSON for each that changed something; being late is no failure
one() {
	local host=$1 status=0
	"$BUILD/coldpatch" "$2" --config "$WORK/$host.yaml" "${@:3}" --json --quiet >"$WORK/$host.out" 2>"$WORK/$host.err" </dev/null || status=$?
	case $status in
	0) jq -c --arg verb "$2" '{verb: $verb, changed, generation, run}' "$WORK/$host.out" >> "$WORK/$host.done" ;;
	75 | 77) echo "$2 $status" >> "$WORK/$host.late" ;;
	*) echo "$* : exit $status"; cat "$WORK/$host.out" "$WORK/$host.err"; return 1 ;;
	esac
}
host() { # HOST: half of the rounds
	local i
	for ((i = 0; i < rounds / 2; i++)); do
		one "$1" apply mini --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox || return
		[ $((i % 5)) != 4 ] || one "$1" import "$WORK/rebuilt.raw" --into mini || return
		one "$1" rollback mini --to 0 --reason "round $i" || return
		one "$1" unhold mini || return
		[ $((i % 3)) != 2 ] || one "$1" prune --keep-last 3 mini || return
	done
}
export -f one host
export BUILD WORK SNAPSHOT rounds
for host in a b; do
	touch "$WORK/$host.done" "$WORK/$host.late"
	unshare -m bash -c "host $host" > "$WORK/$host.log" 2>&1 &
	eval "pid_$host=$!"
done
wait $pid_a || { cat "$WORK/a.log"; fail "host a"; }
wait $pid_b || { cat "$WORK/b.log"; fail "host b"; }

heads=$(ls "$library/templates/mini/heads" | wc -l)
last=$(ls "$library/templates/mini/heads" | tail -n 1)
[ "$heads" = $((10#$last)) ] || fail "$heads heads, the last is $last"
told=$(cat "$WORK"/?.done | jq -s '[.[] | select(.verb != "prune" and .changed == true)] | length')
[ "$heads" = $((told + 1)) ] || fail "$heads heads, but $told changes were told as done after the import"
expect 0 verify --all --quiet
for generation in $(cat "$WORK"/?.done | jq -r 'select(.verb == "apply" or .verb == "import") | select(.changed == true) | .generation'); do
	[ -e "$library/templates/mini/$generation/record.sigstore.json" ] || fail "generation $generation is lost"
done
[ -z "$(find "$library/templates" -name '.tmp*')" ] || { expect 0 hold mini --reason end; find "$library/templates" -name '.tmp*' | grep . && fail "left behind"; }
echo "$heads heads, $(cat "$WORK"/?.late | wc -l) came too late"
