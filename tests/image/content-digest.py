#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The content digest of a raw disk, written from its description alone (docs/record.md):
content-digest.py FILE prints it."""
import hashlib
import os
import struct
import sys

LEAF = 65536


def sha256(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def content_digest(path):
    size = os.path.getsize(path)
    level = []
    with open(path, 'rb') as disk:
        while block := disk.read(LEAF):
            level.append(sha256(b'\0', block.ljust(LEAF, b'\0')))
    padding = sha256(b'\0', bytes(LEAF))
    height = 0
    while height < 6 or len(level) > 1:
        if len(level) % 2:
            level.append(padding)
        level = [sha256(b'\1', level[i], level[i + 1]) for i in range(0, len(level), 2)]
        padding = sha256(b'\1', padding, padding)
        height += 1
    root = level[0] if level else padding
    return sha256(b'coldpatch-content-1', struct.pack('<Q', size), root).hex()


print(content_digest(sys.argv[1]))
