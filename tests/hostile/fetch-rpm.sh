#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Fetching repositories of the repomd layout, from a directory and from a server that fails: what comes is what a mirror
# snapshot takes; nothing unverified is ever put under its name.
. "$(dirname "$0")/../lib.sh"
for tool in createrepo_c rpmbuild rpmsign gpg gpgv python3; do
	type $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
workdir
cd "$WORK"
make_mirror() { "$TEST_TOP/test-images/make-rpm-mirror" "$@" || fail "make-rpm-mirror $*"; }
is() { [ "$(jq -r "$1" "$OUT")" = "$2" ] || { jq . "$OUT"; fail "$1 is not $2"; }; }
want() { # ID VERSION PACKAGE...: "victim 1.0-1 noarch"
	printf 'coldpatch-want 1\n\nrelease %s %s -\nlayout repomd\narchitectures x86_64\nupdate all\n' "$1" "$2"
	printf 'package %s\n' "${@:3}"
}
fetch() { # CODE [ARGUMENT...]
	expect "$1" mirror fetch --quiet --want want -o m --keyring key/keyring.asc --source "$SOURCE" "${@:2}"
}
# Files that are called by their checksums come and go without doing harm.
tree() { (cd m && find . -path ./.fetch -prune -o -type f ! -name '????????????????????????????????*-*' -print | sort | xargs -r sha256sum); }
refused() { # CODE MESSAGE [ARGUMENT...]: and what was there is as it was
	mkdir -p m; tree >before
	fetch "$1" "${@:3}"
	expect_message "$2"
	tree >after
	cmp -s before after || { diff before after; fail "the mirror has changed: $2"; }
}

old=$(victim_rpm 1.0 "$WORK") new=$(victim_rpm 2.0 "$WORK") newer=$(victim_rpm 3.0 "$WORK")
make_mirror -o repo --key key "$old" "$new" "$newer"
SOURCE=$WORK/repo name=$(echo "${WORK#/}/repo" | sed 's,/,-,g')
want rocky 9.1 'absent 1-1 x86_64' 'victim 1.0-1 noarch' >want

# ---- every newer version of what is installed, and no more ----
fetch 0 --json
is '[.packages, .fetched, (.missing | length)] | join(" ")' '2 2 0'
is '.suites[0] | [.name, .source, .signer] | join(" ")' "$name $SOURCE $(cat key/fingerprint)"
[ "$(cd m/*/Packages && echo *)" = "${new##*/} ${newer##*/}" ] || { find m; fail "other packages"; }
cmp "m/$name/repodata/repomd.xml.asc" repo/repodata/repomd.xml.asc || fail "the signature is not there"
expect 0 mirror snapshot --quiet --json --keyring key/keyring.asc --os rocky:9 m
is '.packages | length' 2
is '.sources[0].path' "$name"
fetch 0 --json
is '.fetched' 0

