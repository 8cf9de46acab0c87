#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# treediff.py finds a planted difference in each attribute, and nothing in equal trees.
set -u
top=${TEST_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
work=$(mktemp -d -p "${TMPDIR:-/var/tmp}") || exit 1
trap 'rm -rf "$work"' EXIT
bad=0

make_tree() {
	mkdir -p "$1/d/e" && echo one >"$1/d/file" && echo x >"$1/d/e/y" && ln -s target "$1/link" && mkfifo "$1/fifo" &&
		mknod "$1/null" c 1 3 && ln "$1/d/e/y" "$1/d/z" && cp "$1/d/e/y" "$1/d/w" && cp "$1/d/e/y" "$1/$(printf 'caf\351')" &&
		setfattr -n user.a -v 1 "$1/d/file" && find "$1" -exec touch -h -d @1000000000.123456789 {} +
}
# NAME ATTRIBUTE PATH COMMAND: after the command in the second tree exactly this is found (and what a command cannot avoid).
plant() {
	rm -rf "$work/b"
	make_tree "$work/b" || exit 1
	(cd "$work/b" && eval "$3") || exit 1
	find "$work/b" -name file -o -type d | while read -r each; do [ "$1" = mtime ] || touch -h -d @1000000000.123456789 "$each"; done
	"$top/tests/image/treediff.py" "$work/a" "$work/b" >"$work/out"
	code=$?
	if [ $code != 1 ] || [ "$(cut -f1,2 "$work/out" | sort -u | tr '\t' ' ' | tr '\n' ';')" != "$2" ]; then
		echo "planted $1: exit $code, found:"
		cat "$work/out"
		bad=1
	fi
}

make_tree "$work/a" && make_tree "$work/b" || exit 1
"$top/tests/image/treediff.py" "$work/a" "$work/b" || { echo "equal trees differ"; bad=1; }
plant presence "/d/more presence;" "echo >d/more"
plant absence "/fifo presence;" "rm fifo"
plant type "/fifo type;" "rm fifo; touch fifo"
plant mode "/d/file mode;" "chmod 600 d/file"
plant owner "/d/file owner;" "chown 1:0 d/file"
plant group "/d/file owner;" "chown 0:1 d/file"
plant mtime "/d/file mtime;" "touch -d @1000000000.123456788 d/file"
plant size "/d/file size;" "echo more >d/file"
plant content "/d/file content;" "echo two >d/file"
plant target "/link target;" "ln -sfn other link; touch -h -d @1000000000.123456789 link"
plant xattr "/d/file xattrs;" "setfattr -n user.a -v 2 d/file"
plant trusted "/d/file xattrs;" "setfattr -n trusted.a -v 2 d/file"
plant acl "/d/file xattrs;" "setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000600e803000004000400ffffffff10000600ffffffff20000400ffffffff d/file; chmod 664 d/file; chmod 664 ../a/d/file"
chmod 644 "$work/a/d/file"
plant capability "/d/file xattrs;" "setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 d/file"
plant flags "/d/file flags;" "chattr +d d/file"
plant "flags of a directory" "/d/e flags;" "chattr +A d/e"
plant "flags of a fifo" "/fifo flags;" "mkdir .n; chattr +d .n; rm fifo; mkfifo .n/fifo; touch -d @1000000000.123456789 .n/fifo; mv .n/fifo .; rmdir .n"
plant device "/null device;" "rm null; mknod null c 1 5; touch -d @1000000000.123456789 null"
plant hardlinks "/d/e/y hardlinks;/d/w hardlinks;/d/z hardlinks;" "ln -f d/w d/z"
plant "a name" "/caf\\xe8 presence;/caf\\xe9 presence;" "mv caf* \$(printf 'caf\\350')"

printf '/d/fi* mode a reason\n' >"$work/allowed"
plant mode "/d/file mode;" "chmod 600 d/file"
"$top/tests/image/treediff.py" "$work/a" "$work/b" --exceptions "$work/allowed" || { echo "an exception is not honoured"; bad=1; }
plant content "/d/file content;" "echo two >d/file"
"$top/tests/image/treediff.py" "$work/a" "$work/b" --exceptions "$work/allowed" >/dev/null && { echo "an exception covers too much"; bad=1; }
printf '/d/file mode\n' >"$work/allowed"
"$top/tests/image/treediff.py" "$work/a" "$work/b" --exceptions "$work/allowed" 2>/dev/null
[ $? = 2 ] || { echo "an exception without a reason is accepted"; bad=1; }
exit $bad
