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
	host_names > "$WORK/host-names"
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
# With a package whose script runs for half a minute.
certificates_guest() { make_once certificates.qcow2 "$TEST_TOP/test-images/debian-guest" --profile small --include ca-certificates --status "$GUESTS/certificates.status" -o; }
demo_guest() { make_once demo.qcow2 "$TEST_TOP/test-images/debian-guest" --profile demo --status "$GUESTS/demo.status" -o; }
small_mirror() { small_guest >/dev/null; make_once small-mirror "$TEST_TOP/test-images/make-mirror" --suite bookworm-security --status "$GUESTS/small.status" -o; }
certificates_mirror() { certificates_guest >/dev/null; make_once certificates-mirror "$TEST_TOP/test-images/make-mirror" --suite bookworm-security --status "$GUESTS/certificates.status" -o; }
demo_mirror() { demo_guest >/dev/null; make_once demo-mirror "$TEST_TOP/test-images/make-mirror" --suite bookworm-security --status "$GUESTS/demo.status" -o; }
# The small guest of another release, and its mirror.
small_guest_of() { make_once "small-$1.qcow2" "$TEST_TOP/test-images/debian-guest" --profile small --suite "$1" --status "$GUESTS/small-$1.status" -o; }
security_mirror_of() { small_guest_of "$1" >/dev/null; make_once "$1-mirror" "$TEST_TOP/test-images/make-mirror" --suite "$1-security" --status "$GUESTS/small-$1.status" -o; }

# A signed mirror that holds version 2 of the odd package: $1 becomes the mirror, $1.key/keyring.gpg the key.
oddities_mirror() {
	local debs=$1.debs
	"$TEST_TOP/test-images/oddities" --build 2 -o "$debs"
	"$TEST_TOP/test-images/make-signed-mirror" -o "$1" --suite oddities-security --origin coldpatch "$debs"/*.deb
}

# Real RPM roots and packages, beside the project's directory; what is made of them says so.
SHARED_RPM=${SHARED_RPM:-$TEST_TOP/../shared/rpm}
needs_rpm_material() {
	[ -f "$SHARED_RPM/README.md" ] || skip "the RPM roots and packages are not there: $SHARED_RPM"
	[ "$(id -u)" = 0 ] || skip "needs root to unpack the roots"
}
# The key that signs test repositories, and those of their packages that no vendor signed: DIR/keyring.gpg, DIR/keyring.asc.
rpm_key() { make_once rpm-key "$TEST_TOP/test-images/make-rpm-mirror" --key; }
# The vendor's key, as the CentOS root carries it.
centos_keyring() { make_once centos-7.keyring.gpg make_centos_keyring; }
make_centos_keyring() { tar -xOf "$SHARED_RPM/centos-7.6.1810-root.tar.zst" ./etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7 | gpg --batch --yes --dearmor -o "$1"; }
centos_guest() { make_once centos-7.qcow2 "$TEST_TOP/test-images/rpm-guest" --root "$SHARED_RPM/centos-7.6.1810-root.tar.zst" -o; }
# The vendor's packages, three of them built again; an apply of it to the CentOS guest takes all 91.
centos_mirror() {
	local key
	key=$(rpm_key) && make_once centos-7-repository "$TEST_TOP/test-images/make-rpm-mirror" --distro cpe:/o:centos:centos:7 --packages-from "$SHARED_RPM/wave-b-7.9.2009" --key "$key" -o
}
rocky_guest() { make_once rocky-9.qcow2 "$TEST_TOP/test-images/rpm-guest" --root "$SHARED_RPM/rocky-9.1-root.tar.zst" --profile boot -o; }

# An image of its own for a test, as an overlay that costs nothing: overlay_of IMAGE PATH
overlay_of() { qemu-img create -q -f qcow2 -b "$(realpath "$1")" -F "${3:-qcow2}" "$2"; }

# change_guest RAW FUNCTION ARGS...: calls FUNCTION in the mounted root of the first partition of the raw image RAW.
change_guest() {
	local raw=$1 offset root
	shift
	offset=$(($(sfdisk -J "$raw" | jq '.partitiontable.partitions[0].start') * 512))
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-root.XXXXXX")
	mount -o "loop,offset=$offset" "$raw" "$root" || { rmdir "$root"; fail "mount $raw"; }
	(cd "$root" && "$@")
	local status=$?
	fstrim "$root" 2>/dev/null
	umount "$root" && rmdir "$root" || fail "umount $root"
	return $status
}

# victim_deb VERSION DIRECTORY [POSTINST [FILES]]: builds DIRECTORY/victim_VERSION_all.deb; FILES is a tree to ship,
# $VICTIM_FIELDS more lines of its control file.  Prints the path.
victim_deb() {
	local tree
	tree=$(mktemp -d "$2/victim.XXXXXX")
	[ -z "${4-}" ] || cp -a "$4/." "$tree"
	mkdir -p "$tree/DEBIAN" "$tree/usr/share/victim"
	chmod 755 "$tree"
	echo "$1" > "$tree/usr/share/victim/version"
	printf 'Package: victim\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.org>\nDescription: t\n' "$1" > "$tree/DEBIAN/control"
	[ -z "${VICTIM_FIELDS-}" ] || printf '%s\n' "$VICTIM_FIELDS" >> "$tree/DEBIAN/control"
	if [ -n "${3-}" ]; then
		printf '#!/bin/sh\n%s\n' "$3" > "$tree/DEBIAN/postinst"
		chmod 755 "$tree/DEBIAN/postinst"
	fi
	dpkg-deb -Zgzip --root-owner-group -b "$tree" "$2/victim_$1_all.deb" >/dev/null || fail "dpkg-deb"
	rm -rf "$tree"
	echo "$2/victim_$1_all.deb"
}

# The small guest as a raw image, without what no package script misses, and with victim 1.0 installed: a run takes a second or two.
tiny_guest() { small_guest >/dev/null; make_once tiny.raw make_tiny_guest; }
make_tiny_guest() {
	local deb_dir
	deb_dir=$(mktemp -d)
	qemu-img convert -O raw "$(small_guest)" "$1" && victim_deb 1.0 "$deb_dir" >/dev/null && change_guest "$1" shrink_guest "$deb_dir"
	local status=$?
	rm -rf "$deb_dir"
	return $status
}
shrink_guest() { # in the guest's root
	rm -rf usr/share/{doc,man,locale,perl,i18n} usr/lib/x86_64-linux-gnu/{perl,gconv} usr/share/zoneinfo/*/*
	install_victim "$1"
}