# ---- what is refused, over a mirror that is good ----
cp -a repo good
fresh() { rm -rf repo; cp -a good repo; }
# Each of other packages: indexes of the same ones, made within one second, are those that are there already, and would do.
rm "repo/Packages/${newer##*/}"
make_mirror -o repo --key key --revision "$(($(date +%s) + 60))" "$old" "$new"
printf x | dd of="$(echo repo/repodata/*-primary.xml.gz)" bs=1 seek=50 conv=notrunc 2>/dev/null
refused 76 'it is not the file that the signed index names'
rm "repo/Packages/${old##*/}"
make_mirror -o repo --key key --revision "$(($(date +%s) + 60))" "$new" "$newer"
rm repo/repodata/*-filelists.xml.gz
refused 69 'the mirror is incomplete: '
expect_message 'which '
make_mirror -o repo --key other-key "$old" "$new"
refused 76 'which is not in the keyrings pinned for this mirror'
fresh; make_mirror -o repo --key key --revision 1600000000 "$old" "$new"
refused 76 'the mirror was rolled back'
fresh; rm repo/repodata/repomd.xml.asc
refused 76 'repodata/repomd.xml: is not signed'
fetch 0 --trust-digest "$(sha256sum <repo/repodata/repomd.xml | cut -c-64)"
rm -rf m; fresh; printf x | dd of="repo/Packages/${new##*/}" bs=1 seek=500 conv=notrunc 2>/dev/null
fetch 76
expect_message "Packages/${new##*/}: it is not the file that the signed index names"
[ ! -e "m/$name/repodata/repomd.xml" ] && [ ! -e "m/$name/Packages/${new##*/}" ] || fail "unverified files have their names"
fresh; rm "repo/Packages/${new##*/}"
rm -rf m; fetch 69
expect_message "Packages/${new##*/}"
fresh; rm -r repo/repodata
refused 69 'no source has a repository for the guests of rocky that are wanted: name one by the directory that has repodata/repomd.xml'
fresh
refused 64 "source $SOURCE: another is called $name already" --source "$SOURCE/"
want centos 7 'victim 1.0-1 noarch' | tail -n +2 >>want
refused 64 'guests of centos and of rocky are wanted: fetch for one distribution at a time'
want rocky 9.1 'victim 1.0-1 noarch' >want
printf '\nrelease debian 12 bookworm\narchitectures amd64\nsuites bookworm\nupdate all\n' >>want
refused 64 'suites and guests of rocky are wanted: fetch them in calls of their own'

