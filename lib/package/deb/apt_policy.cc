/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/apt_private.hh"

#include <apt-pkg/version.h>
#include <cstring>
#include <fnmatch.h>

namespace apt
{

Policy::Policy(pkgCache &c, const struct apt_job &j) : pkgPolicy(&c), job(j), cache(c)
{
	if (!ReadPinFile(*this))
		throw Failure(ERROR_IMAGE, "the guest's apt preferences: " +
						   guest_paths(apt_error("cannot be read"), job));
	if (job.n_holds)
		for (PkgIterator pkg = cache.PkgBegin(); !pkg.end(); ++pkg)
			hold_if_matched(pkg);
}

bool Policy::relax()
{
	bool was = relaxed;

	relaxed = true;
	return !was;
}

bool Policy::IsImportantDep(DepIterator const &dep) const
{
	if (!pkgPolicy::IsImportantDep(dep))
		return false;
	return !relaxed || dep->Type != pkgCache::Dep::Recommends || is_to_be_had(dep);
}

void Policy::exclude(const VerIterator &version)
{
	excluded.insert(version->ID);
}

bool Policy::is_excluded(const VerIterator &version) const
{
	return excluded.count(version->ID) != 0;
}

const char *Policy::pattern_of(const PkgIterator &pkg) const
{
	auto found = held.find(pkg->ID);

	return found == held.end() ? nullptr : found->second.c_str();
}

bool Policy::is_security(const VerIterator &version) const
{
	for (auto vf = version.FileList(); !vf.end(); ++vf) {
		size_t index = source_of(vf.File());

		if (index < job.n_sources && job.security[index])
			return true;
	}
	return false;
}

bool Policy::is_in_scope(const PkgIterator &pkg, const VerIterator &version) const
{
	switch (job.scope) {
	case APT_SCOPE_ALL:
		return true;
	case APT_SCOPE_SECURITY:
		return is_security(version);
	case APT_SCOPE_NAMED:
		return is_named(pkg);
	}
	return false;
}

bool Policy::is_named(const PkgIterator &pkg) const
{
	string name = pkg.Name(), full = name + ":" + pkg.CurrentVer().Arch();

	for (size_t i = 0; i < job.n_names; i++)
		if (name == job.names[i] || full == job.names[i])
			return true;
	return false;
}

signed short Policy::GetPriority(VerIterator const &version, bool consider_files)
{
	if (is_excluded(version) ||
	    (pattern_of(version.ParentPkg()) && version.ParentPkg()->CurrentVer == 0))
		return std::numeric_limits<signed short>::min();
	return pkgPolicy::GetPriority(version, consider_files);
}

VerIterator Policy::GetCandidateVer(PkgIterator const &pkg)
{
	if (job.scope == APT_SCOPE_SECURITY)
		for (auto v = pkg.VersionList(); !v.end() && is_newer(pkg, v); ++v)
			if (is_security(v) && GetPriority(v) > 0)
				return v;
	return pkgPolicy::GetCandidateVer(pkg);
}

bool Policy::is_newer(PkgIterator const &pkg, VerIterator const &version) const
{
	VerIterator current = pkg.CurrentVer();

	return current.end() || cache.VS->CmpVersion(version.VerStr(), current.VerStr()) > 0;
}

bool Policy::is_to_be_had(const DepIterator &dep) const
{
	Policy *self = const_cast<Policy *>(this);
	DepIterator first, last;

	if (!group_of(dep, first, last))
		return false;
	for (;; ++first) {
		for (const VerIterator &target : targets(cache, first)) {
			PkgIterator pkg = target.ParentPkg();

			if (same(pkg.CurrentVer(), target) ||
			    same(self->GetCandidateVer(pkg), target))
				return true;
		}
		if (first == last)
			return false;
	}
}

void Policy::hold_if_matched(PkgIterator &pkg)
{
	string name = pkg.Name(), full = name + ":" + pkg.Arch();

	for (size_t i = 0; i < job.n_holds; i++) {
		if (fnmatch(job.holds[i], name.c_str(), 0) != 0 &&
		    fnmatch(job.holds[i], full.c_str(), 0) != 0)
			continue;
		if (pkg->CurrentVer != 0)
			pkg->SelectedState = pkgCache::State::Hold;
		held[pkg->ID] = job.holds[i];
		return;
	}
}

} // namespace apt
