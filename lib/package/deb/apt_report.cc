/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/apt_private.hh"

#include <algorithm>
#include <cstring>

namespace apt
{

bool Change::operator<(const Change &other) const
{
	int order = strcmp(pkg.Name(), other.pkg.Name());

	return order ? order < 0 : architecture < other.architecture;
}

Report::Report(const struct apt_job &j, const struct apt_sink &s, pkgDepCache &d, Policy &p,
	       Offers &o)
    : job(j), sink(s), depcache(d), policy(p), offers(o)
{
}

std::vector<Change> Report::collect_changes()
{
	std::vector<Change> changes;

	for (PkgIterator pkg = depcache.PkgBegin(); !pkg.end(); ++pkg) {
		const auto &state = depcache[pkg];
		VerIterator current = pkg.CurrentVer();
		VerIterator next = depcache[pkg].InstVerIter(depcache);

		if (state.Delete() && !current.end())
			changes.push_back({pkg, current, VerIterator(), current.Arch()});
		else if (state.Install() && !same(next, current))
			changes.push_back({pkg, current, next, next.Arch()});
	}
	std::sort(changes.begin(), changes.end());
	return changes;
}

void Report::tell_change(const Change &change)
{
	struct apt_change out = {};
	Offer offer;

	out.name = change.pkg.Name();
	out.architecture = change.architecture.c_str();
	if (!change.from.end()) {
		out.from = change.from.VerStr();
		out.source = change.from.SourcePkgName();
		out.old_installed_size = change.from->InstalledSize;
	}
	if (!change.to.end()) {
		offers.find(change.to, offer);
		out.to = change.to.VerStr();
		out.source = change.to.SourcePkgName();
		out.filename = offer.filename.c_str();
		out.sha256 = offer.sha256.c_str();
		out.index = offer.index;
		out.size = change.to->Size;
		out.installed_size = change.to->InstalledSize;
		out.security = policy.is_security(change.to);
		out.automatic = !out.from && (depcache[change.pkg].Flags & pkgCache::Flag::Auto);
	}
	sink.change(sink.opaque, &out);
}

std::vector<Change> Report::tell_changes()
{
	std::vector<Change> changes = collect_changes();

	for (const Change &change : changes)
		tell_change(change);
	return changes;
}

/* The newest version within scope that some source of the mirror offers. */
VerIterator Report::newest_offered(const PkgIterator &pkg) const
{
	for (VerIterator v = pkg.VersionList(); !v.end() && policy.is_newer(pkg, v); ++v)
		for (auto vf = v.FileList(); !vf.end(); ++vf)
			if (source_of(vf.File()) != no_source && policy.is_in_scope(pkg, v))
				return v;
	return VerIterator();
}

/* The newest version that apt's rules chose before the one that is taken: its file is not there. */
VerIterator Report::newest_missing(const PkgIterator &pkg, const VerIterator &taken) const
{
	for (VerIterator v = pkg.VersionList(); !v.end() && !same(v, taken); ++v)
		if (policy.is_excluded(v) && policy.is_in_scope(pkg, v))
			return v;
	return VerIterator();
}

Why Report::explain(const PkgIterator &pkg, const VerIterator &newest)
{
	Explainer explainer(job, depcache, policy);
	VerIterator candidate = policy.GetCandidateVer(pkg);
	VerIterator taken = depcache[pkg].InstVerIter(depcache);

	if (!depcache[pkg].Keep())
		return {"not-on-mirror", "the index names it, but its package file is not there; " +
						 string(taken.VerStr()) + " is taken instead"};
	if (pkg->SelectedState == pkgCache::State::Hold)
		return explainer.explain_held(pkg);
	if (policy.is_excluded(newest))
		return {"not-on-mirror", "the index names it, but its package file is not there"};
	if (candidate.end() || !policy.is_newer(pkg, candidate))
		return {"pinned", "the guest's apt preferences choose " +
					  (candidate.end() ? string("no version")
							   : string(candidate.VerStr()))};
	return explainer.explain(pkg, candidate);
}

void Report::tell_left()
{
	std::vector<Change> left;

	for (PkgIterator pkg = depcache.PkgBegin(); !pkg.end(); ++pkg) {
		VerIterator current = pkg.CurrentVer();

		if (current.end() || depcache[pkg].Delete())
			continue;
		VerIterator newest =
			depcache[pkg].Keep()
				? newest_offered(pkg)
				: newest_missing(pkg, depcache[pkg].InstVerIter(depcache));

		if (!newest.end())
			left.push_back({pkg, current, newest, current.Arch()});
	}
	std::sort(left.begin(), left.end());
	for (const Change &change : left) {
		Why why = explain(change.pkg, change.to);
		struct apt_left out = {change.pkg.Name(),    change.architecture.c_str(),
				       change.from.VerStr(), change.to.VerStr(),
				       why.reason,	     why.detail.c_str()};

		sink.left(sink.opaque, &out);
	}
}

} // namespace apt
