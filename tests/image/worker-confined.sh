#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every worker, stopped at the moment it has confined itself: it has no network, no capability but those of its task, no new
# privileges, a system call filter, and the signing key is not where it is.  Then a worker that dies.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
command -v strace >/dev/null || skip "strace is not installed"
guest=$(tiny_guest) || exit 1
BUILD=$(realpath "$BUILD")
workdir
real=$BUILD

# Programs as installed, but for a worker that is stopped by each call to seccomp(2).
mkdir "$WORK/bin"
ln -s "$real"/coldpatch-{sign,runner,janitor} "$WORK/bin/"
cp "$real/coldpatch" "$WORK/bin/"
cat > "$WORK/bin/coldpatch-worker" <<-EOF
	#!/bin/sh
	echo \$\$ > "$WORK/new.\$\$"; mv "$WORK/new.\$\$" "$WORK/worker.\$1"
	exec strace -D -o /dev/null -e trace=seccomp -e inject=seccomp:signal=SIGSTOP "$real/coldpatch-worker" "\$@"
EOF
chmod 755 "$WORK/bin/coldpatch-worker"

field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
own_net=$(readlink /proc/self/ns/net)

# examine TASK PID: it is stopped and confined
examine() {
	local task=$1 pid=$2 cap
	echo "$task: CapEff $(field "$pid" CapEff)"
	[ "$(readlink "/proc/$pid/ns/net")" != "$own_net" ] || fail "$task: has the host's network"
	[ "$(field "$pid" NoNewPrivs)" = 1 ] || fail "$task: can get new privileges"
	for cap in CapEff CapPrm CapBnd; do
		[ "$(field "$pid" $cap)" = "${allowed[$task]}" ] || fail "$task: $cap is $(field "$pid" $cap), expected ${allowed[$task]}"
	done
	[ "$(field "$pid" CapInh)$(field "$pid" CapAmb)" = 00000000000000000000000000000000 ] || fail "$task: passes capabilities on"
	grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits" || fail "$task: may dump core"
	[ -s "$WORK/keys/test.key" ] || fail "the key is not there"
	[ -z "$(cat "/proc/$pid/root$WORK/keys/test.key" 2>/dev/null)" ] || fail "$task: sees the signing key"
	[ $task = verify-record ] || [ ! -e "/proc/$pid/root$WORK/keys" ] || [ -z "$(ls "/proc/$pid/root$WORK/keys")" ] ||
		fail "$task: sees the key's directory"
	case $task in layer | commit) [ ! -e "/proc/$pid/root$WORK/other-keys/other.key" ] || fail "$task: sees the key that is used" ;; esac
	if [ "$task" = commit ]; then
		! touch "/proc/$pid/root$WORK/output/touched" 2>/dev/null || fail "$task: can write beside its output"
		touch "/proc/$pid/root$(echo "$WORK"/output/.coldpatch-*)/touched" || fail "$task: cannot write its output"
		rm "$WORK"/output/.coldpatch-*/touched
	fi
}

# CAP_DAC_OVERRIDE; commit with CAP_SETFCAP
declare -A allowed=([inspect]=0000000000000002 [resolve]=0000000000000002 [snapshot]=0000000000000002 [verify-snapshot]=0000000000000002
	[verify-record]=0000000000000002 [payload]=0000000000000002 [commit]=0000000080000002 [layer]=00000000882400fb)
declare -A seen

# watch VERB ARGS...: runs it with such workers, examines each
watch() {
	local task pid
	"$WORK/bin/coldpatch" "$1" --config "$WORK/config.yaml" "${@:2}" >"$WORK/out" 2>"$WORK/err" </dev/null &
	local runs=$!
	while kill -0 $runs 2>/dev/null; do
		for file in "$WORK"/worker.*; do
			task=${file##*.}
			[ -e "$file" ] || continue
			pid=$(cat "$file")
			case "$(field "$pid" State 2>/dev/null)" in [Tt]*) ;; *) continue ;; esac
			if [ "$(field "$pid" Seccomp)" = 2 ] && [ -z "${seen[$task]:-}" ]; then
				seen[$task]=1
				examine "$task" "$pid"
			fi
			kill -CONT "$pid"
		done
		sleep 0.02
	done
	rm -f "$WORK"/worker.*
	local status=0
	wait $runs || status=$?
	[ $status = 0 ] || { cat "$WORK/out" "$WORK/err"; fail "coldpatch $1: exit $status"; }
}

deb=$(victim_deb 2.0 "$WORK") || exit 1
"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
mkdir "$WORK/output"
cp_run key generate --directory "$WORK/other-keys" other >/dev/null || fail "key generate"
watch mirror snapshot --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
snapshot=$(jq -r .digest "$WORK/out")
watch apply --patchset debian-12-all --snapshot "$snapshot" --executor sandbox --key "$WORK/other-keys/other.key" --output "$WORK/output/overlay.qcow2" --record "$WORK/output/record.json" "$guest"
watch verify "$WORK/output/overlay.qcow2" --record "$WORK/output/record.json" --backing "$guest" --public-key "$WORK/keys/test.pub" --public-key "$WORK/other-keys/other.pub"
watch mirror verify "$snapshot"
for task in "${!allowed[@]}"; do [ -n "${seen[$task]:-}" ] || fail "$task: was not seen"; done

echo "== a worker that dies"
cat > "$WORK/bin/coldpatch-worker" <<-'EOF'
	#!/bin/sh
	head -c 300000 /dev/zero | tr '\0' x >&2
	echo >&2; echo "assertion of $1 failed" >&2
	kill -ABRT $$
EOF
"$WORK/bin/coldpatch" inspect --config "$WORK/config.yaml" "$guest" >"$WORK/out" 2>"$WORK/err" && fail "it succeeded"
[ "$(grep -c . "$WORK/err")" = 1 ] || { cat "$WORK/err"; fail "not one line of message"; }
grep -qF "the inspect worker was killed by signal 6 (Aborted): assertion of inspect failed" "$WORK/err" || { cat "$WORK/err"; fail "the message"; }
sed -i 's/kill .*/exit 3/' "$WORK/bin/coldpatch-worker"
"$WORK/bin/coldpatch" inspect --config "$WORK/config.yaml" "$guest" >"$WORK/out" 2>"$WORK/err" && fail "it succeeded"
grep -qF "the inspect worker ended with status 3 and without a result: assertion of inspect failed" "$WORK/err" || { cat "$WORK/err"; fail "the message"; }
# lies CODE MESSAGE COMMAND: of a worker that does this instead
lies() {
	local status=0
	printf '#!/bin/sh\n%s\n' "$3" >"$WORK/bin/coldpatch-worker"
	"$WORK/bin/coldpatch" inspect --config "$WORK/config.yaml" "$guest" >"$WORK/out" 2>"$WORK/err" || status=$?
	[ $status = "$1" ] && [ "$(grep -c . "$WORK/err")" = 1 ] && grep -qF -- "$2" "$WORK/err" || { cut -c-1000 "$WORK/err"; fail "exit $status, not $1: $2"; }
}
lies 75 "the inspect worker was killed from outside (out of memory?); make room in memory and try again" 'kill -KILL $$'
lies 70 "worker: line 1" 'echo nonsense >&4'
lies 70 "worker: a line is longer than 268435456 bytes" 'head -c 300000000 /dev/zero | tr "\0" x >&4'
echo "workers are confined"
