#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packages that need dpkg's rarer ways, and guests that lack what most have: what the vendor's tool does, we do.
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
mkdir "$WORK/output" "$WORK/root"
guest=$WORK/guest.raw

# package DIRECTORY NAME VERSION FIELDS PATH...: each file holds the package's name and version
package() {
	local directory=$1 tree=$WORK/tree path
	rm -rf "$tree" && mkdir -p "$tree/DEBIAN" "$directory" && chmod 755 "$tree"
	{ printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.org>\n' "$2" "$3"; [ -z "$4" ] || printf '%s\n' "$4"; echo 'Description: t'; } > "$tree/DEBIAN/control"
	for path in "${@:5}"; do mkdir -p "$tree${path%/*}"; echo "$2 $3" > "$tree$path"; done
	for path in "${@:5}"; do case $path in */etc/*) echo "$path" >> "$tree/DEBIAN/conffiles" ;; esac; done
	dpkg-deb -Zgzip --root-owner-group -b "$tree" "$directory/$2_$3.deb" >/dev/null || fail "dpkg-deb"
}
old() { package "$WORK/old" "$@"; }
new() { package "$WORK/new" "$@"; }
start() { rm -rf "$WORK/old" "$WORK/new"; }
install_old() { # in the guest's root
	cp "$WORK"/old/*.deb tmp/ && chroot . sh -c 'dpkg -i /tmp/*.deb' >/dev/null && rm tmp/*.deb && "$@"
}
# prepare COMMAND...: a guest with the old packages, in which COMMAND was run, and a mirror with the new ones
prepare() {
	cp --sparse=always "${BASE:-$(tiny_guest)}" "$guest"
	change_guest "$guest" install_old "$@" || fail "cannot prepare the guest"
	rm -rf "$WORK/mirror" "$WORK"/output/*
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-x ${MIRROR_OPTIONS-} "$WORK"/new/*.deb || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	SNAPSHOT=$(jq -r '.digest // .[0].digest' "$OUT")
	apply_to "$guest"
}
# look COMMAND...: in the root of what was made
look() {
	local status=0
	qemu-img convert -O raw "$WORK/output/overlay.qcow2" "$WORK/result.raw"
	mount -o loop,ro,noload,offset=1048576 "$WORK/result.raw" "$WORK/root" || fail "mount"
	(cd "$WORK/root" && "$@") || status=1
	umount "$WORK/root"
	return $status
}
is_installed() { dpkg-query --admindir var/lib/dpkg -W -f '${Status} ${Version}\n' "$1" 2>/dev/null | grep -qx "install ok installed $2"; }
warned() { cat "$OUT" "$ERR" | grep -qF -- "$1" || { cat "$OUT" "$ERR"; fail "no warning: $1"; }; }
not_warned() { ! cat "$OUT" "$ERR" | grep -F -- "$1" || fail "a warning"; }

# "Noting disappearance": all files of foo are now bar's.
start
old foo 1 '' /usr/bin/foo
old user 1 'Depends: foo'
new bar 2 $'Replaces: foo\nProvides: foo' /usr/bin/foo
new user 2 'Depends: bar'
prepare true
expect 0 "${APPLY[@]}"
warned "printed in the guest: package foo: is gone: other packages have taken over all of its files"
gone() { is_installed bar 2 && is_installed user 2 && [ ! -e var/lib/dpkg/info/foo.list ] && ! grep -q '^Package: foo$' var/lib/dpkg/status; }
look gone || fail "not as dpkg does"

# So it is where what is left of an update, a changed configuration file, is taken over.
start
old a 1 '' /etc/a/c
old b 1 ''
new a 2 ''
new b 2 $'Replaces: a (<< 2)\nBreaks: a (<< 2)' /etc/a/c
edited() { echo edited > etc/a/c; }
prepare edited
expect 0 "${APPLY[@]}"
warned "package a: is gone"
kept() { is_installed b 2 && ! grep -q '^Package: a$' var/lib/dpkg/status && grep -qx edited etc/a/c; }
look kept || fail "not as dpkg does"

# A policy-rc.d of a package can be updated, and one of the administrator's stays as it is.
start
old a 1 '' /usr/sbin/policy-rc.d
new a 2 '' /usr/sbin/policy-rc.d
prepare true
expect 0 "${APPLY[@]}"
not_warned policy-rc.d
updated() { grep -qx 'a 2' usr/sbin/policy-rc.d && [ "$(ls usr/sbin/policy-rc.d*)" = usr/sbin/policy-rc.d ]; }
look updated || fail "not the new policy-rc.d"
start
old a 1 ''
new a 2 '' /usr/share/a/x
own() { printf '#!/bin/sh\nexit 0\n' > usr/sbin/policy-rc.d && chmod 755 usr/sbin/policy-rc.d && touch -d 2020-01-01 usr/sbin/policy-rc.d usr/sbin; }
prepare own
expect 0 "${APPLY[@]}"
not_warned policy-rc.d
same() { grep -qx 'exit 0' usr/sbin/policy-rc.d && [ "$(stat -c '%a %y' usr/sbin/policy-rc.d usr/sbin | grep -c '755 2020-01-01')" = 2 ]; }
look same || { look ls -lad usr/sbin usr/sbin/policy-rc.d; fail "not the administrator's policy-rc.d"; }

# Without apt there is nobody to tell what came by itself.
start
old a 1 ''
new a 2 'Depends: b'
new b 1 ''
prepare rm -rf var/lib/apt
expect 0 "${APPLY[@]}"
without() { is_installed b 1 && [ ! -e var/lib/apt ]; }
look without || fail "the new dependency, or /var/lib/apt"

# A repository that has nothing but packages for every architecture.
start
old a 1 ''
new a 2 ''
MIRROR_OPTIONS="--arch all" prepare true
expect 0 "${APPLY[@]}"
look is_installed a 2 || fail "not updated"

# What ends dpkg as a whole, in its own words.
start
old a 1 ''
new a 2 ''
option() { echo no-such-option > etc/dpkg/dpkg.cfg.d/bad; }
prepare option
expect 79 "${APPLY[@]}"
expect_message "unpack: dpkg: exit status 2: configuration error: /etc/dpkg/dpkg.cfg.d/bad:1: unknown option 'no-such-option'; see "
override() { echo 'nosuchuser root 755 /usr/share/a/x' >> var/lib/dpkg/statoverride; }
prepare override
expect 79 "${APPLY[@]}"
expect_message "dpkg: exit status 2: unrecoverable fatal error, aborting: unknown system user 'nosuchuser' in statoverride file"

# A question that nobody saw stays one that debconf may ask later.
start
old a 1 ''
new a 2 ''
dpkg-deb -R "$WORK/new/a_2.deb" "$WORK/question"
printf 'Template: a/q\nType: string\nDefault: thirty\nDescription: how many?\n' > "$WORK/question/DEBIAN/templates"
printf '#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_input critical a/q || true\ndb_go\n' > "$WORK/question/DEBIAN/config"
printf '#!/bin/sh\n. /usr/share/debconf/confmodule\ndb_get a/q\n[ "$RET" = thirty ]\n' > "$WORK/question/DEBIAN/postinst"
chmod 755 "$WORK"/question/DEBIAN/{config,postinst}
dpkg-deb -Zgzip --root-owner-group -b "$WORK/question" "$WORK/new/a_2.deb" >/dev/null
prepare true
expect 0 "${APPLY[@]}"
unseen() { grep -qx 'Name: a/q' var/cache/debconf/config.dat && ! sed -n '/^Name: a.q$/,/^$/p' var/cache/debconf/config.dat | grep '^Flags:.*seen'; }
look unseen || fail "the question counts as seen"
