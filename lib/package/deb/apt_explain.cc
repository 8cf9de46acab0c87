/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/apt_private.hh"

namespace apt
{

namespace
{

bool is_held(const PkgIterator &pkg)
{
	return pkg->SelectedState == pkgCache::State::Hold;
}

string relation(DepIterator dep, const DepIterator &last)
{
	string text;

	for (;; ++dep) {
		text += dep.TargetPkg().Name();
		if (dep.TargetVer())
			text += string(" (") + pkgCache::CompTypeDeb(dep->CompareOp) + " " +
				dep.TargetVer() + ")";
		if (dep == last)
			return text;
		text += " | ";
	}
}

} // namespace

Explainer::Explainer(const struct apt_job &j, pkgDepCache &d, Policy &p)
    : job(j), depcache(d), policy(p)
{
}

Why Explainer::explain(const PkgIterator &pkg, const VerIterator &version)
{
	Why why;

	if (!seen.insert(version->ID).second) {
		circular = true;
		return {"depends", "it and the others need each other's new versions"};
	}
	if (explain_needs(version, why) || explain_conflicts(pkg, version, why) ||
	    explain_dependants(pkg, version, why))
		return why;
	return {"depends", "apt's resolver keeps it with the installed versions of others"};
}

Why Explainer::explain_held(const PkgIterator &pkg) const
{
	const char *pattern = policy.pattern_of(pkg);

	if (pattern)
		return {"held", string("held by the patchset: ") + pattern};
	return {"held", "on hold in the guest"};
}

/* The first need that is not met for another reason than that this version is not there. */
bool Explainer::explain_needs(const VerIterator &version, Why &why)
{
	bool found = false;

	for (DepIterator dep = version.DependsList(); !dep.end();) {
		DepIterator first, last;

		dep.GlobOr(first, last);
		if (first.IsNegative() || !first.IsCritical() ||
		    (depcache[last] & pkgDepCache::DepGInstall))
			continue;
		circular = false;
		Why one = explain_need(first, last);
		if (!found || !circular)
			why = one;
		found = true;
		if (!circular)
			return true;
	}
	circular = found;
	return found;
}

Why Explainer::explain_need(const DepIterator &first, const DepIterator &last)
{
	string needs = "needs " + relation(first, last), offered;

	for (DepIterator dep = first;; ++dep) {
		for (const VerIterator &target : targets(depcache.GetCache(), dep)) {
			string text = explain_target(target);

			if (!text.empty())
				return {"depends", needs + text};
		}
		if (!dep.TargetPkg().VersionList().end() && offered.empty())
			offered = label(dep.TargetPkg().VersionList());
		if (dep == last)
			break;
	}
	return {"depends", needs + ", which nothing on the mirror provides" +
				   (offered.empty() ? "" : "; there is " + offered)};
}

/* Empty when this version says nothing about why the need is not met. */
string Explainer::explain_target(const VerIterator &target)
{
	PkgIterator pkg = target.ParentPkg();

	if (policy.is_excluded(target))
		return "; the file of " + label(target) + " is not on the mirror";
	if (policy.pattern_of(pkg) || (is_held(pkg) && pkg->CurrentVer != 0))
		return "; " + string(pkg.Name()) + " is held";
	if (!same(policy.GetCandidateVer(pkg), target))
		return target.FileList().end() || source_of(target.FileList().File()) == no_source
			       ? ""
			       : "; " + label(target) +
					 " is not the version apt's preferences choose";
	if (pkg->CurrentVer == 0 && !job.allow_new)
		return "; " + string(pkg.Name()) + " is new, and new packages are not allowed";
	return "; " + label(target) + ": " + explain(pkg, target).detail;
}

bool Explainer::explain_conflicts(const PkgIterator &pkg, const VerIterator &version, Why &why)
{
	for (DepIterator dep = version.DependsList(); !dep.end(); ++dep) {
		if (!dep.IsNegative() || !dep.IsCritical())
			continue;
		for (const VerIterator &target : targets(depcache.GetCache(), dep)) {
			PkgIterator other = target.ParentPkg();

			if (other == pkg || !same(depcache[other].InstVerIter(depcache), target))
				continue;
			why = explain_clash(other,
					    string(dep.DepType()) + " " + relation(dep, dep));
			return true;
		}
	}
	return false;
}

/* `other` stays as it is and stands in the way; `clash` says how. */
Why Explainer::explain_clash(const PkgIterator &other, const string &clash)
{
	VerIterator candidate = policy.GetCandidateVer(other);
	string current = label(depcache[other].InstVerIter(depcache));

	if (is_held(other))
		return {"conflict", clash + "; " + current + " is held"};
	if (!candidate.end() && policy.is_newer(other, candidate) &&
	    !same(depcache[other].InstVerIter(depcache), candidate) && !seen.count(candidate->ID)) {
		Why why = explain(other, candidate);

		return {why.reason, clash + "; " + label(candidate) + ": " + why.detail};
	}
	if (is_vital(other) || job.allow_removals)
		return {"conflict", clash + "; " + current + " stays"};
	return {"would-remove", clash + "; " + current + " would have to be removed"};
}

bool Explainer::explain_dependants(const PkgIterator &pkg, const VerIterator &version, Why &why)
{
	if (explain_reverse(pkg, pkg, version, why))
		return true;
	for (auto prv = pkg.CurrentVer().ProvidesList(); !prv.end(); ++prv)
		if (explain_reverse(prv.ParentPkg(), pkg, version, why))
			return true;
	return false;
}

bool Explainer::explain_reverse(const PkgIterator &named, const PkgIterator &pkg,
				const VerIterator &version, Why &why)
{
	for (DepIterator dep = named.RevDependsList(); !dep.end(); ++dep) {
		PkgIterator other = dep.ParentPkg();
		VerIterator stays = depcache[other].InstVerIter(depcache);

		if (other == pkg || !dep.IsCritical() || !same(stays, dep.ParentVer()))
			continue;
		if (!is_hurt(dep, pkg, version))
			continue;
		why = explain_clash(other,
				    label(stays) + " " + dep.DepType() + " " + relation(dep, dep));
		return true;
	}
	return false;
}

/* Does `dep`, of a package that stays, hold now but not with the new version? */
bool Explainer::is_hurt(const DepIterator &dep, const PkgIterator &pkg, const VerIterator &version)
{
	bool by_new = false, by_current = false;

	for (const VerIterator &target : targets(depcache.GetCache(), dep)) {
		by_new = by_new || same(target, version);
		by_current = by_current || same(target, pkg.CurrentVer());
	}
	if (dep.IsNegative())
		return by_new;
	return by_current && !by_new && !is_met_otherwise(dep, pkg);
}

bool Explainer::is_met_otherwise(const DepIterator &dep, const PkgIterator &pkg)
{
	DepIterator first, last;

	if (!group_of(dep, first, last))
		return false;
	for (;; ++first) {
		for (const VerIterator &target : targets(depcache.GetCache(), first)) {
			PkgIterator other = target.ParentPkg();

			if (other != pkg && same(depcache[other].InstVerIter(depcache), target))
				return true;
		}
		if (first == last)
			return false;
	}
}

} // namespace apt
