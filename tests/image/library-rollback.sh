#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a rollback keeps away: what the undone updates brought, whichever mirror snapshot offers it, and nothing newer; and
# that the same command, repeated, does not go back twice.
set -u
. "$(dirname "$0")/../lib.sh"
[ "$(id -u)" = 0 ] || skip "needs root"
workdir
export COLDPATCH_LIBRARY=$WORK/library
of() { jq -r "$1" "$OUT"; }
current() { readlink "$COLDPATCH_LIBRARY/templates/$1/current"; }
snapshot() { # DEB...: of a mirror that has them, signed anew
	rm -rf "$WORK/mirror"
	"$TEST_TOP/test-images/make-signed-mirror" -o "$WORK/mirror" --key "$WORK/mirror-key" --suite bookworm-victim "$@" || fail "make-signed-mirror"
	expect 0 mirror snapshot --quiet --json --keyring "$WORK/mirror-key/keyring.gpg" "$WORK/mirror"
	SNAPSHOT=$(of '.digest // .[0].digest')
}
apply() { expect "$1" apply --quiet --patchset debian-12-all --snapshot "$SNAPSHOT" --executor sandbox "${@:2}"; }
emptied() { echo '[]' >"$1"; }
is_at() { [ "$(current "$1")" = "$2" ] || fail "$1 is at generation $(current "$1"), expected $2"; }

two=$(victim_deb 2.0 "$WORK") three=$(victim_deb 3.0 "$WORK") four=$(victim_deb 4.0 "$WORK")
cp --reflink=auto --sparse=always "$(tiny_guest)" "$WORK/base.raw"
expect 0 init
expect 0 import "$WORK/base.raw" --name a
expect 0 import "$WORK/base.raw" --name b

# The next mirror snapshot has the same update, in another plan.
snapshot "$two"
cp "$COLDPATCH_LIBRARY/coldpatch.yaml" "$WORK/policy.yaml"
echo "executors: [appliance]" >"$COLDPATCH_LIBRARY/coldpatch.yaml"
apply 77 a
expect_message "a: executor sandbox: not allowed by $COLDPATCH_LIBRARY/coldpatch.yaml"
apply 77 --dry-run a
expect_message "a: executor sandbox: not allowed by $COLDPATCH_LIBRARY/coldpatch.yaml"
is_at a 0
cp "$WORK/policy.yaml" "$COLDPATCH_LIBRARY/coldpatch.yaml"

# Whose code is in it decides where it may run; where that is lost, it is nobody's own.
cp_run doctor --json >"$WORK/doctor" 2>/dev/null
if [ "$(jq -r '.checks[] | select(.name == "kvm").state' "$WORK/doctor")" != ok ]; then
	expect 0 import "$WORK/base.raw" --name theirs --trust-domain customer
	for damage in true emptied "rm -f"; do
		$damage "$COLDPATCH_LIBRARY/templates/theirs/template.json"
		for dry_run in "" --dry-run; do
			expect 71 apply --quiet --patchset debian-12-all --snapshot "$SNAPSHOT" --executor auto $dry_run theirs
			expect_message "no executor is allowed here: the appliance needs KVM ("
		done
	done
	expect 0 import "$WORK/base.raw" --name theirs --trust-domain own
	apply 0 theirs
fi
apply 0 --json a
old=$SNAPSHOT plan=$(of .plan)
expect 0 rollback --reason "does not start" a
is_at a 0
snapshot "$two"
[ "$SNAPSHOT" != "$old" ] || fail "the mirror snapshot is the same"
apply 77 --dry-run a
expect_message "a: victim 2.0 was rolled back, and is refused until"
expect_message "does not start; unhold releases it"
apply 77 a
SNAPSHOT=$old apply 77 a
expect_message "a: victim 2.0 was rolled back"

# Something newer is another update; then all that was undone is held, not only the last.
snapshot "$three"
apply 0 --json a
run=$(of .run)
is_at a 2
snapshot "$four"
apply 0 a
is_at a 3
expect 77 rollback --run "$run"
expect_message "a: generation 3 was made of generation 2, which is the run's; say with --to how far to go back"
expect 0 rollback --to 0 a
for deb in "$two" "$three" "$four"; do
	snapshot "$deb"
	apply 77 a
	expect_message "was rolled back, and is refused until"
done
expect_message ": no reason was given; unhold releases it"
expect 0 unhold a
apply 0 --json --dry-run a
[ "$(of .msg)" = "would be patched" ] || { cat "$OUT"; fail "a release does not end it"; }
[ "$(of .plan)" != "$plan" ] || fail "the same plan"