# 30 MB, for tests that patch it hundreds of times: only what dpkg needs, and victim 1.0.
mini_guest() { make_once mini.qcow2 make_mini_guest; }
make_mini_guest() {
	local work
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-mini.XXXXXX")
	"$TEST_TOP/test-images/debian-guest" --profile mini -o "$work/mini.qcow2" && qemu-img convert -O raw "$work/mini.qcow2" "$work/mini.raw" &&
		victim_deb 1.0 "$work" >/dev/null && change_guest "$work/mini.raw" install_victim "$work" && qemu-img convert -O qcow2 "$work/mini.raw" "$1"
	local status=$?
	rm -rf "$work"
	return $status
}
# The mini guest on logical volumes over two disks, and with the same file systems on plain partitions: a directory with lv/disk0.raw,
# lv/disk1.raw and plain/disk0.raw.  It has the names, but not the programs, of what asks for the boot setup.
lvm_guest() { mini_guest >/dev/null; make_once lvm-mini make_lvm_guest; }
make_lvm_guest() {
	local work offset status=1
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-lvm.XXXXXX")
	qemu-img convert -O raw "$(mini_guest)" "$work/mini.raw" && mkdir "$work/mnt" "$work/tree" &&
		offset=$(($(sfdisk -J "$work/mini.raw" | jq '.partitiontable.partitions[0].start') * 512)) &&
		mount -o "loop,ro,noload,offset=$offset" "$work/mini.raw" "$work/mnt" && {
		cp -a "$work/mnt/." "$work/tree"
		status=$?
		umount "$work/mnt"
	}
	[ $status != 0 ] || {
		rmdir "$work/tree/lost+found"
		for program in usr/sbin/grub-probe usr/sbin/blkid usr/bin/findmnt; do
			printf '#!/bin/sh\nexit 1\n' > "$work/tree/$program" && chmod 755 "$work/tree/$program"
		done
		echo "this is clone A" > "$work/tree/var/lib/who"
		"$TEST_TOP/test-images/lvm-guest" "$work/tree" -o "$1/lv" && "$TEST_TOP/test-images/lvm-guest" --plain "$work/tree" -o "$1/plain"
		status=$?
	}
	rm -rf "$work"
	return $status
}
install_victim() { # DIRECTORY; in the guest's root
	cp "$1"/victim_1.0_all.deb tmp/ && chroot . dpkg -i /tmp/victim_1.0_all.deb >/dev/null && rm tmp/victim_1.0_all.deb
}

