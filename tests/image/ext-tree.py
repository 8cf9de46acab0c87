#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The other side of tests/image/ext-*.sh: what a tree on an ext file system should be and, read through a kernel
mount, what it is.  Shares no code with coldpatch.

  ext-tree.py scan DIR                      one line per path, in the form of `fs_tool dump`
  ext-tree.py base DIR                      files made by the kernel, for later steps to replace and remove
  ext-tree.py plan WORKDIR COUNT [ea_inode] scripts add.txt, change.txt for `fs_tool apply`, and expected.json
  ext-tree.py check WORKDIR DIR [coarse]    compares DIR with expected.json; coarse: times in seconds only
"""
import fcntl, hashlib, json, os, stat, struct, sys

USER_FLAGS = 0x3c0ff
FS_IOC_GETFLAGS = 0x80086601
BASE = bytes((p * 7 + (p >> 8)) & 0xff for p in range(1 << 20))


def pattern(seed, offset, length):
    shift = seed * 31 & 0xff
    return BASE[offset:offset + length].translate(bytes((b + shift) & 0xff for b in range(256)))


def flags_of(path, st):
    if not (stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode)):
        return 0
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return struct.unpack("l", fcntl.ioctl(fd, FS_IOC_GETFLAGS, b"\0" * 8))[0] & USER_FLAGS
    finally:
        os.close(fd)


def extents_of(path, size):
    found, offset = "", 0
    fd = os.open(path, os.O_RDONLY)
    try:
        while offset < size:
            try:
                start = os.lseek(fd, offset, os.SEEK_DATA)
            except OSError:
                break
            end = min(os.lseek(fd, start, os.SEEK_HOLE), size)
            found += f"{start}-{end},"
            offset = end
    finally:
        os.close(fd)
    return found


def sha256_of(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def paths_below(top):
    yield top, b"/"
    stack = [(top, b"")]
    while stack:
        directory, prefix = stack.pop()
        for name in os.listdir(directory):
            real, path = directory + b"/" + name, prefix + b"/" + name
            yield real, path
            if stat.S_ISDIR(os.lstat(real).st_mode):
                stack.append((real, path))


def describe(real, with_data=True):
    st = os.lstat(real)
    ns = st.st_mtime_ns
    d = {"ino": st.st_ino, "mode": f"{st.st_mode:o}", "nlink": st.st_nlink, "owner": f"{st.st_uid}:{st.st_gid}",
         "mtime": f"{ns // 10**9}.{ns % 10**9:09d}", "flags": f"{flags_of(real, st):x}"}
    if stat.S_ISREG(st.st_mode):
        d["size"], d["blocks"] = st.st_size, st.st_blocks
        # Before the file is read: then the kernel takes the cached zeros of an unwritten extent for data.
        extents = extents_of(real, st.st_size) if with_data else None
        d["sha256"] = sha256_of(real)
        if with_data:
            d["data"] = extents
    if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        d["rdev"] = f"{os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"
    if stat.S_ISLNK(st.st_mode):
        d["target"] = os.readlink(real).hex()
    for name in sorted(os.listxattr(real, follow_symlinks=False)):
        d["x:" + name] = os.getxattr(real, name, follow_symlinks=False).hex()
    return d


def scan(top):
    for real, path in paths_below(os.fsencode(top)):
        print(path.hex(), " ".join(f"{k}={v}" for k, v in describe(real).items()))


def base(top):
    """What a kernel leaves: small and large, shared attribute blocks, indexed directories, preallocation."""
    def make(name, data, **xattrs):
        path = os.path.join(top, name)
        with open(path, "wb") as f:
            f.write(data)
        for key, value in xattrs.items():
            os.setxattr(path, "user." + key, value)
    os.mkdir(top + "/k")
    for i in range(300):
        make(f"k/file-{i:04d}", pattern(i, 0, i * 7), a=b"same value" * 8, b=b"x" * 100)
    os.mkdir(top + "/k/tiny")
    make("k/tiny/inline", b"in the inode")
    make("k/grow", b"grows")
    make("k/grow-tail", pattern(3, 0, 6000))
    fd = os.open(top + "/k/allocated", os.O_CREAT | os.O_RDWR)
    os.write(fd, pattern(4, 0, 5000))
    os.posix_fallocate(fd, 0, 5000)
    libc_fallocate_keep_size(fd, 0, 200000)
    os.close(fd)
    os.mkdir(top + "/k/many")
    for i in range(1500):
        make(f"k/many/a-rather-long-name-to-fill-blocks-{i:05d}", b"")
    os.mkdir(top + "/k/empty")
    os.symlink("y" * 100, top + "/k/slow")
    os.mknod(top + "/k/fifo", stat.S_IFIFO | 0o644)


def libc_fallocate_keep_size(fd, offset, length):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate(fd, 1, ctypes.c_long(offset), ctypes.c_long(length))


def hexed(path):
    return path.encode("utf-8", "surrogateescape").hex() if isinstance(path, str) else path.hex()


class Plan:
    def __init__(self):
        self.lines, self.nodes = [], {}

    def meta(self, mode, i, flags=0, major=0, minor=0):
        uid, gid, sec, nsec = (i * 7) % 100000, (i * 13) % 70000, 1600000000 + i, (i * 1234567) % 10**9
        self.last = {"mode": f"{mode:o}", "owner": f"{uid}:{gid}", "mtime": f"{sec}.{nsec:09d}", "flags": f"{flags:x}"}
        return f"{mode:o} {uid} {gid} {sec} {nsec} {flags} {major} {minor}"

    def create(self, path, mode, i, flags=0, major=0, minor=0):
        self.lines.append(f"C {hexed(path)} {self.meta(mode, i, flags, major, minor)}")
        self.nodes[path] = dict(self.last)
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            self.nodes[path]["rdev"] = f"{major}:{minor}"
        if stat.S_ISREG(mode):
            self.content(path, b"")
        self.nodes[path]["xattrs"] = {}

    def content(self, path, data):
        self.nodes[path]["size"] = len(data)
        self.nodes[path]["sha256"] = hashlib.sha256(data).hexdigest()

    def write(self, path, pieces, size=None):
        data = b""
        for offset, length, seed in pieces:
            self.lines.append(f"W {hexed(path)} {offset} {length} {seed}")
            data = data.ljust(offset, b"\0") + pattern(seed, offset, length)
        if size is not None:
            self.lines.append(f"S {hexed(path)} {size}")
            data = data.ljust(size, b"\0")
        self.content(path, data)

    def symlink(self, path, target, i):
        self.lines.append(f"L {hexed(path)} {hexed(target)} {self.meta(0o120777, i)}")
        self.nodes[path] = dict(self.last, target=hexed(target), xattrs={})

    def link(self, path, old):
        self.lines.append(f"H {hexed(path)} {hexed(old)}")
        self.nodes[path] = self.nodes[old]

    def xattrs(self, path, **values):
        values = {k.replace("__", "."): v for k, v in values.items()}
        self.lines.append(f"X {hexed(path)} " + " ".join(f"{k}={v.hex()}" for k, v in values.items()))
        self.nodes[path]["xattrs"] = {k: v.hex() for k, v in values.items()}

    def truncate(self, path):
        self.lines.append(f"T {hexed(path)}")
        self.content(path, b"")

    def set_meta(self, path, mode, i, flags=0):
        self.lines.append(f"M {hexed(path)} {self.meta(mode, i, flags)}")
        self.nodes[path].update(self.last)

    def unlink(self, path):
        self.lines.append(f"U {hexed(path)}")
        self.nodes.pop(path, None)


ACL = bytes.fromhex("0200000001000700ffffffff02000600e803000004000500ffffffff08000400409c000010000700ffffffff20000400ffffffff")
DEFAULT_ACL = ACL
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


def add(plan, count, ea_inode):
    top = [f"d{i}" for i in range(4)]
    for i, name in enumerate(top):
        plan.create(name, 0o40755, i)
    for i in range(count // 100):
        plan.create(f"d1/sub{i}", 0o40750, i)
    for i in range(count):
        path = (f"d0/file-{i:06d}" if i % 2 else f"d1/sub{i // 2 % (count // 100)}/f{i:06d}")
        plan.create(path, 0o100644 if i % 5 else 0o104755, i)
        size = (i * 37) % 300 if i % 50 else 2000 + (i * 91) % 18000
        plan.write(path, [(0, size, i)] if size else [])
        if i % 500 == 3:
            plan.xattrs(path, user__a=b"1" * 20, security__capability=CAPABILITY)
        if i % 500 == 4:
            plan.xattrs(path, system__posix_acl_access=ACL)
            plan.set_meta(path, 0o100674, i)
        if i % 500 == 5:
            plan.xattrs(path, user__long=b"v" * 700, trusted__t=b"t" * 30, user__empty=b"")
        if i % 500 == 7:
            plan.link(path + ".link", path)
    plan.create("d2/big", 0o100600, 1)
    plan.write("d2/big", [(0, 300000, 1), (300000, 500000, 2)])
    plan.create("d2/sparse", 0o100600, 2)
    plan.write("d2/sparse", [(0, 10, 1), (200000, 5000, 2), (600001, 3, 9)], 1 << 20)
    plan.nodes["d2/sparse"]["max_blocks"] = 3 * 2 * 128
    plan.create("d2/hole-only", 0o100600, 2)
    plan.write("d2/hole-only", [], 40000)
    plan.create("d2/char", 0o20666, 3, 0, 1, 3)
    plan.create("d2/block", 0o60660, 3, 0, 259, 300001)
    plan.create("d2/fifo", 0o10644, 4)
    plan.create("d2/socket", 0o140755, 5)
    plan.create("d2/" + "n" * 255, 0o100644, 6)
    plan.create("d2/\udcff\udc80bytes", 0o100644, 7)
    plan.create("d2/immutable", 0o100644, 8, 0x10 | 0x40)
    plan.symlink("d2/fast", "t" * 59, 9)
    plan.symlink("d2/slow60", "t" * 60, 9)
    plan.symlink("d2/slow", "t" * 1000, 9)
    plan.create("d2/acl", 0o40775, 10)
    plan.xattrs("d2/acl", system__posix_acl_access=ACL, system__posix_acl_default=DEFAULT_ACL)
    plan.set_meta("d2/acl", 0o40774, 10)
    if ea_inode:
        plan.create("d2/ea", 0o100644, 11)
        plan.xattrs("d2/ea", user__huge=pattern(5, 0, 60000), user__other=pattern(6, 0, 9000))
        plan.create("d2/ea2", 0o100644, 11)
        plan.xattrs("d2/ea2", user__huge=pattern(5, 0, 30000))


def change(plan, count, ea_inode):
    for i in range(count):
        path = (f"d0/file-{i:06d}" if i % 2 else f"d1/sub{i // 2 % (count // 100)}/f{i:06d}")
        if i % 3 == 0:
            plan.unlink(path)
        elif i % 3 == 1 and i % 2:
            plan.truncate(path)
            plan.write(path, [(0, (i * 53) % 5000 + 1, i + 1)])
            plan.xattrs(path)
            plan.set_meta(path, 0o100640, i + 1)
        elif i % 7 == 0:
            plan.unlink(path)
            plan.symlink(path, f"now a link {i}", i)
    for i in range(count // 3):
        plan.create(f"d3/new-{i:06d}-{'n' * (i % 60)}", 0o100644, i)
    # What the kernel made.
    for i in range(0, 300, 2):
        plan.unlink(f"k/file-{i:04d}")
    for i in range(1, 300, 4):
        path = f"k/file-{i:04d}"
        plan.nodes[path] = {"xattrs": {}}
        plan.xattrs(path, user__a=b"another value" * 8)
        plan.truncate(path)
        plan.write(path, [(0, 400, i)])
        plan.set_meta(path, 0o100644, i)
    for i in range(3, 300, 4):
        plan.nodes[f"k/file-{i:04d}"] = {"xattrs": {"user.a": (b"same value" * 8).hex(), "user.b": (b"x" * 100).hex()}}
        plan.content(f"k/file-{i:04d}", pattern(i, 0, i * 7))
    for i in range(1500):
        if i % 4:
            plan.unlink(f"k/many/a-rather-long-name-to-fill-blocks-{i:05d}")
    for i in range(800):
        plan.create(f"k/many/ours-{i:05d}-{'m' * (i % 40)}", 0o100644, i)
    append(plan, "k/grow", b"grows", 5, 300)
    append(plan, "k/grow-tail", pattern(3, 0, 6000), 6000, 9000)
    append(plan, "k/allocated", pattern(4, 0, 5000), 5000, 30000)
    for name in ("k/tiny/inline", "k/tiny", "k/empty", "k/slow", "k/fifo"):
        plan.unlink(name)
    for i in range(40):
        plan.create(f"d2/wide{i:03d}-{'w' * 200}", 0o40755, i)
        plan.create(f"d2/wide{i:03d}-{'w' * 200}/x", 0o100644, i)
    if ea_inode:
        plan.xattrs("d2/ea", user__huge=pattern(7, 0, 20000))
        plan.unlink("d2/ea2")


def append(plan, path, before, offset, length):
    plan.nodes[path] = {"xattrs": {}}
    plan.lines.append(f"W {hexed(path)} {offset} {length} 1")
    plan.content(path, before.ljust(offset, b"\0") + pattern(1, offset, length))


def make_plan(work, count, ea_inode):
    plan = Plan()
    for name, step in (("add", add), ("change", change)):
        step(plan, count, ea_inode)
        with open(f"{work}/{name}.txt", "w") as f:
            f.write("\n".join(plan.lines) + "\n")
        plan.lines = []
    groups = {}
    for path, node in plan.nodes.items():
        groups.setdefault(id(node), []).append(hexed(path))
    with open(f"{work}/expected.json", "w") as f:
        json.dump({hexed(p): dict(n, names=sorted(groups[id(n)])) for p, n in plan.nodes.items()}, f)


def differences(want, have, path, coarse):
    for key, value in want.items():
        if key == "xattrs":
            got = {k[2:]: v for k, v in have.items() if k.startswith("x:")}
        elif key in ("names", "max_blocks"):
            continue
        else:
            got = have.get(key)
        if key == "mtime" and coarse:
            value, got = value.split(".")[0], got.split(".")[0]
        if got != value:
            yield f"{bytes.fromhex(path)!r}: {key} is {got!r}, not {value!r}"
    if "max_blocks" in want and have["blocks"] > want["max_blocks"]:
        yield f"{bytes.fromhex(path)!r}: {have['blocks']} blocks, a sparse file would have {want['max_blocks']} at most"


def check(work, top, coarse):
    with open(f"{work}/expected.json") as f:
        expected = json.load(f)
    problems, inodes, seen = [], {}, set()
    for real, path in paths_below(os.fsencode(top)):
        name = path[1:].hex()
        if path in (b"/", b"/lost+found", b"/k", b"/k/many") or path.startswith(b"/k/many/a-rather"):
            continue
        if name not in expected:
            problems.append(f"{path!r}: should not be there")
            continue
        have = describe(real, False)
        seen.add(name)
        inodes.setdefault(have["ino"], []).append(name)
        problems += differences(expected[name], have, name, coarse)
    problems += [f"{bytes.fromhex(n)!r}: is not there" for n in expected if n not in seen]
    for names in inodes.values():
        if sorted(names) != expected[names[0]]["names"]:
            problems.append(f"{bytes.fromhex(names[0])!r}: hard links differ")
    many = len([n for n in os.listdir(top + "/k/many") if n.startswith("a-rather")])
    if many != 375:
        problems.append(f"k/many: {many} of the kernel's names are left, not 375")
    for problem in problems[:20]:
        print(problem)
    print(f"{len(seen)} paths compared, {len(problems)} differences")
    return 1 if problems or len(seen) < len(expected) // 2 else 0


def main():
    command, rest = sys.argv[1], sys.argv[2:]
    if command == "scan":
        scan(rest[0])
    elif command == "base":
        base(rest[0])
    elif command == "plan":
        make_plan(rest[0], int(rest[1]), "ea_inode" in rest)
    elif command == "check":
        return check(rest[0], rest[1], "coarse" in rest)
    return 0


sys.exit(main())