# Of a record that was damaged at the rollback and is put back, what it brought is held against, and is released like any other.
damage() { # TEMPLATE GENERATION: its record
	record=$COLDPATCH_LIBRARY/templates/$1/$2/record.sigstore.json
	cp -a "$record" "$WORK/record" && chmod u+w "$record" && echo >>"$record"
}
put_back() { cp -a --remove-destination "$WORK/record" "$record"; }
expect 0 import "$WORK/base.raw" --name c
snapshot "$two"
apply 0 --json c
run=$(of .run)
damage c 1
expect 0 rollback --reason damaged c
is_at c 0
put_back
apply 77 --dry-run c
expect_message "c: victim 2.0 was rolled back"
expect 0 unhold --json c
[ "$(of '[.changed, .msg] | join(" ")')" = "true released; what was undone from generation 1 may come again" ] || { cat "$OUT"; fail "what was undone is not released"; }
expect 0 unhold --json c
[ "$(of '[.changed, .msg] | join(" ")')" = "false is not held" ] || { cat "$OUT"; fail "a release of nothing"; }
apply 0 --dry-run c

# Whether something was made of a run's generation is not known while a record between cannot be read.
expect 0 rollback --to 1 c
snapshot "$three"
apply 0 --json c
later=$(of .run)
damage c 1
expect 76 rollback --run "$run"
expect_message "c: whether generation 2 was made of generation 1, which is the run's, is not known: generation 2: no generation has the record that it was made of; say with --to how far to go back"
is_at c 2
put_back
expect 77 rollback --run "$run"
damage c 2
expect 76 rollback --run "$run"
expect_message "is not known: generation 2: $record: is not the record with sha256"
put_back

# Nor is then what is undone: what is known is held against at least, and all of it when the record is there again.
damage c 1
expect 0 rollback --to 0 c
expect_message "c: not all that is undone is known, and apply refuses what is known only: generation 2: no generation has the record that it was made of"
expect 0 rollback --run "$run"
apply 77 --dry-run c
expect_message "c: victim 3.0 was rolled back"
put_back
snapshot "$two"
apply 77 --dry-run c
expect_message "c: victim 2.0 was rolled back"

# A disk that is lost is no lost record: what was undone is known.
expect 0 unhold c
expect 0 rollback --to 1 c
mv "$COLDPATCH_LIBRARY/templates/c/1/disk0.qcow2" "$WORK/lost"
expect 0 rollback c
! grep -q "not all that is undone is known" "$ERR" || { cat "$ERR"; fail "a rollback from a lost disk"; }
apply 77 --dry-run c
expect_message "c: victim 2.0 was rolled back"
expect 0 history --json c
of '.generations[1].problem' | grep -q "disk0.qcow2: is missing" || { cat "$OUT"; fail "history does not name a lost disk"; }
mv "$WORK/lost" "$COLDPATCH_LIBRARY/templates/c/1/disk0.qcow2"

# A template that cannot be read may be one of the run's.
expect 0 unhold c
apply 0 --json c
run=$(of .run)
mv "$COLDPATCH_LIBRARY/templates/b/heads" "$WORK/kept" && touch "$COLDPATCH_LIBRARY/templates/b/heads"
expect 3 rollback --json --run "$run"
[ "$(jq -c '[.results[] | [.image, .failed]]' "$OUT")" = '[["b",true],["c",false]]' ] || { cat "$OUT"; fail "the templates of a run"; }
is_at c 0
rm "$COLDPATCH_LIBRARY/templates/b/heads" && mv "$WORK/kept" "$COLDPATCH_LIBRARY/templates/b/heads"

# Nor is it known of one with a head that does not verify.
expect 0 unhold c
apply 0 --json c
run=$(of .run)
head=$COLDPATCH_LIBRARY/templates/a/heads/000002
cp "$head" "$WORK/kept" && sed -i 's/"payload": *"./&A/' "$head"
expect 3 rollback --json --run "$run"
[ "$(of '.results[0].msg')" = "a: whether run $run made a generation of it is not known: head 2 does not verify; say with --to how far to go back" ] ||
	{ cat "$OUT"; fail "a head that does not verify"; }
is_at c 0
mv "$WORK/kept" "$head"

# Of two, one failed: the same command again leaves the other where it went back to.
expect 0 rollback --to 3 a
apply 0 b
from=3
mv "$COLDPATCH_LIBRARY/templates/b/heads/000001" "$WORK/kept"
expect 3 rollback --json a b
is_at a $((from - 1))
mv "$WORK/kept" "$COLDPATCH_LIBRARY/templates/b/heads/000001"
expect 0 rollback --json a b
[ "$(jq -c '[.results[] | .changed]' "$OUT")" = "[false,true]" ] || { cat "$OUT"; fail "what the second call changed"; }
[ "$(of '.results[0].msg')" = "is at generation $((from - 1)) already; --to goes back further" ] || { cat "$OUT"; fail "what it says"; }
is_at a $((from - 1))
is_at b 0
expect 0 hold --reason x a
expect 0 rollback a
is_at a $((from - 1))
expect 0 rollback --to $((from - 2)) a
is_at a $((from - 2))

