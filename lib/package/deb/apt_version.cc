/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/apt_private.hh"

#include <cstring>

namespace apt
{

size_t source_of(const pkgCache::PkgFileIterator &file)
{
	static const char prefix[] = "_coldpatch_";
	const char *name = file.FileName();
	const char *base = name ? strrchr(name, '/') : nullptr;

	base = base ? base + 1 : name;
	if (!base || strncmp(base, prefix, sizeof prefix - 1) != 0)
		return no_source;
	return strtoul(base + sizeof prefix - 1, nullptr, 10);
}

bool same(const VerIterator &a, const VerIterator &b)
{
	return !a.end() && !b.end() && a->ID == b->ID;
}

std::vector<VerIterator> targets(pkgCache &cache, const DepIterator &dep)
{
	std::unique_ptr<pkgCache::Version *[]> all(dep.AllTargets());
	std::vector<VerIterator> list;

	for (pkgCache::Version **at = all.get(); *at; at++)
		list.emplace_back(cache, *at);
	return list;
}

bool group_of(const DepIterator &dep, DepIterator &first, DepIterator &last)
{
	for (DepIterator at = dep.ParentVer().DependsList(); !at.end();) {
		at.GlobOr(first, last);
		for (DepIterator alternative = first;; ++alternative) {
			if (alternative == dep)
				return true;
			if (alternative == last)
				break;
		}
	}
	return false;
}

string label(const VerIterator &version)
{
	return string(version.ParentPkg().Name()) + " " + version.VerStr();
}

bool is_vital(const PkgIterator &pkg)
{
	return pkg->Flags & (pkgCache::Flag::Essential | pkgCache::Flag::Important);
}

} // namespace apt
