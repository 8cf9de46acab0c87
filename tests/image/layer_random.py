#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Random trees with every kind of entry, and random changes to them, from a seed.

    layer_random.py populate DIRECTORY SEED [COUNT]
    layer_random.py hide DIRECTORY FILE      takes away the attributes a sandbox's view cannot hold, remembers them
    layer_random.py mutate DIRECTORY SEED [COUNT]
    layer_random.py unhide DIRECTORY FILE    puts them back on the inodes that still are the same
"""
import errno
import os
import pickle
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys

random_ = random.Random()
root = os.fsencode(sys.argv[2])


def everything():
    for directory, directories, files in os.walk(root):
        directories.sort()
        if sys.argv[1] == "mutate" and directory == root and b"fixed" in directories:
            directories.remove(b"fixed")
        for name in sorted(directories + files):
            if name != b"lost+found":
                yield os.path.join(directory, name)


def is_directory(path):
    return stat.S_ISDIR(os.lstat(path).st_mode)


def pick(condition=lambda path: True):
    found = [path for path in everything() if condition(path)]
    return random_.choice(found) if found else None


def some_directory():
    return random_.choice([root] + [p for p in everything() if is_directory(p)])


def new_name():
    kind = random_.randrange(8)
    if kind == 0:
        name = bytes(random_.choice(b"\x01\n\t\\ =%\xe9\xff\xc3\xa9\"'*-") for _ in range(random_.randint(1, 12)))
    elif kind == 1:
        name = b"long-" + b"n" * random_.randint(90, 240)
    else:
        name = random_.choice([b"a", b"b", b"c", b"d", b"a-b", b"a.b", b"x", b"y"]) + str(random_.randrange(60)).encode()
    return name


def free_path():
    while True:
        path = os.path.join(some_directory(), new_name())
        if not os.path.lexists(path) and len(path) < 3000:
            return path


def content():
    size = random_.choice([0, 1, 59, 60, 61, 512, 1023, 4095, 4096, 4097, 70000, 300000])
    return random_.randbytes(size)


def write_sparse(path):
    with open(path, "wb") as f:
        at = 0
        for _ in range(random_.randint(0, 6)):
            at += random_.choice([0, 4096, 65536, 1 << 20])
            f.seek(at)
            data = random_.randbytes(random_.choice([1, 4096, 10000]))
            f.write(data)
            at += len(data)
        f.truncate(at + random_.choice([0, 1, 4096, 1 << 21]))


ACL = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in (
    (1, 6, 0xffffffff), (2, 6, 1000), (2, 4, 60000), (4, 4, 0xffffffff), (16, 6, 0xffffffff), (32, 4, 0xffffffff)))
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


def dress(path):
    """Owner, mode, attributes, times."""
    st = os.lstat(path)
    if random_.random() < 0.5:
        os.lchown(path, random_.choice([0, 1, 60000, 3000000]), random_.choice([0, 33, 70000]))
    if not stat.S_ISLNK(st.st_mode):
        os.chmod(path, random_.choice([0o644, 0o755, 0o600, 0o4755, 0o2750, 0o1777]))
    if stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        if random_.random() < 0.3:
            os.setxattr(path, b"user.n=%" + str(random_.randrange(2)).encode(), random_.randbytes(random_.choice([0, 5, 150])))
        if random_.random() < 0.15:
            os.setxattr(path, b"system.posix_acl_access", ACL)
        if stat.S_ISDIR(st.st_mode) and random_.random() < 0.15:
            os.setxattr(path, b"system.posix_acl_default", ACL)
        if stat.S_ISREG(st.st_mode) and random_.random() < 0.15:
            os.setxattr(path, b"security.capability", CAPABILITY)
    if random_.random() < 0.7:
        when = random_.choice([1, 1000000000, 1700000000, 3000000000]) * 10**9 + random_.choice([0, 123456789])
        os.utime(path, ns=(when, when), follow_symlinks=False)


def dress_hidden(path):
    if stat.S_ISREG(os.lstat(path).st_mode) and random_.random() < 0.3:
        os.setxattr(path, b"security.ima", random_.randbytes(20))
    if random_.random() < 0.2:
        os.setxattr(path, b"trusted.x", random_.randbytes(7), follow_symlinks=False)


def make_socket(path):
    here = os.getcwd()
    os.chdir(os.path.dirname(path))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(b"./.s")
    os.rename(b".s", path)
    os.chdir(here)


def create(path=None):
    path = path or free_path()
    kind = random_.choice("fffffssdddddllplhhcbo")
    if kind == "f":
        with open(path, "wb") as f:
            f.write(content())
    elif kind == "s":
        write_sparse(path)
    elif kind == "d":
        os.mkdir(path)
    elif kind == "l":
        os.symlink(random_.choice([b"target", b"/etc/passwd", b"../" * 5 + b"x", b"l" * 59, b"l" * 60, b"l" * 200, b"\xff\xfe"]), path)
    elif kind == "p":
        os.mkfifo(path)
    elif kind == "c":
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(random_.choice([1, 300]), random_.choice([3, 70000])))
    elif kind == "b":
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(8, random_.choice([1, 300])))
    elif kind == "o":
        make_socket(path)
    elif kind == "h":
        old = pick(lambda p: not is_directory(p))
        if old is None:
            return create(path)
        os.link(old, path, follow_symlinks=False)
        return
    dress(path)


def remove(path):
    shutil.rmtree(path) if is_directory(path) else os.unlink(path)


def change_content(path):
    kind = random_.randrange(4)
    with open(path, "r+b") as f:
        if kind == 0:
            f.truncate(random_.choice([0, 10, 100000]))
        elif kind == 1:
            f.seek(0, 2)
            f.write(b"appended\n")
        elif kind == 2:
            f.write(b"X")
        else:
            data = f.read()
            f.seek(0)
            f.write(data)


def replace(path):
    """A new inode under the old name, as package managers do it."""
    new = path[: path.rindex(b"/")] + b"/.new"
    create(new)
    if is_directory(new) or is_directory(path):
        remove(path)
    os.rename(new, path)
    if os.path.lexists(new):  # both were names of one inode
        os.unlink(new)


def recreate_same(path):
    """A new inode that is the same in everything."""
    new = path[: path.rindex(b"/")] + b"/.same"
    os.system(b"cp -a -- '%s' '%s'" % (path.replace(b"'", b"'\\''"), new.replace(b"'", b"'\\''")))
    os.unlink(path)
    os.rename(new, path)


def recreate_directory(path):
    """Removed and made anew, with one old subtree moved back in."""
    inside = [n for n in os.listdir(path)]
    keep = random_.choice(inside) if inside and random_.random() < 0.7 else None
    away = root + b"/.away"
    if keep is not None:
        os.rename(os.path.join(path, keep), away)
    remove(path)
    os.mkdir(path)
    if keep is not None:
        os.rename(away, os.path.join(path, keep))
    with open(os.path.join(path, b"fresh"), "wb") as f:
        f.write(b"fresh\n")


def mutate_once():
    kind = random_.randrange(14)
    if kind <= 2:
        create()
        return
    regular = lambda p: stat.S_ISREG(os.lstat(p).st_mode)
    path = {5: lambda: pick(regular), 6: lambda: pick(regular), 9: lambda: pick(regular),
            10: lambda: pick(is_directory)}.get(kind, pick)()
    if path is None:
        return
    if kind in (3, 4):
        remove(path)
    elif kind in (5, 6):
        change_content(path)
    elif kind in (7, 8):
        replace(path)
    elif kind == 9:
        recreate_same(path)
    elif kind == 10:
        recreate_directory(path)
    elif kind == 11:
        dress(path)
    elif kind == 12:
        now = os.lstat(path)
        os.utime(path, ns=(now.st_atime_ns, now.st_mtime_ns), follow_symlinks=False)
    else:
        try:
            os.rename(path, free_path())
        except OSError as failed:
            if failed.errno != errno.EINVAL:
                raise


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def populate_fixed():
    """What chance might leave out; mutate_fixed does to each what its name says."""
    fixed = root + b"/fixed"
    for directory in (b"/remade/kept/deep", b"/renamed/inside/deep", b"/to-link/full", b"/moved-in/here", b"/merged"):
        os.makedirs(fixed + directory)
    for path in (b"/remade/kept/deep/file", b"/remade/dropped", b"/renamed/inside/deep/file", b"/renamed/file", b"/to-link/full/file",
                 b"/pair-split", b"/pair-chmod", b"/pair-grown", b"/in-place", b"/to-directory", b"/swapped-1", b"/swapped-2"):
        write(fixed + path, path * 100)
    os.link(fixed + b"/pair-split", fixed + b"/pair-split-other")
    os.link(fixed + b"/pair-chmod", fixed + b"/merged/pair-chmod-other")
    os.link(fixed + b"/renamed/file", fixed + b"/pair-renamed")
    os.symlink(b"renamed", fixed + b"/link-to-directory")
    for path in (b"/in-place", b"/renamed/inside/deep/file", b"/pair-chmod", b"/renamed"):
        os.setxattr(fixed + path, b"trusted.fixed", path)
    os.setxattr(fixed + b"/in-place", b"security.ima", b"x" * 20)


def mutate_fixed():
    fixed = root + b"/fixed"
    os.rename(fixed + b"/remade/kept", fixed + b"/away")
    remove(fixed + b"/remade")
    os.mkdir(fixed + b"/remade")
    os.rename(fixed + b"/away", fixed + b"/remade/kept")
    os.rename(fixed + b"/renamed", fixed + b"/moved-in/now")
    remove(fixed + b"/to-link")
    os.symlink(b"moved-in", fixed + b"/to-link")
    remove(fixed + b"/link-to-directory")
    os.mkdir(fixed + b"/link-to-directory")
    write(fixed + b"/link-to-directory/file", b"new\n")
    remove(fixed + b"/to-directory")
    os.mkdir(fixed + b"/to-directory")
    recreate_same(fixed + b"/pair-split")
    os.chmod(fixed + b"/pair-chmod", 0o640)
    os.link(fixed + b"/pair-grown", fixed + b"/a-pair-grown")
    with open(fixed + b"/in-place", "r+b") as f:
        f.write(b"changed")
    os.rename(fixed + b"/swapped-1", fixed + b"/away")
    os.rename(fixed + b"/swapped-2", fixed + b"/swapped-1")
    os.rename(fixed + b"/away", fixed + b"/swapped-2")


HIDDEN = ("trusted.", "security.")


def hide():
    remembered = {}
    for path in everything():
        st = os.lstat(path)
        for name in os.listxattr(path, follow_symlinks=False):
            if name.startswith(HIDDEN) and name != "security.capability":
                remembered.setdefault(st.st_ino, {})[name] = os.getxattr(path, name, follow_symlinks=False)
        names = remembered.get(st.st_ino, {})
        for name in names:
            try:
                os.removexattr(path, name, follow_symlinks=False)
            except OSError as failed:
                if failed.errno != errno.ENODATA:
                    raise
    with open(sys.argv[3], "wb") as f:
        pickle.dump(remembered, f)


def unhide(inodes_before):
    with open(sys.argv[3], "rb") as f:
        remembered = pickle.load(f)
    for path in everything():
        st = os.lstat(path)
        for name, value in remembered.get(st.st_ino, {}).items() if (st.st_ino in inodes_before) else ():
            if inodes_before[st.st_ino] == btime(path):
                os.setxattr(path, name, value, follow_symlinks=False)


def btime(path):
    """statx has no wrapper in Python: by stat(1), to the nanosecond."""
    return subprocess.run(["stat", "-c", "%w", path], capture_output=True, check=True).stdout


def main():
    verb = sys.argv[1]
    if verb in ("populate", "mutate"):
        random_.seed(verb + sys.argv[3])
        populate_fixed() if verb == "populate" else mutate_fixed()
        for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 150):
            create() if verb == "populate" else mutate_once()
        if verb == "populate":
            for path in list(everything()):
                if not path.startswith(root + b"/fixed/"):
                    dress_hidden(path)
    elif verb == "hide":
        hide()
        with open(sys.argv[3] + ".births", "wb") as f:
            pickle.dump({os.lstat(p).st_ino: btime(p) for p in everything()}, f)
    elif verb == "unhide":
        with open(sys.argv[3] + ".births", "rb") as f:
            unhide(pickle.load(f))


main()