# Of several packages one is named.
dpkg-deb -R "$two" "$WORK/keyring" && sed -i 's/^Package:.*/Package: debian-archive-keyring/; s/^Version:.*/Version: 2099/' "$WORK/keyring/DEBIAN/control"
rm -r "$WORK/keyring/usr" && dpkg-deb --root-owner-group -b "$WORK/keyring" "$WORK/keyring_2099_all.deb" >/dev/null || fail "dpkg-deb"
expect 0 unhold b
snapshot "$two" "$WORK/keyring_2099_all.deb"
apply 0 b
expect 0 rollback --reason "one of two" b
apply 77 b
expect_message "b: debian-archive-keyring 2099, with 1 more of this plan, was rolled back, and is refused until"

# Forward again, and then there is an update to take back; the same name twice is one.
expect 0 rollback --to "$from" a
expect 0 rollback --json a a
[ "$(of .generation)" = $((from - 1)) ] || { cat "$OUT"; fail "the same name twice"; }
is_at a $((from - 1))

# To another generation that was made of the same: what that lacks is held as well.
is_at a 2
expect 0 unhold a
expect 0 rollback --to 1 a
snapshot "$three"
apply 77 a
expect_message "a: victim 3.0 was rolled back, and is refused until"

# Who lifts a hold does not let in what somebody else took back: that takes a release of its own.
said() { # CHANGED MESSAGE, of the one template that was named
	[ "$(of '[.changed, .msg] | join(" ")')" = "$*" ] || { cat "$OUT"; fail "expected: $*"; }
}
day() { date -u -d "$1" +%F; }
expect 0 import "$WORK/base.raw" --name d
snapshot "$two"
apply 0 d
expect 0 rollback --reason "breaks nginx" d
expect 0 hold --reason freeze d
expect 0 status d
grep -qF "what was undone from generation 1 is refused until $(day '30 days'): breaks nginx" "$OUT" || { cat "$OUT"; fail "status does not tell what is refused"; }
expect 0 status --json d
[ "$(of '.templates[0].refused | map([.generation, .reason])' | jq -c .)" = '[[1,"breaks nginx"]]' ] || { cat "$OUT"; fail "status: what is refused"; }
expect 0 unhold --json d
said "true released; what was undone from generation 1 is refused as before, and let in by another unhold"
apply 77 --dry-run d
expect_message "d: victim 2.0 was rolled back, and is refused until"
expect 0 unhold --dry-run --json d
said "false would be released; what was undone from generation 1 may come again"

# Until when, a later call may say: the later one counts, be it longer or shorter.
expect 0 rollback --dry-run --json --until 90d d
said "false is at generation 0 already; what was undone from generation 1 would be refused until $(day '90 days')"
expect 0 rollback --json --until 90d d
said "true is at generation 0 already; what was undone from generation 1 is refused until $(day '90 days')"
apply 77 --dry-run d
expect_message "d: victim 2.0 was rolled back, and is refused until $(day '90 days') "
expect_message ": breaks nginx; unhold releases it"
expect 0 rollback --json --until 90d d
said "false is at generation 0 already; --to goes back further"
expect 0 rollback --json d
said "false is at generation 0 already; --to goes back further"
expect 0 rollback --json --to 0 --until 2d --reason "fixed on Monday" d
said "true is at generation 0 already; what was undone from generation 1 is refused until $(day '2 days')"
apply 77 --dry-run d
expect_message "refused until $(day '2 days') "
expect_message ": fixed on Monday; unhold releases it"
expect 0 status --json d
[ "$(of '.templates[0].refused | length')" = 1 ] || { cat "$OUT"; fail "a repeated rollback is told twice"; }
expect 0 unhold d
apply 0 --dry-run d
expect 0 rollback --until 2d d
apply 77 --dry-run d

# What is current again is not refused any more, whatever comes after it; what is not, is.
other=$WORK/other.raw
cp --reflink=auto --sparse=always "$WORK/base.raw" "$other" && truncate -s +1M "$other" || fail cp
expect 0 rollback --to 1 --reason "it was not that" d
snapshot "$three"
apply 0 d
is_at d 2
expect 0 rollback --to 0 d
expect 0 rollback --to 1 d
expect 0 import --into d "$other"
is_at d 3
apply 77 --dry-run d
expect_message "d: victim 3.0 was rolled back"
snapshot "$two"
apply 0 --dry-run d
expect 0 rollback --to 2 d
expect 0 rollback --to 3 d
expect 0 unhold --json d
said "true released; what was undone from generation 2 may come again"
echo "library-rollback: what was undone stays away, and going back happens once"
