#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A repomd mirror that cannot be trusted is refused, each in its own words, and the store is as it was; what is in order is
# pinned: several repositories, every packing, other checksums, beside mirrors of the other layout.
. "$(dirname "$0")/../lib.sh"
for tool in createrepo_c rpmbuild rpmsign gpg gpgv dpkg-deb; do
	type $tool >/dev/null 2>&1 || skip "$tool is not installed"
done
workdir
cd "$WORK"
mkdir store # an empty one, to tell from what a refusal leaves
make_mirror() { "$TEST_TOP/test-images/make-rpm-mirror" "$@" || fail "make-rpm-mirror $*"; }
state() { [ ! -e store ] || (cd store && find . -type f -exec sha256sum {} + | sort && find . | sort); }
KEYS=(--keyring key/keyring.asc)

# refused CODE MESSAGE [ARGUMENT...]: of mirror m, for CentOS 7 unless the arguments say otherwise.
refused() {
	local code=$1 message=$2
	shift 2
	state >before
	expect "$code" mirror snapshot --quiet "${KEYS[@]}" "${@:---os=centos:7}" m
	expect_message "$message"
	state >after
	cmp -s before after || { diff before after; fail "the store has changed: $message"; }
}
accepted() { # [ARGUMENT...] MIRROR...
	expect 0 mirror snapshot --quiet --json "${KEYS[@]}" "$@"
}
is() { [ "$(jq -r "$1" "$OUT")" = "$2" ] || { jq . "$OUT"; fail "$1 is not $2"; }; }

# Replaced, not rewritten, so that every test starts from the same good state.
fresh() { rm -rf m; cp -a good m; }
sign_again() { make_mirror -o m --key key "$@"; }
# Changes primary.xml by sed, and all that vouches for it.
edit_primary() {
	python3 - "$@" <<-'PYTHON'
	import glob, gzip, hashlib, re, subprocess, sys
	path = glob.glob("m/repodata/*-primary.xml.gz")[0]
	old = gzip.decompress(open(path, "rb").read())
	new = subprocess.run(["sed", *sys.argv[1:]], input=old, stdout=subprocess.PIPE, check=True).stdout
	assert new != old
	packed = gzip.compress(new, mtime=0)
	open(path, "wb").write(packed)
	text = open("m/repodata/repomd.xml").read()
	at = text.index('<data type="primary">')
	end = text.index("</data>", at)
	data = text[at:end]
	data = re.sub(r"(<checksum[^>]*>)\w+", r"\g<1>" + hashlib.sha256(packed).hexdigest(), data)
	data = re.sub(r"(<open-checksum[^>]*>)\w+", r"\g<1>" + hashlib.sha256(new).hexdigest(), data)
	data = re.sub(r"<size>\d+", "<size>%d" % len(packed), data)
	data = re.sub(r"<open-size>\d+", "<open-size>%d" % len(new), data)
	open("m/repodata/repomd.xml", "w").write(text[:at] + data + text[end:])
	PYTHON
	sign_again
}

# Createrepo_c of Debian 12 does not pack so.
repack_zstd() { # REPOSITORY
	python3 - "$1" <<-'PYTHON'
	import gzip, hashlib, re, subprocess, sys
	index = sys.argv[1] + "/repodata/repomd.xml"
	def repack(match):
	    data = match.group(0)
	    href = re.search(r'href="([^"]*[.]gz)"', data).group(1)
	    text = gzip.decompress(open(sys.argv[1] + "/" + href, "rb").read())
	    packed = subprocess.run(["zstd", "-qc"], input=text, stdout=subprocess.PIPE, check=True).stdout
	    open(sys.argv[1] + "/" + href[:-2] + "zst", "wb").write(packed)
	    data = data.replace(href, href[:-2] + "zst")
	    kind = re.search(r'<checksum type="(\w+)"', data).group(1)
	    data = re.sub(r"(<checksum[^>]*>)\w+", r"\g<1>" + hashlib.new(kind, packed).hexdigest(), data)
	    return re.sub(r"<size>\d+", "<size>%d" % len(packed), data)
	old = open(index).read()
	open(index, "w").write(re.sub(r"<data .*?</data>", repack, old, flags=re.S))
	PYTHON
	rm "$1"/repodata/*.gz
	make_mirror -o "$1" --key key
}

yesterday=$(($(date +%s) - 86400))
rpm=$(victim_rpm 1.0 "$WORK")
cp "$rpm" unsigned.rpm
make_mirror -o good --key key --revision "$yesterday" "$rpm"
make_mirror -o older --key key --revision "$((yesterday - 86400))" "$rpm"
make_mirror -o other --key other-key "$rpm"
signed=good/Packages/${rpm##*/}

