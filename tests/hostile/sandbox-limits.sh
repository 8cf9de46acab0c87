#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Guest code runs in a control group with limits, which is gone after the run, and after a run that was killed when the next
# one makes its own.  Where memory is limited, scripts that want more are told so.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
limits=$("$BUILD/coldpatch" doctor --json | jq -r '.checks[] | select(.name == "cgroups").found')
echo "$limits"
case $limits in *"processes limited"*) ;; *) skip "this host has no control groups for us: $limits" ;; esac
guest=$(tiny_guest) || exit 1
workdir

groups_of() { # PID: the groups of that worker
	find /sys/fs/cgroup -maxdepth 6 -type d -name "coldpatch-$1" 2>/dev/null
}
start_run() { # until its group holds guest code
	apply_to "$guest"
	cp_run "${APPLY[@]}" >"$WORK/out" 2>"$WORK/err" </dev/null &
	session=$!
	for _ in $(seq 600); do
		command=$(pgrep -P $session -x coldpatch || echo $session)
		worker=$(pgrep -P "$command" -f 'coldpatch-worker layer')
		group=$([ -z "$worker" ] || groups_of "$worker" | head -n 1)
		[ -z "$group" ] || [ "$(wc -l < "$group/cgroup.procs")" = 0 ] || return 0
		kill -0 $session 2>/dev/null || break
		sleep 0.05
	done
	cat "$WORK/err"; fail "no run in a control group was seen"
}

echo "== during a run"
victim_update 'sleep 3'
mkdir "$WORK/output"
start_run
for group in $(groups_of "$worker"); do
	[ "$(cat "$group/pids.max" 2>/dev/null || echo 4096)" = 4096 ] || fail "$group: no limit of processes"
	for pid in $(cat "$group/cgroup.procs"); do
		score=$(cat "/proc/$pid/oom_score_adj" 2>/dev/null) || continue # it has ended
		[ "$score" = 1000 ] || fail "guest code would not be the first to go"
	done
done
status=0; wait $session || status=$?
[ $status = 0 ] || { cat "$WORK/err"; fail "exit $status"; }
[ -z "$(groups_of "$worker")" ] || fail "a control group is left"

echo "== after a run that was killed"
for _ in 1 2 3 4 5; do # a run of another test may clean up first
	rm -rf "$WORK/output"; mkdir "$WORK/output"
	start_run
	kill -9 "$worker"
	wait $session
	left=$(groups_of "$worker")
	[ -z "$left" ] || break
done
[ -n "$left" ] || fail "nothing was left to clean up"
rm -rf "$WORK/output"; mkdir "$WORK/output"
apply_to "$guest"
expect 0 "${APPLY[@]}"
runs_are_over
[ -z "$(groups_of "$worker")" ] || fail "the group of a killed run is still there"

case $limits in *"memory limited"*) ;; *) echo "memory is not limited here: not tested"; exit 0 ;; esac
echo "== more memory than there is"
victim_update 'x=x; while :; do x=$x$x; done'
refused 75 "the guest's package scripts ran out of memory: the sandbox has " "$guest"
