#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares two directory trees path by path, as the kernel shows them.

    treediff.py A B [--exceptions FILE] [--ignore ATTRIBUTE]...

Compared: presence, type, mode, owner, mtime (to the nanosecond), size, content, link target,
extended attributes (of every namespace), inode flags, device number, and which names are hardlinks of each other.
Of the flags only those that chattr sets: the others tell how content lies (extents, inline, indexed directory), which
depends on what was in a directory before and is no part of what a tree is.
Prints one line per difference: PATH, a tab, ATTRIBUTE, a tab, what A and what B has.  Paths are printed with bytes that
are not printable ASCII as \\xNN.

The file of exceptions has one exception a line: PATTERN, blanks, ATTRIBUTES, blanks, the reason, which must be
there.  PATTERN is an absolute path spelled as it is printed; '*' in its last component stands for any
characters of that one name.  ATTRIBUTES is a comma-separated list, or "any".  A line that nothing needed is reported too.

Exit status: 0 equal, 1 different, 2 usage.
"""
import argparse
import array
import ctypes
import fcntl
import fnmatch
import os
import stat
import sys

ATTRIBUTES = ("presence", "type", "mode", "owner", "mtime", "size", "content", "target", "xattrs", "flags", "device", "hardlinks")
TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFCHR: "character device",
         stat.S_IFBLK: "block device", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def printable(data):
    return "".join(chr(b) if 0x20 < b < 0x7f and b != 0x5c else "\\x%02x" % b for b in data)


def usage(message):
    print(f"treediff.py: {message}", file=sys.stderr)
    sys.exit(2)


class Allowance:
    def __init__(self, line, number):
        words = line.split(None, 2)
        if len(words) < 3 or not words[0].startswith("/"):
            usage(f"exceptions, line {number}: PATTERN ATTRIBUTES REASON expected")
        self.pattern, attributes, self.reason = words
        self.directory, self.name = self.pattern.rsplit("/", 1)
        if "*" in self.directory:
            usage(f"exceptions, line {number}: '*' only in the last component")
        self.attributes = set(ATTRIBUTES) if attributes == "any" else set(attributes.split(","))
        if not self.attributes <= set(ATTRIBUTES):
            usage(f"exceptions, line {number}: unknown attribute")
        self.used = False

    def covers(self, path, attribute):
        directory, name = path.rsplit("/", 1)
        if attribute not in self.attributes or directory != self.directory:
            return False
        escaped = self.name.replace("[", "[[]").replace("?", "[?]")
        return fnmatch.fnmatchcase(name, escaped)


def read_exceptions(path):
    found = []
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            line = line.strip()
            if line and not line.startswith("#"):
                found.append(Allowance(line, number))
    return found


def scan(root):
    """{path: lstat}, and {path: sorted names of the same inode}."""
    nodes = {b"/": os.lstat(root)}
    stack = [b""]
    while stack:
        directory = stack.pop()
        for name in os.listdir(root + (directory or b"/")):
            path = directory + b"/" + name
            nodes[path] = os.lstat(root + path)
            if stat.S_ISDIR(nodes[path].st_mode):
                stack.append(path)
    names = {}
    for path, st in nodes.items():
        if not stat.S_ISDIR(st.st_mode):
            names.setdefault((st.st_dev, st.st_ino), []).append(path)
    groups = {}
    for group in names.values():
        group.sort()
        for path in group:
            groups[path] = group
    return nodes, groups


def read_xattrs(path):
    """XFS names its ACLs a second time, in its own format: once is enough."""
    names = [name for name in os.listxattr(path, follow_symlinks=False) if name not in ("trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT")]
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}


FS_IOC_GETFLAGS = 0x80086601
# As lsattr spells them; c and x among them, which few file systems take.
FLAGS = {"s": 0x1, "u": 0x2, "c": 0x4, "S": 0x8, "i": 0x10, "a": 0x20, "d": 0x40, "A": 0x80, "j": 0x4000, "t": 0x8000,
         "D": 0x10000, "T": 0x20000, "x": 0x2000000}
libc = ctypes.CDLL(None, use_errno=True)


def read_flags(path, mode):
    """Files and directories can be asked; of the other types statx(2) tells some: c, i, a, d."""
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        answer = (ctypes.c_uint64 * 32)()
        if libc.statx(-100, path, 0x100, 0, answer) != 0:  # AT_FDCWD, AT_SYMLINK_NOFOLLOW
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
        flags = answer[1] & (0x4 | 0x10 | 0x20 | 0x40)  # stx_attributes has the same values
        return "".join(letter for letter, bit in FLAGS.items() if flags & bit)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    answer = array.array("L", [0])
    try:
        fcntl.ioctl(fd, FS_IOC_GETFLAGS, answer)
    except OSError as failed:
        if failed.errno not in (25, 95):  # ENOTTY, EOPNOTSUPP: a file system without flags
            raise
    finally:
        os.close(fd)
    return "".join(letter for letter, bit in FLAGS.items() if answer[0] & bit)


def same_content(a, b):
    with open(a, "rb", buffering=0) as left, open(b, "rb", buffering=0) as right:
        while True:
            x, y = left.read(1 << 20), right.read(1 << 20)
            if x != y:
                return False
            if not x:
                return True


def show_xattrs(xattrs):
    return "{" + ", ".join(f"{n}={v.hex()}" for n, v in sorted(xattrs.items())) + "}"


def compare(a, b, path, x, y, groups):
    """Yields (attribute, in A, in B)."""
    left, right = a + path, b + path
    if stat.S_IFMT(x.st_mode) != stat.S_IFMT(y.st_mode):
        yield "type", TYPES[stat.S_IFMT(x.st_mode)], TYPES[stat.S_IFMT(y.st_mode)]
        return
    if stat.S_IMODE(x.st_mode) != stat.S_IMODE(y.st_mode):
        yield "mode", f"{stat.S_IMODE(x.st_mode):04o}", f"{stat.S_IMODE(y.st_mode):04o}"
    if (x.st_uid, x.st_gid) != (y.st_uid, y.st_gid):
        yield "owner", f"{x.st_uid}:{x.st_gid}", f"{y.st_uid}:{y.st_gid}"
    if x.st_mtime_ns != y.st_mtime_ns:
        yield "mtime", x.st_mtime_ns, y.st_mtime_ns
    if stat.S_ISCHR(x.st_mode) or stat.S_ISBLK(x.st_mode):
        if x.st_rdev != y.st_rdev:
            yield "device", f"{os.major(x.st_rdev)}:{os.minor(x.st_rdev)}", f"{os.major(y.st_rdev)}:{os.minor(y.st_rdev)}"
    if stat.S_ISLNK(x.st_mode):
        p, q = os.readlink(left), os.readlink(right)
        if p != q:
            yield "target", printable(p), printable(q)
    if stat.S_ISREG(x.st_mode):
        if x.st_size != y.st_size:
            yield "size", x.st_size, y.st_size
        elif not same_content(left, right):
            yield "content", "one", "another"
    p, q = read_xattrs(left), read_xattrs(right)
    if p != q:
        yield "xattrs", show_xattrs(p), show_xattrs(q)
    p, q = (read_flags(tree, x.st_mode) for tree in (left, right))
    if p != q:
        yield "flags", p or "-", q or "-"
    if not stat.S_ISDIR(x.st_mode) and groups[0][path] != groups[1][path]:
        yield "hardlinks", *(" ".join(map(printable, g[path])) for g in groups)


def differences(a, b):
    (nodes_a, groups_a), (nodes_b, groups_b) = scan(a), scan(b)
    for path in sorted(nodes_a.keys() | nodes_b.keys()):
        x, y = nodes_a.get(path), nodes_b.get(path)
        if x is None or y is None:
            yield path, "presence", "absent" if x is None else "present", "absent" if y is None else "present"
        else:
            for attribute, in_a, in_b in compare(a, b, path, x, y, (groups_a, groups_b)):
                yield path, attribute, in_a, in_b


def main():
    parser = argparse.ArgumentParser(description="Compare two directory trees path by path.")
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--exceptions")
    parser.add_argument("--ignore", action="append", default=[], choices=ATTRIBUTES)
    options = parser.parse_args()
    exceptions = read_exceptions(options.exceptions) if options.exceptions else []
    different = False
    for path, attribute, in_a, in_b in differences(os.fsencode(options.a.rstrip("/")), os.fsencode(options.b.rstrip("/"))):
        name = printable(path)
        covering = [e for e in exceptions if e.covers(name, attribute)]
        for exception in covering:
            exception.used = True
        if covering or attribute in options.ignore:
            continue
        different = True
        print(f"{name}\t{attribute}\t{in_a}\t{in_b}")
    for exception in exceptions:
        if not exception.used:
            print(f"treediff.py: not needed: {exception.pattern}", file=sys.stderr)
    sys.exit(1 if different else 0)


main()