# ---- the signed index ----

fresh; rm m/repodata/repomd.xml.asc
refused 76 "m: repodata/repomd.xml: is not signed; sign it with a key of your own (gpg --armor --detach-sign), or, where you know by other means that it is the vendor's, trust digest $(sha256sum <m/repodata/repomd.xml | cut -c-64)"
fresh; make_mirror -o m --key other-key
refused 76 'm: repodata/repomd.xml: signed by key '
expect_message 'which is not in the keyrings pinned for this mirror'
fresh; sign_again --digest SHA1
refused 76 'm: repodata/repomd.xml: signed over SHA-1; SHA-256 or better is needed'
fresh; sed -i 's/<revision>/<revision>1/' m/repodata/repomd.xml
refused 76 'm: repodata/repomd.xml: bad signature by key '
fresh; sed -i '2i <!DOCTYPE repomd [<!ENTITY x "y">]>' m/repodata/repomd.xml; sign_again
refused 76 'm: repodata/repomd.xml: line 2: has a document type, which is not followed'
fresh; sed -i 's,href="repodata/[^"]*primary,href="../primary,' m/repodata/repomd.xml; sign_again
refused 76 'm: repodata/repomd.xml: primary: its location "../primary.xml.gz" leads out of the repository'
fresh; sed -i 's,<location href="repodata/[^"]*primary,<location xml:base="http://evil.example/" href="primary,' m/repodata/repomd.xml; sign_again
refused 76 'm: repodata/repomd.xml: primary: its location has xml:base "http://evil.example/"'
make_mirror -o weak --key key --checksum sha1 "$rpm"; rm -rf m; mv weak m
refused 76 'm: repodata/repomd.xml: primary: has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are not relied on'
make_mirror -o new --key key --revision "$(($(date +%s) + 3 * 86400))" "$rpm"; rm -rf m; mv new m
refused 76 "in the future; is this host's clock right?"
fresh
refused 78 'm: repodata/repomd.xml: does not say for which distribution it is; say it with --os ID:VERSION, or os: in the configuration' --suite .
refused 69 'm: BaseOS: no such repository: it has no repodata/repomd.xml' --suite BaseOS
refused 78 'suite ../m: not the directory of a repository' --suite ../m
refused 78 'absent.gpg: not there' --os centos --keyring absent.gpg
refused 64 '--os centos:: not ID or ID:VERSION' --os centos:
KEYS=()
refused 78 'm: no keyring: the keys that may sign a mirror are yours to name (--keyring)'
KEYS=(--keyring key/keyring.asc)
rm -r m/repodata
for i in $(seq 1001); do mkdir -p "m/r$i/repodata" && : > "m/r$i/repodata/repomd.xml"; done
refused 69 'm: more than 100000 directories, or 1000 repositories, in it: name those that are meant'
rm -r m/r[0-9]*
refused 69 'm: not a mirror: it has no dists directory, as an apt mirror has, no directory in it has repodata/repomd.xml, as a repomd mirror has'

# ---- what it names ----