# ---- SHA-512, names without checksums, from a server ----
want rocky 9.1 'victim 2.0-1 noarch' >want
rm -rf m repo; make_mirror -o repo --key key --checksum sha512 "$newer"
for file in repo/repodata/*-*; do mv "$file" "repo/repodata/${file##*-}"; done
sed -i 's,href="repodata/[^"]*-,href="repodata/,' repo/repodata/repomd.xml
make_mirror -o repo --key key
python3 "$TEST_TOP/tests/hostile/fetch_server.py" repo "$WORK/log" >port &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$WORK"' EXIT
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
SOURCE=http://127.0.0.1:$(cat port)/
fetch 0 --json
is '[.packages, .fetched] | join(" ")' '1 1'
expect 0 mirror snapshot --quiet --json --keyring key/keyring.asc --os rocky:9 m
is '.packages | length' 1
is '.sources[0].aliases | length' 1
fetch 0 --json
is '.fetched' 0

# ---- packages in a pool beside the repositories, and the mirror by a list (Amazon Linux) ----
serve() { # DIRECTORY: $URL is its
	kill "$server" 2>/dev/null
	: >port
	python3 "$TEST_TOP/tests/hostile/fetch_server.py" "$1" "$WORK/log" "$WORK/fault" >port &
	server=$!
	for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
	URL=http://127.0.0.1:$(cat port)
}
pooled() { # in www/core/guids/0a/x86_64 and www/blobstore
	rm -rf m www repo; make_mirror -o repo --key key "$new" "$newer"
	mkdir -p www/core/guids/0a
	for rpm in repo/Packages/*.rpm; do
		digest=$(sha256sum <"$rpm" | cut -c-64)
		mkdir -p "www/blobstore/$digest" && mv "$rpm" "www/blobstore/$digest/"
		zcat repo/repodata/*-primary.xml.gz | sed "s,href=\"Packages/${rpm##*/}\",href=\"../../../../blobstore/$digest/${rpm##*/}\"," >primary.xml
		gzip -n <primary.xml >primary.xml.gz
		old_name=$(cd repo/repodata && echo *-primary.xml.gz) old_digest=${old_name%%-*} new_digest=$(sha256sum <primary.xml.gz | cut -c-64)
		rm "repo/repodata/$old_name" && cp primary.xml.gz "repo/repodata/$new_digest-primary.xml.gz"
		python3 - repo/repodata/repomd.xml "$old_digest" "$new_digest" "$(stat -c %s primary.xml.gz)" "$(sha256sum <primary.xml | cut -c-64)" "$(stat -c %s primary.xml)" <<-'EOF'
		import re, sys
		path, old, new, size, open_digest, open_size = sys.argv[1:]
		text = open(path).read()
		data = re.search(r'<data type="primary">.*?</data>', text, re.S).group()
		after = data.replace(old, new)
		after = re.sub(r"<size>\d+", "<size>" + size, after)
		after = re.sub(r"(<open-checksum[^>]*>)\w+", r"\g<1>" + open_digest, after)
		after = re.sub(r"<open-size>\d+", "<open-size>" + open_size, after)
		open(path, "w").write(text.replace(data, after))
		EOF
	done
	make_mirror -o repo --key key
	mv repo www/core/guids/0a/x86_64
}
want amzn 2023 'victim 1.0-1 noarch' >want
pooled
serve www
mkdir -p www/lists www/bad
cat >www/lists/mirror.list <<-EOF
# nobody is there, nothing is there, no mirror is meant
http://127.0.0.1:1/core/x86_64/
$URL/bad/
rsync://127.0.0.1/core/
$URL/core/guids/0a/x86_64/
EOF
SOURCE=mirrorlist=$URL/lists/mirror.list?arch=x86_64
fetch 0 --json
expect_message "http://127.0.0.1:1/core/x86_64/: passed over: 2 files could not be fetched, one of them: http://127.0.0.1:1/core/x86_64/repodata/repomd.xml: "
expect_message "$URL/bad/: passed over: there is no repository"
is '[.packages, .fetched, .suites[0].source] | join(" ")' "2 2 $URL/core/guids/0a/x86_64/"
name=$(jq -r '.suites[0].name' "$OUT")
[[ $name == 127.0.0.1-*-lists-mirror.list-arch-x86_64 ]] || fail "it is called $name"
[ -e "m/$name/${new##*/}" ] && [ -e "m/$name/${newer##*/}" ] || { find m; fail "where the packages are"; }
! grep -q '\.\.' log || { cat log; fail "a path with .. was asked for"; }
expect 0 mirror snapshot --quiet --json --keyring key/keyring.asc --os amzn:2023 m
is '.packages | length' 2
# A copy of the whole has them in the pool; one of the repository alone, as the vendor's reposync makes it, in the repository.
expect 0 mirror snapshot --quiet --json --keyring key/keyring.asc --os amzn:2023 www
is '.packages | length' 2
expect 0 mirror snapshot --quiet --json --keyring key/keyring.asc --os amzn:2023 www/core
is '.packages | length' 0
cp -a www/core/guids/0a/x86_64 alone && cp www/blobstore/*/*.rpm alone/
rm -rf m; SOURCE=$WORK/alone
fetch 0 --json
is '.fetched' 2
rm -rf m; SOURCE=metalink=$URL/lists/metalink
cat >www/lists/metalink <<-EOF
<?xml version="1.0"?><metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="repomd.xml"><resources>
<url protocol="rsync">rsync://127.0.0.1/repodata/repomd.xml</url><url protocol="http">$URL/core/guids/0a/x86_64/repodata/repomd.xml</url>
</resources></file></files></metalink>
EOF
fetch 0 --json
is '.fetched' 2
refused 64 "source mirrorlist=/etc/mirrors: not the URL of a list" --source mirrorlist=/etc/mirrors
echo "<html>" >www/lists/metalink
refused 69 "source $SOURCE: line "
echo "http://127.0.0.1:1/" >www/lists/metalink
refused 69 "source $SOURCE: none of its 1 mirrors can be used"
rm www/lists/metalink
refused 69 "$URL/lists/metalink: "
printf 'coldpatch-want 1\n\nrelease debian 12 bookworm\narchitectures amd64\nsuites bookworm\nupdate all\n' >want
refused 64 "source $SOURCE: such a list is of repomd repositories, and suites are wanted: name an archive that has them"
echo "repositories are fetched, whole or not at all"
