#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetching from servers that stop, lie, or are not there: exit code and message, what is in the directory, what is
# asked for the next time.  The want files are written by hand, so no image and no root is needed.
set -u
. "$(dirname "$0")/../lib.sh"
for tool in gpg dpkg-deb python3 jq; do command -v $tool >/dev/null || skip "$tool is not installed"; done
workdir
cd "$WORK" || exit 1
trap 'kill $server 2>/dev/null; rm -rf "$WORK"' EXIT

deb() { # NAME VERSION [KIB [FIELDS]]
	mkdir -p "p/$1/DEBIAN" "p/$1/usr/share/$1"
	printf 'Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: T <t@example.org>\nDescription: t\n' "$1" "$2" >"p/$1/DEBIAN/control"
	[ -z "${4-}" ] || printf '%s\n' "$4" >>"p/$1/DEBIAN/control"
	head -c $((${3:-1} * 1024)) /dev/urandom >"p/$1/usr/share/$1/data"
	dpkg-deb -Znone --root-owner-group -b "p/$1" "$1_$2_amd64.deb" >/dev/null || fail "dpkg-deb"
}
signed() { "$TEST_TOP/test-images/make-signed-mirror" -o archive --key key "$@" || fail "make-signed-mirror"; }
want() { # NAME VERSION ...: the packages of a guest, into file want
	printf 'coldpatch-want 1\n\nrelease debian 12 bookworm\narchitectures amd64\nsuites bookworm-security\nupdate all\n' >want
	while [ $# -gt 0 ]; do printf 'package %s %s amd64\n' "$1" "$2"; shift 2; done >>want
}
serve() { # starts the server; $URL
	: >port
	"$TEST_TOP/tests/hostile/fetch_server.py" archive "$WORK/log" "$WORK/fault" >port &
	server=$!
	for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
	URL=http://127.0.0.1:$(cat port)
}
fetch() { # CODE [ARGS...]: from the server into m
	local code=$1
	shift
	: >log
	expect "$code" mirror fetch --quiet --want want -o m --keyring key/keyring.gpg --source "$URL" "$@"
}
fault() { echo "$*" >fault; }
well() { rm -f fault; }
asked() { grep -cF -- "$1" log; } # how often
state() { (cd m 2>/dev/null && find dists pool -type f -exec sha256sum {} + 2>/dev/null | sort); }
big=pool/main/b/big/big_2_amd64.deb
partial() { find m/.fetch/partial -type f ! -name '*.since' 2>/dev/null; }
is_whole() { cmp -s "m/$1" "archive/$1" || fail "$1 is not what the archive has"; }
# refused CODE MESSAGE [ARGS...]: what was there is as it was, and nothing of the kind under its final name.
refused() {
	local code=$1 message=$2
	shift 2
	state >before
	fetch "$code" "$@"
	expect_message "$message"
	[ "$(grep -c '^coldpatch: ' "$ERR")" = 1 ] || { cat "$ERR"; fail "not one line of message"; }
	state >after
	cmp -s before after || { diff before after; fail "the mirror has changed: $message"; }
}

deb big 2 3000 'Depends: new'
deb new 1
deb unrelated 1
deb same 1
# Two components without packages: two indexes with the same bytes.
: >empty
signed --component contrib --stanzas empty
signed --component non-free --stanzas empty
signed --date '-1 hour' big_2_amd64.deb new_1_amd64.deb unrelated_1_amd64.deb same_1_amd64.deb
want big 1 same 1 elsewhere 3
serve

# ---- what it brings: the update, what that needs, and no more; a mirror that snapshot takes ----
fetch 0 --json
[ "$(jq -c '[.packages, .fetched, .missing, .suites[0].name]' "$OUT")" = '[2,2,[],"bookworm-security"]' ] || { cat "$OUT"; fail "told otherwise"; }
[ "$(cd m && find pool -type f | sort | tr '\n' ' ')" = "$big pool/main/n/new/new_1_amd64.deb " ] || { find m; fail "other packages"; }
is_whole $big
[ "$(find m/dists -path '*/by-hash/SHA256/*' -type f | wc -l)" = 3 ] || { find m/dists; fail "an index did not come"; }
[ -z "$(find m/.fetch -type f ! -name lock ! -name high-water.json)" ] || { find m/.fetch; fail "something is left in .fetch"; }
expect 0 mirror snapshot --keyring key/keyring.gpg m
grep -q '^mirror snapshot [0-9a-f]*, 2 packages$' "$OUT" || fail "the mirror snapshot has other packages"
fetch 0
[ "$(asked pool/)" = 0 ] && [ "$(asked by-hash)" = 0 ] || { cat log; fail "what was there was fetched again"; }
# A file that is damaged here is one that is missing.
printf x | dd of=m/$big bs=1 seek=1000 conv=notrunc 2>/dev/null
fetch 0
is_whole $big
cp -a m good

# ---- the server stops in the middle, for good; the next call goes on from there ----
rm -rf m; fault stop big_2 100000
fetch 69
expect_message "$URL/$big: "
[ ! -e m/$big ] && [ ! -e m/dists/bookworm-security/InRelease ] || fail "it is there, but not whole"
is_whole pool/main/n/new/new_1_amd64.deb
size=$(stat -c %s "$(partial)")
[ "$size" -ge 100000 ] || fail "what came was thrown away"
grep -q 'big_2.* 100000- 206' log || { cat log; fail "apt did not try to go on"; }
well; fetch 0
grep -qF "/$big $size- 206" log || { cat log; fail "it was not continued at $size"; }
[ "$(asked new_1)" = 0 ] || fail "what was there was fetched again"
is_whole $big

# ---- killed, or interrupted, while the server hangs ----
interrupted() { # SIGNAL WHO...: of pid (the program), worker, method
	local signal=$1
	shift
	rm -rf m; fault hang big_2 1500000; : >log
	"$BUILD/coldpatch" mirror fetch --config config.yaml --quiet --want want -o m --keyring key/keyring.gpg --source "$URL" 2>killed.err &
	local pid=$! worker method who targets=()
	for _ in $(seq 300); do [ "$(partial | xargs -r cat 2>/dev/null | wc -c)" -ge 1500000 ] && break; sleep 0.1; done
	worker=$(pgrep -P $pid coldpatch-worke) method=$(pgrep -P "$worker" http)
	[ -n "$method" ] || fail "no method is running: this test shows nothing"
	for who; do targets+=("${!who}"); done
	kill "-$signal" "${targets[@]}"
	STATUS=0; wait $pid 2>/dev/null || STATUS=$?
	for _ in $(seq 100); do [ -e /proc/$worker ] || [ -e /proc/$method ] || break; sleep 0.1; done
	[ ! -e /proc/$worker ] && [ ! -e /proc/$method ] || fail "SIG$signal to $* leaves processes"
	[ ! -e m/$big ] && [ ! -e m/dists/bookworm-security/InRelease ] || fail "it is there, but not whole"
	well; fetch 0
	grep -qF "/$big 1500000- 206" log || { cat log; fail "after SIG$signal to $* it was not continued"; }
	is_whole $big
}
interrupted KILL pid
interrupted KILL pid worker
interrupted KILL pid worker method # apt cannot set the partial file's date
interrupted INT pid
[ $STATUS = 75 ] && grep -q interrupted killed.err || fail "SIGINT: exit $STATUS, $(cat killed.err)"

# ---- a partial file that is not the beginning of the file is begun anew, in the same call ----
rm -rf m; mkdir -p m/.fetch/partial
head -c 500000 /dev/zero >"m/.fetch/partial/$(sha256sum archive/$big | cut -d' ' -f1)"
touch -r archive/$big m/.fetch/partial/*
fetch 0
grep -q 'big_2.* 500000- 206' log && grep -q 'big_2.* - 200' log || { cat log; fail "not continued, or not begun anew"; }
is_whole $big
[ ! -e m/.fetch/partial ] || fail "partial files are left"

# ---- other bytes than the signed index names; over a mirror that was good ----
older() { rm -rf m; cp -a good m; rm m/$big; } # good, but for one package
older; fault swap big_2
refused 76 "$big: it is not the file that the signed index names"
fault short big_2
refused 76 "$big: it is not the file that the signed index names"
well; fetch 0; is_whole $big
rm -rf m; fault swap Packages
refused 76 "it is not the file that the signed index names"
fault swap InRelease
refused 76 "dists/bookworm-security/InRelease: "
well

# ---- more than anybody wants: no file, whether its length is known or said, fills the disk ----
poured() { # of what the server would have sent, no more than sockets hold beside the 64 MiB
	for _ in $(seq 100); do [ -s log.poured ] && break; sleep 0.1; done
	[ "$(cat log.poured)" -le $(($1 << 20)) ] || fail "$(cat log.poured) bytes were read"
	rm log.poured
	[ "$(du -sm m | cut -f1)" -lt 10 ] || fail "what was too long is left on the disk"
}
rm -rf m; fault announce InRelease 300000000
refused 76 "dists/bookworm-security/InRelease: longer than 67108864 bytes"
poured 20
fault endless InRelease 300000000
refused 76 "dists/bookworm-security/InRelease: longer than 67108864 bytes"
poured 100
fault announce Packages 300000000
refused 76 "it is not the file that the signed index names"
poured 20
well
cp -a archive long && truncate -s $(((64 << 20) + 1)) long/dists/bookworm-security/InRelease || fail long
expect 76 mirror fetch --quiet --want want -o m --keyring key/keyring.gpg --source "$WORK/long"
expect_message "/long/dists/bookworm-security/InRelease: longer than 67108864 bytes"
[ "$(du -sm m | cut -f1)" -lt 10 ] || fail "what was too long is left on the disk"
rm -r long

# ---- what is not there, and who does not answer ----
older; fault status big_2 404
refused 69 "$URL/$big: "
fault status big_2 500
refused 69 "500"
rm m/pool/main/n/new/new_1_amd64.deb; fault status _amd64.deb 500
refused 69 "2 files could not be fetched, one of them: $URL/pool/"
rm -rf m
fault status InRelease 500
refused 69 "dists/bookworm-security/InRelease: "
fault status InRelease 404
refused 69 "no source has any of the suites that are wanted: bookworm-security"
fault status Packages 404
refused 69 "the mirror is incomplete: dists/bookworm-security/"
well
dead=$URL; kill $server; wait $server 2>/dev/null
refused 69 "$dead/dists/bookworm-security/InRelease: "
# A password in the URL of a source is nobody's business.
expect 69 mirror fetch --quiet --want want -o m --keyring key/keyring.gpg --source "http://me:se:c@ret@${dead#http://}"
expect_message "http://me@${dead#http://}/dists/bookworm-security/InRelease: "
! grep -q "se:c\|ret@" "$ERR" || { cat "$ERR"; fail "a password is told"; }
serve
refused 69 "bookworm-security/InRelease: " --source http://nothing.invalid --source "$URL" --proxy "$dead"

# ---- signatures and ages ----
older; cp -a archive kept
as_archive() { rm -rf archive; cp -a kept archive; "$@"; }
as_archive eval 'gpgless=$(sed -n "/^Origin/,/^-----BEGIN/p" archive/dists/bookworm-security/InRelease | grep -v ^-----); echo "$gpgless" >archive/dists/bookworm-security/InRelease'
refused 76 "dists/bookworm-security/InRelease: "
as_archive rm archive/dists/bookworm-security/InRelease
signed --sign detached
rm -f archive/dists/bookworm-security/InRelease
refused 69 "no source has any of the suites"
as_archive true
rm -rf stranger; "$TEST_TOP/test-images/make-signed-mirror" -o archive --key stranger --date '-1 hour'
refused 76 'which is not in the keyrings pinned for this mirror'
as_archive signed --date '-3 days' --valid-until '-1 day'
refused 76 'was valid until '
digest=$(sed -n 's/.*allow digest \([0-9a-f]\{64\}\).*/\1/p' "$ERR")
rm -rf m; fetch 0 --allow "$digest"
as_archive signed --date '-40 days' --valid-until none
rm -rf m
refused 76 'older than the limit of 10 days'
as_archive signed --date '-2 days' --digest SHA1
refused 76 'SHA-1'
as_archive signed --date '-2 days'
older
refused 76 'the mirror was rolled back'
as_archive true; fetch 0

# ---- a newer state: what it no longer names stays, what it names comes ----
deb big 3 10 'Depends: new'
signed big_3_amd64.deb new_1_amd64.deb same_1_amd64.deb
fetch 0
[ -e m/pool/main/b/big/big_3_amd64.deb ] && [ -e m/$big ] || fail "the new one did not come, or the old one is gone"
[ "$(asked new_1)" = 0 ] || fail "what was there was fetched again"
expect 0 mirror snapshot --keyring key/keyring.gpg m

# ---- from a directory; two sources, each with a suite; the first that has one gives it ----
"$TEST_TOP/test-images/make-signed-mirror" -o 'other archive%' --key key --suite bookworm same_1_amd64.deb
sed -i 's/^suites.*/suites bookworm bookworm-security/' want
rm -rf m; expect 0 mirror fetch --quiet --want want -o m --keyring key/keyring.gpg --source 'other archive%' --source archive --source "$URL" --json
[ "$(jq -c '[.suites[] | [.name, (.source | split("/") | last)]]' "$OUT")" = '[["bookworm","other archive%"],["bookworm-security","archive"]]' ] || { cat "$OUT"; fail "other sources"; }
expect 0 mirror snapshot --keyring key/keyring.gpg m
# One path, two files: one directory cannot hold both.
deb clash 2; cp clash_2_amd64.deb x.deb; deb clash 2; mkdir -p y; mv clash_2_amd64.deb y/; mv x.deb clash_2_amd64.deb
want clash 1
sed -i 's/^suites.*/suites bookworm/' want
printf '\nrelease other - bookworm\narchitectures amd64\nsuites bookworm-security\nupdate security\npackage clash 1 amd64\n' >>want
signed clash_2_amd64.deb
rm -rf 'other archive%'; "$TEST_TOP/test-images/make-signed-mirror" -o 'other archive%' --key key --suite bookworm --origin other y/clash_2_amd64.deb
rm -rf m; expect 69 mirror fetch --quiet --want want -o m --keyring key/keyring.gpg --source 'other archive%' --source archive
expect_message "pool/main/c/clash/clash_2_amd64.deb is one file in suite "
# A guest none of whose suites is there.
printf '\nrelease debian 13 trixie\narchitectures amd64\nsuites trixie\nupdate all\npackage clash 1 amd64\n' >>want
expect 69 mirror fetch --quiet --want want -o m --keyring key/keyring.gpg --source archive
expect_message "no suite that the sources have is for debian "

# ---- through a proxy, and nothing of the host's configuration ----
want clash 1
echo 'Acquire::http::Proxy "http://127.0.0.1:1";' >apt.conf
rm -rf m; : >log
APT_CONFIG=$WORK/apt.conf http_proxy=http://127.0.0.1:1 expect 0 mirror fetch --quiet --want want -o m --keyring key/keyring.gpg --source http://archive.invalid/ --proxy "$URL"
grep -q '^http://archive.invalid/pool/main/c/clash/clash_2_amd64.deb ' log || { cat log; fail "not through the proxy"; }

# ---- calls that cannot work ----
rm -rf m
call() { expect "$1" mirror fetch --quiet -o m "${@:3}"; expect_message "$2"; [ ! -e m/pool ] || fail "something was fetched"; }
call 66 "absent.want: " --want absent.want --source archive --keyring key/keyring.gpg
echo nothing >bad.want
call 78 'bad.want: line 1: not "coldpatch-want 1": no want file, or a newer one' --want bad.want --source archive --keyring key/keyring.gpg
call 66 "source absent: No such file or directory" --want want --source absent --keyring key/keyring.gpg
call 64 "source ftp://x: neither an http or https URL nor a directory" --want want --source ftp://x --keyring key/keyring.gpg
call 64 "source http://x y: neither" --want want --source "http://x y" --keyring key/keyring.gpg
call 64 "proxy socks: not an http or https URL" --want want --source archive --keyring key/keyring.gpg --proxy socks
call 78 "no keyring: the keys that may sign an archive are yours to name" --want want --source archive
call 78 "absent.gpg: not there" --want want --source archive --keyring absent.gpg
mkdir -p m/.fetch
exec 8>m/.fetch/lock; flock 8
call 75 "m: somebody else fetches into it" --want want --source archive --keyring key/keyring.gpg
exec 8>&-

# ---- no room ----
if [ "$(id -u)" = 0 ]; then
	rm -rf m; mkdir m; as_archive true; want big 1
	mount -t tmpfs -o size=1500k none m || fail "mount"
	status=0
	(fetch 73; expect_message "No space left on device") || status=1
	[ ! -e m/$big ] || status=1
	umount m
	[ $status = 0 ] || fail "a full file system"
fi
echo "servers that stop, lie or are away leave a mirror as good as it was"
