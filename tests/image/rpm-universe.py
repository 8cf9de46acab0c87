#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages that do not exist, for the planners: names, versions and dependencies as rpm has them.

    rpm-universe.py repositories DIRECTORY SEED    DIRECTORY/base and /updates, as createrepo_c writes them
    rpm-universe.py installed DIRECTORY SEED N     headers of the N-th random guest, for `rpmdb --importdb`, on stdout

Both come from the seed alone.  base holds one version of each package; updates newer ones, with what makes updates hard:
other sonames, new and missing dependencies, packages that were renamed, split, dropped or moved between architectures,
kernels, conflicts, and versions that lie between.  A guest is a random set of packages of base and all they need.
"""
import hashlib, os, random, struct, sys

SIZE = 520
SENSE = {'<': 2, '>': 4, '=': 8, '<=': 10, '>=': 12}
FLAG = {'<': 'LT', '>': 'GT', '=': 'EQ', '<=': 'LE', '>=': 'GE'}
KINDS = {  # name: tags of name, flags, version
    'requires': (1049, 1048, 1050), 'provides': (1047, 1112, 1113), 'conflicts': (1054, 1053, 1055),
    'obsoletes': (1090, 1114, 1115), 'recommends': (5046, 5048, 5047), 'supplements': (5052, 5054, 5053)}


class Package:
    def __init__(self, name, epoch, version, release, arch='x86_64'):
        self.name, self.epoch, self.version, self.release, self.arch = name, epoch, version, release, arch
        self.deps = {kind: [] for kind in KINDS}
        self.files = []
        self.provide(name, '=', self.evr())

    def evr(self):
        return ('%d:' % self.epoch if self.epoch else '') + self.version + '-' + self.release

    def id(self):
        return '%s-%s.%s' % (self.name, self.evr(), self.arch)

    def add(self, kind, name, op='', evr=''):
        if (name, op, evr) not in self.deps[kind]:
            self.deps[kind].append((name, op, evr))

    def provide(self, *dep):
        self.add('provides', *dep)

    def require(self, *dep):
        self.add('requires', *dep)


class Universe:
    """What each package is does not depend on its version; what it needs may."""

    def __init__(self, seed):
        self.random = random.Random('universe %s' % seed)
        self.names = ['%s%03d' % (self.random.choice(['lib', 'lib', 'app', 'tool', 'perl-', 'data']), i) for i in range(SIZE)]
        self.base, self.updates = [], []
        self.filesystem()
        for i, name in enumerate(self.names):
            self.package(i, name)
        self.kernels()

    def filesystem(self):
        self.base.append(Package('filesystem', 0, '3.16', '2', 'noarch'))
        self.updates.append(Package('filesystem', 0, '3.16', '3', 'noarch'))

    def kernels(self):
        for where, version in (self.base, '5.14'), (self.updates, '5.15'), (self.updates, '5.16'):
            core = Package('kernel-core', 0, version, '1')
            core.provide('installonlypkg(kernel)')
            kernel = Package('kernel', 0, version, '1')
            kernel.require('kernel-core', '=', core.evr())
            where += [core, kernel]

    def fill(self, package, i, soname, extra):
        r = self.random
        package.provide('%s.so.%d()(64bit)' % (package.name, soname))
        package.files += ['/usr/bin/' + package.name, '/usr/share/%s/data' % package.name]
        package.require('filesystem')
        for j in r.sample(range(i), min(i, r.choice([0, 1, 2, 2, 3, 5]))) if i else []:
            self.need(package, self.names[j])
        if r.random() < .1:
            package.provide('virtual(%d)' % r.randrange(8))
        if r.random() < .05:
            package.require('virtual(%d)' % r.randrange(8))
        if r.random() < .08 and i:
            package.add('recommends', r.choice(self.names[:i]))
        if r.random() < .03 and i:
            package.add('supplements', r.choice(self.names[:i]))
        extra(package)

    def need(self, package, name):
        r, old = self.random, self.old(name)
        if old is None:
            return
        how = r.random()
        if how < .35:
            package.require(name)
        elif how < .55:
            package.require(name, '>=', old.evr())
        elif how < .75:
            package.require('%s.so.1()(64bit)' % name)
        elif how < .82:
            package.require('/usr/bin/' + name)
        elif how < .9:
            package.require('/usr/share/%s/data' % name)
        elif how < .95:
            package.require('(%s if %s)' % (name, r.choice(self.names)))
        else:
            package.require('(%s or %s)' % (name, r.choice(self.names)))

    def old(self, name):
        return next((p for p in self.base if p.name == name), None)

    def new(self, name):
        return [p for p in self.updates if p.name == name]

    def package(self, i, name):
        r = self.random
        epoch = r.choice([0] * 9 + [1])
        arch = 'noarch' if name.startswith(('data', 'perl')) else 'x86_64'
        version = r.choice(['1.0', '1.2', '2.0~rc1', '2.0^git1', '0.9'])
        old = Package(name, epoch, version, '1', arch)
        self.fill(old, i, 1, lambda p: None)
        self.base.append(old)
        for _ in range(r.choice([0, 0, 0, 1, 1, 1, 1, 2])):
            self.update(i, old)

    def update(self, i, old):
        r, what = self.random, self.random.random()
        version, release = r.choice([(old.version, '2'), (old.version, '3'), ('2.0', '1'), ('2.1', '1'), ('2.1', '2')])
        arch = old.arch if r.random() > .03 else {'noarch': 'x86_64', 'x86_64': 'noarch'}[old.arch]
        new = Package(old.name, old.epoch, version, release, arch)
        if any(new.id() == p.id() for p in self.updates):
            return
        if what < .04:
            return self.rename(i, old)
        soname = 2 if r.random() < .07 else 1
        self.fill(new, i, soname, lambda p: self.trouble(p, i))
        self.updates.append(new)

    def rename(self, i, old):
        new = Package('new-' + old.name, 0, '5.0', '1', old.arch)
        if any(new.id() == p.id() for p in self.updates):
            return
        new.add('obsoletes', old.name, *self.random.choice([('', ''), ('<', '5.0')]))
        if self.random.random() < .7:
            new.provide(old.name, '=', '5.0-1')
        self.fill(new, i, 1, lambda p: p.provide('%s.so.1()(64bit)' % old.name))
        self.updates.append(new)

    def trouble(self, package, i):
        r, what = self.random, self.random.random()
        if what < .05:
            package.require('missing(%d)' % i)
        elif what < .12:
            extra = Package('extra-' + package.name, 0, '1', '1', package.arch)
            if not self.new(extra.name):
                self.updates.append(extra)
            if r.random() < .3:
                extra.add('obsoletes', package.name, '<', package.evr())
            package.require(extra.name)
        elif what < .15 and i:
            package.add('conflicts', r.choice(self.names[:i]), '<', '2.0')
        elif what < .22 and i:
            other = self.new(r.choice(self.names[:i]))
            if other:
                package.require(other[0].name, '=', other[0].evr())
        elif what < .25:
            package.provide('virtual(%d)' % r.randrange(8))


def satisfied(dep, package):
    name, op, _ = dep
    return any(p == name for p, _, _ in package.deps['provides']) or name in package.files


def simple_needs(dep):
    """The capabilities of which one is to be there: a rich dependency is made simpler than it is."""
    name = dep[0]
    if not name.startswith('('):
        return [dep]
    return [(name[1:].split()[0], '', '')]


def closure(universe, roots):
    installed, todo = {}, list(roots)
    while todo:
        package = todo.pop()
        if package.id() in installed:
            continue
        installed[package.id()] = package
        for dep in package.deps['requires']:
            for need in simple_needs(dep):
                providers = [p for p in universe.base if satisfied(need, p)]
                if providers and not any(p.id() in installed for p in providers):
                    todo.append(providers[0])
    return [installed[key] for key in sorted(installed)]


def guest(universe, seed, n):
    r = random.Random('guest %s %s' % (seed, n))
    roots = r.sample(universe.base, r.choice([5, 10, 20, 40, 80]))
    return closure(universe, roots + [universe.base[0]])


def header(package):
    tags = []

    def string(tag, value, kind=6):
        tags.append((tag, kind, 1, value.encode() + b'\0'))

    def strings(tag, values):
        tags.append((tag, 8, len(values), b''.join(v.encode() + b'\0' for v in values)))

    def ints(tag, values):
        tags.append((tag, 4, len(values), b''.join(struct.pack('>I', v) for v in values)))

    string(1000, package.name)
    string(1001, package.version)
    string(1002, package.release)
    if package.epoch:
        ints(1003, [package.epoch])
    string(1004, 'A package for tests', 9)
    ints(1009, [4096])
    string(1011, 'Tests')
    string(1014, 'none')
    string(1021, 'linux')
    string(1022, package.arch)
    string(1044, package.name + '.src.rpm')
    for kind, (name, flags, version) in KINDS.items():
        deps = package.deps[kind]
        if deps:
            strings(name, [d[0] for d in deps])
            ints(flags, [SENSE.get(d[1], 0) for d in deps])
            strings(version, [d[2] for d in deps])
    if package.files:
        n = len(package.files)
        directories = sorted({os.path.dirname(f) + '/' for f in package.files})
        ints(1028, [0] * n)
        tags.append((1030, 3, n, struct.pack('>H', 0o100644) * n))
        ints(1116, [directories.index(os.path.dirname(f) + '/') for f in package.files])
        strings(1117, [os.path.basename(f) for f in package.files])
        strings(1118, directories)
        strings(1039, ['root'] * n)
        strings(1040, ['root'] * n)
    index, data = b'', b''
    for tag, kind, count, value in sorted(tags):
        size = {3: 2, 4: 4}.get(kind, 1)
        data += b'\0' * (-len(data) % size)
        index += struct.pack('>IIII', tag, kind, len(data), count)
        data += value
    return b'\x8e\xad\xe8\x01\0\0\0\0' + struct.pack('>II', len(tags), len(data)) + index + data


def escape(text):
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')


def entry(dep):
    name, op, evr = dep
    text = '<rpm:entry name="%s"' % escape(name)
    if op:
        epoch, _, rest = evr.rpartition(':')
        version, _, release = rest.partition('-')
        text += ' flags="%s" epoch="%s" ver="%s"' % (FLAG[op], epoch or '0', version)
        if release:
            text += ' rel="%s"' % release
    return text + '/>'


def digest(package):
    return hashlib.sha256(package.id().encode()).hexdigest()


def primary(package):
    text = '<package type="rpm"><name>%s</name><arch>%s</arch><version epoch="%d" ver="%s" rel="%s"/>' % (
        package.name, package.arch, package.epoch, package.version, package.release)
    text += '<checksum type="sha256" pkgid="YES">%s</checksum><summary>A package for tests</summary>' % digest(package)
    text += '<description/><packager/><url/><time file="1" build="1"/><size package="1000" installed="4096" archive="4096"/>'
    text += '<location href="%s.rpm"/><format><rpm:license>none</rpm:license><rpm:vendor>Tests</rpm:vendor>' % package.id()
    text += '<rpm:sourcerpm>%s.src.rpm</rpm:sourcerpm>' % package.name
    for kind in KINDS:
        text += '<rpm:%s>%s</rpm:%s>' % (kind, ''.join(map(entry, package.deps[kind])), kind)
    return text + ''.join('<file>%s</file>' % f for f in package.files if 'bin/' in f) + '</format></package>\n'


def filelists(package):
    return '<package pkgid="%s" name="%s" arch="%s"><version epoch="%d" ver="%s" rel="%s"/>%s</package>\n' % (
        digest(package), package.name, package.arch, package.epoch, package.version, package.release,
        ''.join('<file>%s</file>' % f for f in package.files))


def advisories(universe, seed):
    """updateinfo.xml: some updates fix something, some fixed it before, in a version that is not there, or elsewhere.

    None of those that moved between architectures: of these dnf sees no fix, and we do (docs/rpm.md).
    """
    r = random.Random('advisories %s' % seed)
    text = ''
    for package in universe.updates:
        old = universe.old(package.name)
        how, version, release, arch = r.random(), package.version, package.release, package.arch
        if how > .6 or (old and old.arch != package.arch):
            continue
        kind = 'security' if how < .45 else 'bugfix'
        if .35 < how < .39:
            release += '.0'
        elif .39 < how < .43:
            release = '0.5'
        elif how > .58 or .43 < how < .45:
            arch = 'aarch64'
        text += ('<update from="x" status="stable" type="%s" version="1"><id>A-%s</id><title>t</title><issued date="2023-01-01 00:00:00"/>'
                 '<pkglist><collection short="c"><name>c</name><package name="%s" version="%s" release="%s" epoch="%d" arch="%s">'
                 '<filename>x.rpm</filename></package></collection></pkglist></update>\n'
                 % (kind, escape(package.id()), package.name, version, release, package.epoch, arch))
    return '<updates>\n%s</updates>\n' % text


def write_repository(directory, packages, updateinfo=None):
    os.makedirs(directory + '/repodata', exist_ok=True)
    files = {
        'primary': '<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">\n%s</metadata>\n'
                   % (len(packages), ''.join(map(primary, packages))),
        'filelists': '<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="%d">\n%s</filelists>\n'
                     % (len(packages), ''.join(map(filelists, packages)))}
    if updateinfo:
        files['updateinfo'] = updateinfo
    repomd = '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">\n<revision>1</revision>\n'
    for name, text in files.items():
        data = ('<?xml version="1.0" encoding="UTF-8"?>\n' + text).encode()
        sha = hashlib.sha256(data).hexdigest()
        open('%s/repodata/%s.xml' % (directory, name), 'wb').write(data)
        repomd += ('<data type="%s"><checksum type="sha256">%s</checksum><open-checksum type="sha256">%s</open-checksum>'
                   '<location href="repodata/%s.xml"/><timestamp>1</timestamp><size>%d</size><open-size>%d</open-size></data>\n'
                   % (name, sha, sha, name, len(data), len(data)))
    open(directory + '/repodata/repomd.xml', 'w').write(repomd + '</repomd>\n')
    open(directory + '/packages.sha256', 'w').write(''.join('%s  %s\n' % (digest(p), p.id()) for p in packages))


def main():
    what, directory, seed = sys.argv[1:4]
    universe = Universe(seed)
    if what == 'repositories':
        write_repository(directory + '/base', universe.base)
        write_repository(directory + '/updates', universe.updates, advisories(universe, seed))
        print(len(universe.base), 'packages,', len(universe.updates), 'updates')
    else:
        for package in guest(universe, seed, sys.argv[4]):
            sys.stdout.buffer.write(header(package))


main()
