#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a disk held after the first N writes of a log, and how many there are:

  replay-writes.py LOG
  replay-writes.py LOG START N RESULT

The log is that of QEMU's blklogwrites driver, which is dm-log-writes': a superblock, then for each write a header and its data,
all in sectors of the size that the superblock says.  Entries are counted by walking: the superblock's number lags behind.
"""
import os, struct, subprocess, sys

DISCARD = 4


def entries(log):
    magic, version, _entries, sector_size = struct.unpack("<QQQI", log.read(28))
    if (magic, version) != (0x6A736677736872, 1):
        sys.exit("replay-writes: not a log of writes")
    size, at = os.fstat(log.fileno()).st_size, sector_size
    while at + sector_size <= size:
        log.seek(at)
        sector, n, flags, _length = struct.unpack("<QQQQ", log.read(32))
        at += sector_size + (0 if flags & DISCARD else n * sector_size)
        if at > size:
            return
        log.seek(at - n * sector_size)
        yield sector * sector_size, bytes(n * sector_size) if flags & DISCARD else log.read(n * sector_size)


with open(sys.argv[1], "rb") as log:
    if len(sys.argv) == 2:
        print(sum(1 for _ in entries(log)))
        sys.exit()
    start, count, result = sys.argv[2], int(sys.argv[3]), sys.argv[4]
    subprocess.run(["cp", "--sparse=always", start, result], check=True)
    with open(result, "r+b") as disk:
        for _, (offset, data) in zip(range(count), entries(log)):
            disk.seek(offset)
            disk.write(data)
