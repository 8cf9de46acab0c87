#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a disk held after the first N writes of a log: replay-writes.py START LOG N RESULT.

The log is that of QEMU's blklogwrites driver, which is dm-log-writes': a superblock, then for each write a header and its data,
all in sectors of the size that the superblock says.
"""
import os, struct, subprocess, sys

DISCARD = 4
start, log_path, count, result = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
subprocess.run(["cp", "--sparse=always", start, result], check=True)
with open(log_path, "rb") as log, open(result, "r+b") as disk:
    magic, version, entries, sector_size = struct.unpack("<QQQI", log.read(28))
    if (magic, version) != (0x6A736677736872, 1):
        sys.exit("replay-writes: not a log of writes")
    log.seek(sector_size)
    for _ in range(min(count, entries)):
        sector, n, flags, _length = struct.unpack("<QQQQ", log.read(32))
        log.seek(sector_size - 32, os.SEEK_CUR)
        data = b"" if flags & DISCARD else log.read(n * sector_size)
        if flags & DISCARD:
            data = bytes(n * sector_size)
        disk.seek(sector * sector_size)
        disk.write(data)