fresh; printf x | dd of="$(echo m/repodata/*-primary.xml.gz)" bs=1 seek=50 conv=notrunc 2>/dev/null
refused 76 '-primary.xml.gz: its checksum is not what repodata/repomd.xml says: tampered with, or caught in the middle of an update'
fresh; truncate -s 90 m/repodata/*-filelists.xml.gz
refused 76 '-filelists.xml.gz: has 90 bytes, but repodata/repomd.xml says '
fresh; sed -i '/type="primary"/,/<\/data>/s/<open-size>.*</<open-size>99999</' m/repodata/repomd.xml; sign_again
refused 76 '-primary.xml.gz: its size when it is unpacked is not what repodata/repomd.xml says'
fresh; sed -i '/type="filelists"/,/<\/data>/s/\(<open-checksum.*>\)[0-9a-f]\{8\}/\100000000/' m/repodata/repomd.xml; sign_again
refused 76 '-filelists.xml.gz: its checksum when it is unpacked is not what repodata/repomd.xml says'
fresh; sed -i '/type="filelists"/,/<\/data>/s/<open-size>.*</<open-size>300</' m/repodata/repomd.xml; sign_again
refused 76 '-filelists.xml.gz: decompresses to more than 300 bytes'
for name in primary filelists; do
	fresh; rm m/repodata/*-$name.xml.gz
	refused 69 "-$name.xml.gz is missing, which repodata/repomd.xml names as $name"
	fresh; sed -i "s/<data type=\"$name\"/<data type=\"x-$name\"/" m/repodata/repomd.xml; sign_again
	refused 69 "m: repodata/repomd.xml: names no $name"
done
fresh; edit_primary 's,<location href=",&a/../../,'
refused 76 "package victim: its location \"a/../../Packages/${rpm##*/}\" leads out of the repository"
fresh; edit_primary 's,<location ,&xml:base="http://evil.example/" ,'
refused 76 'package victim: its location has xml:base "http://evil.example/"'
fresh; edit_primary 's,<checksum type="sha256",<checksum type="md5",'
refused 76 'package victim: has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are not relied on'
fresh; edit_primary 's,</metadata>,,'
refused 76 '-primary.xml.gz: line '

# ---- packages ----

