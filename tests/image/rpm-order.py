#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Were packages put in in an order that agrees with another one?

    rpm-order.py NEEDS OURS VENDOR UPDATED

NEEDS has lines of NAME, a tab, "r" or "p", a tab, and what the package requires or provides; OURS and VENDOR a name a line, in
the order of installation; UPDATED the names of what was put in together: what it needs through others is no matter to rpm.
Prints pairs of which one needs the other, directly or not, but not the other way round, and which
OURS has in an order that VENDOR does not have.  Exit status 1 when there are any.
"""
import sys


def read_names(path):
    with open(path) as lines:
        return [line.strip() for line in lines]


def read_needs(path, updated):
    provides, requires, needs = {}, [], {}
    with open(path) as lines:
        for line in lines:
            name, kind, what = line.rstrip("\n").split("\t")
            if kind == "p":
                provides.setdefault(what, set()).add(name)
            else:
                requires.append((name, what))
    for name, what in requires:
        if name in updated:
            needs.setdefault(name, set()).update(provides.get(what, set()) & updated)
    return needs


def closure(needs, name, known={}):
    if name not in known:
        seen, todo = set(), [name]
        while todo:
            for other in needs.get(todo.pop(), set()) - seen:
                seen.add(other)
                todo.append(other)
        known[name] = seen
    return known[name]


def main():
    ours, vendor, updated = (read_names(path) for path in sys.argv[2:5])
    needs = read_needs(sys.argv[1], set(updated))
    place = {name: i for i, name in enumerate(vendor)}
    bad = [(a, b) for i, a in enumerate(ours) for b in ours[i + 1:]
           if place[a] > place[b] and b in closure(needs, a) and a not in closure(needs, b)]
    for a, b in bad:
        print(f"{a} before {b}, which it needs; the vendor's tool did it the other way round")
    sys.exit(bool(bad))


main()
