/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must not be installed (no package file, package hold on a new package) is taken away from
 * apt's policy before it decides.  Which files are missing is only known once apt has chosen, so
 * resolving is repeated until everything chosen is there.
 */
#include "package/deb/apt_private.hh"

#include <apt-pkg/algorithms.h>
#include <apt-pkg/error.h>
#include <apt-pkg/strutl.h>
#include <apt-pkg/upgrade.h>
#include <filesystem>

namespace apt
{

Resolver::Resolver(const struct apt_job &j, const struct apt_sink &s) : job(j), sink(s)
{
	if (!cachefile.BuildCaches(nullptr, false) || _error->PendingError())
		fail_reading(job);
	check_lists();
	policy = std::make_unique<Policy>(*cachefile.GetPkgCache(), job);
	offers = std::make_unique<Offers>(*cachefile.GetPkgCache(), job);
}

void Resolver::run()
{
	renew();
	check_guest();
	decide_with_files();
	if (is_any_kept() && policy->relax()) {
		renew();
		decide_with_files();
	}
	Report report(job, sink, *depcache, *policy, *offers);
	std::vector<Change> changes = report.tell_changes();

	tell_steps(*depcache, changes, sink);
	report.tell_left();
	if (!changes.empty() && !depcache->writeStateFile(nullptr, true))
		throw Failure(ERROR_IO, apt_error("extended_states cannot be written"));
}

/* apt takes a list that it cannot find for one that is not there, and plans nothing. */
void Resolver::check_lists()
{
	pkgCache &cache = *cachefile.GetPkgCache();
	size_t there = 0, read = 0;

	for (const auto &entry : std::filesystem::directory_iterator(job.lists))
		there += entry.path().extension().empty() && entry.file_size() > 0 &&
			 APT::String::Endswith(entry.path().string(), "_Packages");
	for (auto file = cache.FileBegin(); !file.end(); ++file)
		read += source_of(file) != no_source;
	if (read < there)
		throw Failure(ERROR_MIRROR, "apt has read " + std::to_string(read) + " of the " +
						    std::to_string(there) + " package indexes");
}

void Resolver::check_guest()
{
	if (depcache->BrokenCount() == 0)
		return;
	for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg)
		if ((*depcache)[pkg].NowBroken())
			throw Failure(ERROR_IMAGE,
				      string("package ") + pkg.Name() +
					      " in the guest has unmet dependencies: boot it "
					      "and run apt-get --fix-broken install, or "
					      "repair it");
	throw Failure(ERROR_IMAGE, "packages in the guest have unmet dependencies");
}

/* Everything kept as it is, candidates chosen anew. */
void Resolver::renew()
{
	depcache.reset();
	depcache = std::make_unique<pkgDepCache>(cachefile.GetPkgCache(), policy.get());
	if (!depcache->Init(nullptr))
		throw Failure(ERROR_BUG, apt_error("pkgDepCache::Init"));
}

void Resolver::decide_with_files()
{
	decide();
	while (exclude_missing()) {
		renew();
		decide();
	}
}

/* Does something in scope stay although apt's rules choose a newer version? */
bool Resolver::is_any_kept()
{
	for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
		if (pkg->CurrentVer == 0 || !(*depcache)[pkg].Keep() ||
		    pkg->SelectedState == pkgCache::State::Hold)
			continue;
		VerIterator candidate = policy->GetCandidateVer(pkg);

		if (!candidate.end() && policy->is_newer(pkg, candidate) &&
		    policy->is_in_scope(pkg, candidate))
			return true;
	}
	return false;
}

void Resolver::decide()
{
	if (job.allow_removals && try_with_removals())
		return;
	if (job.scope == APT_SCOPE_ALL)
		upgrade_all();
	else
		upgrade_selected(false);
	undo_unwanted();
	if (depcache->BrokenCount() != 0)
		throw Failure(ERROR_BUG, "apt left broken dependencies behind");
}

/* False, with nothing marked, when apt finds no solution or would remove what is vital. */
bool Resolver::try_with_removals()
{
	bool solved = job.scope == APT_SCOPE_ALL
			      ? APT::Upgrade::Upgrade(*depcache, APT::Upgrade::ALLOW_EVERYTHING)
			      : upgrade_selected(true);

	for (PkgIterator pkg = depcache->PkgBegin(); solved && !pkg.end(); ++pkg) {
		const auto &state = (*depcache)[pkg];

		solved = !(state.Delete() && pkg->CurrentVer != 0 && is_vital(pkg)) &&
			 (job.allow_new || !state.NewInstall());
	}
	if (solved && depcache->BrokenCount() == 0)
		return true;
	_error->Discard();
	renew();
	return false;
}

void Resolver::upgrade_all()
{
	int mode = APT::Upgrade::FORBID_REMOVE_PACKAGES;

	if (!job.allow_new)
		mode |= APT::Upgrade::FORBID_INSTALL_NEW_PACKAGES;
	if (!APT::Upgrade::Upgrade(*depcache, mode))
		throw Failure(ERROR_BUG, apt_error("apt finds no solution"));
}

/* As apt's own upgrade does it, for those in scope only. */
bool Resolver::upgrade_selected(bool removals)
{
	pkgDepCache::ActionGroup group(*depcache);
	pkgProblemResolver fix(depcache.get());
	std::vector<PkgIterator> selected;

	for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg)
		if (is_wanted(pkg))
			selected.push_back(pkg);
	for (const PkgIterator &pkg : selected)
		depcache->MarkInstall(pkg, false, 0, false);
	for (const PkgIterator &pkg : selected)
		depcache->MarkInstall(pkg, true, 0, false);
	if (removals) {
		for (const PkgIterator &pkg : selected)
			fix.Protect(pkg);
		return fix.Resolve(true);
	}
	undo_unwanted();
	return fix.ResolveByKeep();
}

bool Resolver::is_wanted(const PkgIterator &pkg)
{
	return pkg->CurrentVer != 0 && pkg->SelectedState != pkgCache::State::Hold &&
	       (*depcache)[pkg].Upgradable() &&
	       policy->is_in_scope(pkg, (*depcache)[pkg].CandidateVerIter(*depcache));
}

void Resolver::undo_unwanted()
{
	pkgDepCache::ActionGroup group(*depcache);

	for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
		const auto &state = (*depcache)[pkg];

		if ((state.Delete() && pkg->CurrentVer != 0) ||
		    (!job.allow_new && state.NewInstall()))
			depcache->MarkKeep(pkg, false, false);
	}
}

bool Resolver::exclude_missing()
{
	bool any = false;

	for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
		VerIterator version = (*depcache)[pkg].InstVerIter(*depcache);
		Offer offer;

		if (!(*depcache)[pkg].Install() || same(version, pkg.CurrentVer()))
			continue;
		if (offers->find(version, offer) &&
		    sink.has_file(sink.opaque, offer.sha256.c_str()))
			continue;
		policy->exclude(version);
		any = true;
	}
	return any;
}

} // namespace apt