# victim_rpm VERSION DIRECTORY [SECTIONS [FILES]]: builds DIRECTORY/victim-VERSION-1.noarch.rpm; SECTIONS are of its spec file
# ("%pre", "%post", ...), FILES is a tree to ship, $VICTIM_FIELDS more lines of its preamble.  Prints the path.
victim_rpm() {
	local tree file
	tree=$(mktemp -d "$2/victim.XXXXXX")
	mkdir -p "$tree/root/usr/share/victim"
	[ -z "${4-}" ] || cp -a "$4/." "$tree/root"
	echo "$1" > "$tree/root/usr/share/victim/version"
	{
		printf 'Name: victim\nVersion: %s\nRelease: 1\nSummary: t\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n' "$1"
		[ -z "${VICTIM_FIELDS-}" ] || printf '%s\n' "$VICTIM_FIELDS"
		printf '%%description\nt\n%s\n%%files\n' "${3-}"
		(cd "$tree/root" && find . -mindepth 1 ! -type d -printf '"/%P"\n' -o -type d -empty -printf '%%dir "/%P"\n' | sort)
	} > "$tree/victim.spec"
	file=$2/victim-$1-1.noarch.rpm
	rpmbuild -bb --quiet --noclean --buildroot "$tree/root" --define "_topdir $tree/build" --define "_rpmdir $2" \
		--define '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' --define '_binary_payload w6.gzdio' \
		--define '__spec_install_pre %{___build_pre}' --define '__os_install_post %{nil}' --define '_build_id_links none' \
		"$tree/victim.spec" > "$tree/log" 2>&1 || { cat "$tree/log" >&2; fail "rpmbuild"; }
	rm -rf "$tree"
	echo "$file"
}

# A small guest with a current rpm, and victim 1.0 installed: a run takes a second or two.
rpm_mini_guest() { make_once rpm-mini.qcow2 make_rpm_mini_guest; }
make_rpm_mini_guest() {
	local work status=0
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/coldpatch-mini.XXXXXX")
	"$TEST_TOP/test-images/rpm-mini-root" --tools "$SHARED_RPM/tools" -o "$work/root" "$(victim_rpm 1.0 "$work")" &&
		"$TEST_TOP/test-images/rpm-guest" --root "$work/root" --size 160 -o "$1" || status=1
	rm -rf "$work"
	return $status
}

# rpm_victim_update [SECTIONS [FILES]]: a mirror with victim 2.0, in the test's store; its digest in $SNAPSHOT.
rpm_victim_update() {
	local rpm key
	key=$(rpm_key) && rpm=$(victim_rpm 2.0 "$WORK" "$@") || exit 1
	rm -rf "$WORK/mirror"
	"$TEST_TOP/test-images/make-rpm-mirror" -o "$WORK/mirror" --key "$key" --distro cpe:/o:fedoraproject:fedora:38 "$rpm" || fail "make-rpm-mirror"
	pin_rpm_mirror
}
pin_rpm_mirror() { # again, when it was changed
	local key
	key=$(rpm_key) && expect 0 mirror snapshot --quiet --json --keyring "$key/keyring.gpg" "$WORK/mirror"
	SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")
}

# victim_update [POSTINST [FILES]]: a mirror with victim 2.0, in the test's store; its digest in $SNAPSHOT.
victim_update() {
	local deb
	deb=$(victim_deb 2.0 "$WORK" "$@") || exit 1
	rm -rf "$WORK/mirror"
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$deb" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")
}