make_mirror -o m2 --key key --sign-packages none unsigned.rpm; rm -rf m; mv m2 m
refused 76 "m: Packages/unsigned.rpm: is not signed; take it out of the mirror, sign it with a key of your own (rpmsign --addsign), or, where you know what it is, trust package $(sha256sum <unsigned.rpm | cut -c-64)"
make_mirror -o m2 --key key --sign-packages none "other/Packages/${rpm##*/}"; rm -rf m; mv m2 m
refused 76 "Packages/${rpm##*/}: signed by key "
expect_message 'which is not in the keyrings pinned for this mirror; take it out of the mirror'
make_mirror -o m2 --key key --sign-packages all --digest SHA1 unsigned.rpm; make_mirror -o m2 --key key; rm -rf m; mv m2 m
refused 76 'Packages/unsigned.rpm: signed by key '
expect_message 'over SHA-1; SHA-256 or better is needed'
# The payload is at the end; its digest is in the header, which is signed.
flip_last() { printf '\1' | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") - 100)) conv=notrunc 2>/dev/null; }
fresh; flip_last "m/Packages/${rpm##*/}"
refused 76 "m: Packages/${rpm##*/}: its SHA-256 is not what the signed index says: damaged or tampered with"
cp "$signed" flipped.rpm; flip_last flipped.rpm
make_mirror -o m2 --key key --sign-packages none flipped.rpm; rm -rf m; mv m2 m
refused 76 'm: Packages/flipped.rpm: bad signature by key '
expect_message 'or a digest that does not fit: it was changed after it was signed'
refused 76 'm: Packages/flipped.rpm: not a package that rpm can read, or a digest in it does not fit: damaged or tampered with' \
	--os=centos:7 --trust-package "$(sha256sum <flipped.rpm | cut -c-64)"
fresh; truncate -s 100 "m/Packages/${rpm##*/}"
refused 76 "m: Packages/${rpm##*/}: has 100 bytes, but the signed index says "
fresh; rm "m/Packages/${rpm##*/}"; ln -s /etc/passwd "m/Packages/${rpm##*/}"
refused 76 'a symbolic link leads out of the mirror'
[ ! -e store/packages ] || [ -z "$(ls -A store/packages)" ] || fail "refused packages are in the store"

# ---- what is in order ----

fresh
accepted --os centos:7 m
is '.packages | length' 1
is '.sources[0] | [.layout, .origin, .path, .os_id, .os_version, .priority, .index_path] | join(" ")' 'repomd centos . centos 7 99 repodata/repomd.xml'
is '.sources[0].signer' "$(cat key/fingerprint)"
is '.sources[0].date' "$yesterday"
[ "$(cmp "store/packages"/*/* "$signed" && echo same)" = same ] || fail "another package in the store"
for file in $(jq -r '.sources[0].files[].path' "$OUT"); do
	cmp "$(jq -r .path "$OUT")/sources/0/$file" "m/$file" || fail "$file is not as the vendor packs it"
done
expect 0 mirror verify "$(jq -r .digest "$OUT")"
expect 0 mirror list
grep -qE '^  centos +\. +of [0-9-]+, signed by [0-9A-F]{40}$' "$OUT" || { cat "$OUT"; fail "the list"; }

# Packages that are in the store already are looked at again: under other keys they are nobody's.
KEYS=(--keyring other-key/keyring.asc)
refused 76 'which is not in the keyrings pinned for this mirror' --os=centos:7 --trust-digest "$(sha256sum <m/repodata/repomd.xml | cut -c-64)"
KEYS=(--keyring key/keyring.asc)

rm -rf m; cp -a older m
refused 76 'm: repodata/repomd.xml: is of '
expect_message 'the mirror was rolled back; bring the mirror up to date, or allow digest '
accepted --os centos:7 --allow "$(sha256sum <m/repodata/repomd.xml | cut -c-64)" m
# The same state in another place is another repository.
rm -rf elsewhere; cp -a older elsewhere
accepted --os centos:7 elsewhere

make_mirror -o m2 --key key --sign-packages none --sign-metadata none unsigned.rpm; rm -rf m; mv m2 m
trust=(--trust-digest "$(sha256sum <m/repodata/repomd.xml | cut -c-64)")
refused 76 'm: Packages/unsigned.rpm: is not signed' --os=centos:7 "${trust[@]}"
accepted --os centos:7 "${trust[@]}" --trust-package "$(sha256sum <unsigned.rpm | cut -c-64)" m
is '.sources[0].signer' null
expect 0 mirror list
grep -qF "not signed, trusted by digest $(sha256sum <m/repodata/repomd.xml | cut -c-64)" "$OUT" || { cat "$OUT"; fail "the list"; }
rm -rf m; cp -a good m; rm "m/Packages/${rpm##*/}"
accepted --os centos:7 m
is '.packages | length' 0

# Several repositories in one tree, each packed otherwise, one by SHA-512; one says itself whose it is; links are other names.
cat > updateinfo.xml <<-'EOT'
<?xml version="1.0"?><updates><update type="security" status="final"><id>X-1</id></update></updates>
EOT
printf -- '---\ndocument: modulemd-defaults\nversion: 1\ndata: {module: x}\n...\n' > modules.yaml
rm -rf m; mkdir m
make_mirror -o m/9.1/BaseOS/x86_64/os --key key --compress xz --distro cpe:/o:rocky:rocky:9 --updateinfo updateinfo.xml "$rpm"
make_mirror -o m/9.1/AppStream/x86_64/os --key key --checksum sha512 --distro cpe:/o:rocky:rocky:9 --modules modules.yaml "$rpm"
repack_zstd m/9.1/AppStream/x86_64/os
make_mirror -o m/9.1/Extra --key key --compress bz2 --distro cpe:/o:rocky:rocky:9 "$rpm"
ln -s 9.1 m/9
accepted m
is '.sources | length' 3
is '[.sources[].path] | join(" ")' '9.1/AppStream/x86_64/os 9.1/BaseOS/x86_64/os 9.1/Extra'
is '[.sources[] | .os_id + .os_version] | unique | join(" ")' rocky9
is '.sources[0].aliases | length' 1
is '.sources[0].aliases[0].checksum' "sha512:$(sha512sum <"m/9.1/AppStream/x86_64/os/Packages/${rpm##*/}" | cut -c-128)"
is '.sources[0].aliases[0].sha256' "$(sha256sum <"m/9.1/AppStream/x86_64/os/Packages/${rpm##*/}" | cut -c-64)"
is '[.sources[0].files[].path | select(test("modules"))] | length' 1
is '[.sources[1].files[].path | select(test("updateinfo"))] | length' 1
# Signed within one second, two of them are the same file.
is '.packages | length' "$(find m -name '*.rpm' -type f -exec sha256sum {} + | cut -c-64 | sort -u | wc -l)"
digest=$(jq -r .digest "$OUT")
accepted --suite 9.1/AppStream/x86_64/os m
is '.sources | length' 1
flip_last "m/9.1/AppStream/x86_64/os/Packages/${rpm##*/}"
refused 76 "9.1/AppStream/x86_64/os/Packages/${rpm##*/}: its checksum is not what the signed index says: damaged or tampered with" --suite 9.1/AppStream/x86_64/os

# ---- by the configuration, beside a mirror of the other layout ----

mkdir -p p/DEBIAN
printf 'Package: tiny\nVersion: 1\nArchitecture: amd64\nMaintainer: T <t@example.org>\nDescription: t\n' >p/DEBIAN/control
dpkg-deb -b --root-owner-group p tiny_1_amd64.deb >/dev/null
"$TEST_TOP/test-images/make-signed-mirror" -o apt --key apt-key tiny_1_amd64.deb
fresh
configure() { # LINES of the entry of m
	sed '/^mirrors:/,$d' config.yaml > config.new
	printf 'mirrors:\n  - path: %s\n    keyrings: [%s]\n  - path: %s\n    keyrings: [%s]\n' "$WORK/apt" "$WORK/apt-key/keyring.gpg" "$WORK/m" "$WORK/key/keyring.gpg" >> config.new
	printf '    %s\n' "$@" >> config.new
	mv config.new config.yaml
}
rm -rf state
configure 'os: {id: centos, version: "7"}' 'priority: 10' 'module-hotfixes: true' 'exclude: ["kernel*", php]'
expect 0 mirror snapshot --quiet --json
is '[.sources[].layout] | join(" ")' 'apt repomd'
is '.sources[1] | [.os_id, .os_version, .priority, .module_hotfixes, .excludes[]] | join(" ")' 'centos 7 10 true kernel* php'
is '.packages | length' 2
expect 0 mirror verify "$(jq -r .digest "$OUT")"
configure 'os: {id: centos}' 'maximum-age-days: 1'
rm -rf state m; cp -a older m
expect 76 mirror snapshot --quiet
expect_message 'm: repodata/repomd.xml: is of '
expect_message 'older than the limit of 1 days'
make_mirror -o m2 --key key --sign-packages none --sign-metadata none unsigned.rpm; rm -rf m; mv m2 m
configure 'os: {id: centos}' "trust-digests: [$(sha256sum <m/repodata/repomd.xml | cut -c-64)]" "trust-packages: [$(sha256sum <unsigned.rpm | cut -c-64)]"
expect 0 mirror snapshot --quiet
sed -i "0,/    keyrings: .*/s//&\n    priority: 5/" config.yaml
expect 78 mirror snapshot --quiet
expect_message 'priority: said of an apt mirror, which has no use for it'
sed -i 's/^    priority: 5/    module-hotfixes: true/' config.yaml
expect 78 mirror snapshot --quiet
expect_message 'module-hotfixes: said of an apt mirror, which has no use for it'
expect 0 mirror verify "$digest"
echo "repomd mirrors: what cannot be trusted is refused, each in its own words; what is in order is pinned"