# apply_to IMAGE [OPTION...]: the arguments of an apply of the last update to $WORK/output, with patchset $PATCHSET.
apply_to() {
	APPLY=(apply --patchset "${PATCHSET:-debian-12-all}" --snapshot "$SNAPSHOT" --executor sandbox --output "$WORK/output/overlay.qcow2"
		--record "$WORK/output/record.json" "${@:2}" "$1")
}
# Names of ours where a run has no directory of its own; what other tests, whose sources say how they call it, have there comes
# and goes.
host_names() {
	find /tmp /run /dev/shm -xdev -mindepth 1 -maxdepth 1 -name '*coldpatch*' ! -name 'coldpatch-test.*' ! -name 'coldpatch-root.*' |
		grep -vE "^($(grep -rhoE '/tmp/[a-z-]*coldpatch[a-z-]*\.XXXXXX' "$TEST_TOP/tests" | sed 's/\.X*$/[.]/' | sort -u | paste -sd '|'))" | sort
}
# What a run could leave on the host, outside of its own directories: processes that know the test's directory, mounts of it
# in any namespace, names that were not there when the test began (but for the directory of locks).
host_leftovers() {
	pgrep -af -- "(coldpatch|qemu|e2fsck|dpkg|gpgv).*$WORK/"
	grep -lsF " $WORK/scratch/" /proc/[0-9]*/mountinfo
	host_names | comm -13 "$WORK/host-names" - | grep -vx /run/coldpatch
}
# No run goes on, and none has left a workspace, mount, loop device or process; supervise.py looks for processes, too.
runs_are_over() {
	[ -z "$(host_leftovers)" ] || sleep 0.5 # what was killed may still be on its way
	[ -z "$(host_leftovers)" ] || { host_leftovers; fail "something is left on the host"; }
	[ -z "$(ls -A "$WORK/scratch")" ] || { find "$WORK/scratch" | head; fail "something is left in scratch"; }
	! grep -F "$WORK/scratch/" /proc/mounts || fail "a mount is left"
	for _ in $(seq 50); do losetup -a | grep -qF "$WORK/scratch" || break; sleep 0.1; done # cleared when its last user is gone
	! losetup -a | grep -F "$WORK/scratch" || fail "a loop device is left"
	[ -z "$(find "$WORK/store" -name '.*' 2>/dev/null)" ] || { find "$WORK/store" -name '.*'; fail "something is left in the store"; }
}
# Nothing of a run that failed is left, and no output.
nothing_left() {
	runs_are_over
	[ -z "$(ls -A "$WORK/output")" ] || { ls -lA "$WORK/output"; fail "something is left beside the output"; }
}
# refused CODE MESSAGE IMAGE [OPTION...]: applying to IMAGE fails so, and leaves nothing.
refused() {
	local code=$1 message=$2
	apply_to "${@:3}"
	mkdir -p "$WORK/output"
	expect "$code" "${APPLY[@]}"
	expect_message "$message"
	grep -qF -- "$3" "$ERR" || fail "the message does not name $3: $(tail -n 1 "$ERR")"
	[ "$(grep -c '^coldpatch: ' "$ERR")" = 1 ] || { cat "$ERR"; fail "not one line of message"; }
	nothing_left
}
# refused, by what the run found out: its log and its error are kept, readable by the group at most.
refused_in_run() {
	refused "$@"
	RUN=$(ls -td "$WORK"/store/runs/*/ | head -n 1)
	RUN=${RUN%/}
	[ -s "$RUN/error" ] && [ -e "$RUN/plan.json" ] || fail "the run kept neither error nor plan"
	[ -z "$(find "$RUN" "$WORK/store/layers" -type f -perm /027 2>/dev/null)" ] || fail "others can read the run"
}

# A command of ours at its worst moment, until another is through.  $server is to be killed at the exit.
stop_at() { # CALL VERB...: it stands before this system call; with STOP_FOLLOW= what it starts is not stopped
	local number child
	number=$(echo "SYS_$1" | gcc -E -P -include sys/syscall.h -)
	strace ${STOP_FOLLOW--f} -qq -o /dev/null -e "trace=$1" -e "inject=$1:delay_enter=600s" "$BUILD/coldpatch" "$2" --config "$WORK/config.yaml" "${@:3}" >"$WORK/stopped.log" 2>&1 &
	server=$!
	for _ in $(seq 600); do
		child=$(pgrep -P "$server") && grep -q "^$number " "/proc/$child/syscall" 2>/dev/null && break
		sleep 0.1
	done
	stopped=$child
	grep -q "^$number " "/proc/$stopped/syscall" || { cat "$WORK/stopped.log"; fail "$2 does not come to $1"; }
}
go_on() {
	kill -KILL "$server" # strace itself: what it traced goes on
	server=
	while kill -0 "$stopped" 2>/dev/null; do sleep 0.1; done
}
