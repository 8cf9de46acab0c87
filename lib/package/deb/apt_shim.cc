/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one user of libapt-pkg.
 *
 * Isolation: "Dir" is set before pkgInitConfig, so that apt.conf is looked for in the private root
 * and nowhere else; the architectures are set before anything asks for them, or apt would start
 * the host's dpkg to find out.  Index files were verified when the mirror snapshot was made, so
 * they are placed where apt keeps its lists and the sources are marked trusted: no method and no
 * gpgv is started.
 *
 * What must not be installed (no package file, package hold on a new package) is taken away from
 * apt's policy before it decides.  Which files are missing is only known once apt has chosen, so
 * resolving is repeated until everything chosen is there.
 */
#include "package/deb/apt_shim.h"

#include <apt-pkg/algorithms.h>
#include <apt-pkg/cachefile.h>
#include <apt-pkg/configuration.h>
#include <apt-pkg/depcache.h>
#include <apt-pkg/error.h>
#include <apt-pkg/init.h>
#include <apt-pkg/packagemanager.h>
#include <apt-pkg/pkgrecords.h>
#include <apt-pkg/pkgsystem.h>
#include <apt-pkg/policy.h>
#include <apt-pkg/strutl.h>
#include <apt-pkg/upgrade.h>
#include <apt-pkg/version.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fnmatch.h>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{

using std::string;
using PkgIterator = pkgCache::PkgIterator;
using VerIterator = pkgCache::VerIterator;
using DepIterator = pkgCache::DepIterator;

const size_t no_source = std::numeric_limits<size_t>::max();

/* A failure on its way to the C boundary. */
struct Failure : std::runtime_error {
	enum error_kind kind;
	Failure(enum error_kind k, const string &text) : std::runtime_error(text), kind(k)
	{
	}
};

/* The first error apt has to tell; whatever else it says is dropped. */
string apt_error(const char *fallback)
{
	string first, text;

	while (!_error->empty(GlobalError::ERROR))
		if (_error->PopMessage(text) && first.empty())
			first = text;
	_error->Discard();
	return first.empty() ? fallback : first;
}

/* Our private copies by the names that they have in the guest. */
string guest_paths(string text, const struct apt_job &job)
{
	static const char *const names[][2] = {
		{"/status", "/var/lib/dpkg/status"},
		{"/extended_states", "/var/lib/apt/extended_states"},
		{"/preferences", "/etc/apt/preferences"},
	};

	for (const auto &name : names) {
		string copy = string(job.root) + name[0];
		size_t at = text.find(copy);

		if (at != string::npos)
			text.replace(at, copy.size(), name[1]);
	}
	return text;
}

[[noreturn]] void fail_reading(const struct apt_job &job)
{
	string text = apt_error("no reason given");
	bool of_guest = text.find(job.root) != string::npos;

	throw Failure(of_guest ? ERROR_IMAGE : ERROR_MIRROR,
		      string("apt cannot read the ") +
			      (of_guest ? "guest's package state: " : "mirror's index: ") +
			      guest_paths(text, job));
}

/* Which of our sources a package file of apt's belongs to, by the name of the list file. */
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

/* The or-group that a dependency is in. */
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

/* apt's own pin parser and rules, less what must not be chosen. */
class Policy : public pkgPolicy
{
	const struct apt_job &job;
	pkgCache &cache;
	std::set<map_id_t> excluded; /* versions by id */
	bool relaxed = false;
	std::map<map_id_t, string> held; /* packages by id: the pattern that holds them */

      public:
	Policy(pkgCache &c, const struct apt_job &j) : pkgPolicy(&c), job(j), cache(c)
	{
		if (!ReadPinFile(*this))
			throw Failure(ERROR_IMAGE,
				      "the guest's apt preferences: " +
					      guest_paths(apt_error("cannot be read"), job));
		if (job.n_holds)
			for (PkgIterator pkg = cache.PkgBegin(); !pkg.end(); ++pkg)
				hold_if_matched(pkg);
	}

	/* From now on a Recommends that nothing on the mirror satisfies counts for nothing.  apt
	 * keeps an update back for one, which on a mirror of security updates alone would be every
	 * new kernel. */
	bool relax()
	{
		bool was = relaxed;

		relaxed = true;
		return !was;
	}
	bool IsImportantDep(DepIterator const &dep) const override
	{
		if (!pkgPolicy::IsImportantDep(dep))
			return false;
		return !relaxed || dep->Type != pkgCache::Dep::Recommends || is_to_be_had(dep);
	}

	void exclude(const VerIterator &version)
	{
		excluded.insert(version->ID);
	}
	bool is_excluded(const VerIterator &version) const
	{
		return excluded.count(version->ID) != 0;
	}
	/* The pattern that holds a package, or NULL. */
	const char *pattern_of(const PkgIterator &pkg) const
	{
		auto found = held.find(pkg->ID);

		return found == held.end() ? nullptr : found->second.c_str();
	}
	bool is_security(const VerIterator &version) const
	{
		for (auto vf = version.FileList(); !vf.end(); ++vf) {
			size_t index = source_of(vf.File());

			if (index < job.n_sources && job.security[index])
				return true;
		}
		return false;
	}

	signed short GetPriority(VerIterator const &version, bool consider_files = true) override
	{
		if (is_excluded(version) ||
		    (pattern_of(version.ParentPkg()) && version.ParentPkg()->CurrentVer == 0))
			return std::numeric_limits<signed short>::min();
		return pkgPolicy::GetPriority(version, consider_files);
	}
	using pkgPolicy::GetPriority;

	/* For security updates: the newest version that a security source offers, where one is
	 * newer than what is installed; everything else as usual, for dependencies. */
	VerIterator GetCandidateVer(PkgIterator const &pkg) override
	{
		if (job.scope == APT_SCOPE_SECURITY)
			for (auto v = pkg.VersionList(); !v.end() && is_newer(pkg, v); ++v)
				if (is_security(v) && GetPriority(v) > 0)
					return v;
		return pkgPolicy::GetCandidateVer(pkg);
	}

	/* Versions are listed in descending order, so a loop may end at the first that is not. */
	bool is_newer(PkgIterator const &pkg, VerIterator const &version) const
	{
		VerIterator current = pkg.CurrentVer();

		return current.end() ||
		       cache.VS->CmpVersion(version.VerStr(), current.VerStr()) > 0;
	}

      private:
	bool is_to_be_had(const DepIterator &dep) const
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

	void hold_if_matched(PkgIterator &pkg)
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
};

/* Asks apt in which order it would call dpkg, without calling it. */
class Recorder : public pkgPackageManager
{
      public:
	std::vector<std::pair<enum apt_operation, map_id_t>> steps;

	explicit Recorder(pkgDepCache &depcache) : pkgPackageManager(&depcache)
	{
		for (PkgIterator pkg = depcache.PkgBegin(); !pkg.end(); ++pkg)
			if (depcache[pkg].Install())
				FileNames[pkg->ID] = "present";
	}

      protected:
	bool Install(PkgIterator pkg, string) override
	{
		steps.emplace_back(APT_UNPACK, pkg->ID);
		return true;
	}
	bool Configure(PkgIterator pkg) override
	{
		steps.emplace_back(APT_CONFIGURE, pkg->ID);
		return true;
	}
	bool Remove(PkgIterator pkg, bool) override
	{
		steps.emplace_back(APT_REMOVE, pkg->ID);
		return true;
	}
};

struct Why {
	const char *reason;
	string detail;
};

string label(const VerIterator &version)
{
	return string(version.ParentPkg().Name()) + " " + version.VerStr();
}

bool is_vital(const PkgIterator &pkg)
{
	return pkg->Flags & (pkgCache::Flag::Essential | pkgCache::Flag::Important);
}

/* Why a version that could be there is not, found by following what it needs and what needs the
 * version it would replace.  Looks at apt's final decision, changes nothing.  Candidates are asked
 * of the policy: those of the dependency cache are given up by apt on the way. */
class Explainer
{
	const struct apt_job &job;
	pkgDepCache &depcache;
	Policy &policy;
	std::set<map_id_t> seen;

      public:
	Explainer(const struct apt_job &j, pkgDepCache &d, Policy &p)
	    : job(j), depcache(d), policy(p)
	{
	}

	Why explain(const PkgIterator &pkg, const VerIterator &version)
	{
		Why why;

		if (!seen.insert(version->ID).second)
			return {"depends", "it and the others need each other's new versions"};
		if (explain_needs(version, why) || explain_conflicts(pkg, version, why) ||
		    explain_dependants(pkg, version, why))
			return why;
		return {"depends", "apt's resolver keeps it with the installed versions of others"};
	}

	Why explain_held(const PkgIterator &pkg) const
	{
		const char *pattern = policy.pattern_of(pkg);

		if (pattern)
			return {"held", string("held by the patchset: ") + pattern};
		return {"held", "on hold in the guest"};
	}

      private:
	bool is_held(const PkgIterator &pkg) const
	{
		return pkg->SelectedState == pkgCache::State::Hold;
	}

	static string relation(DepIterator dep, const DepIterator &last)
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

	bool explain_needs(const VerIterator &version, Why &why)
	{
		for (DepIterator dep = version.DependsList(); !dep.end();) {
			DepIterator first, last;

			dep.GlobOr(first, last);
			if (first.IsNegative() || !first.IsCritical() ||
			    (depcache[last] & pkgDepCache::DepGInstall))
				continue;
			why = explain_need(first, last);
			return true;
		}
		return false;
	}

	Why explain_need(const DepIterator &first, const DepIterator &last)
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
	string explain_target(const VerIterator &target)
	{
		PkgIterator pkg = target.ParentPkg();

		if (policy.is_excluded(target))
			return "; the file of " + label(target) + " is not on the mirror";
		if (policy.pattern_of(pkg) || (is_held(pkg) && pkg->CurrentVer != 0))
			return "; " + string(pkg.Name()) + " is held";
		if (!same(policy.GetCandidateVer(pkg), target))
			return target.FileList().end() ||
					       source_of(target.FileList().File()) == no_source
				       ? ""
				       : "; " + label(target) +
						 " is not the version apt's preferences choose";
		if (pkg->CurrentVer == 0 && !job.allow_new)
			return "; " + string(pkg.Name()) +
			       " is new, and new packages are not allowed";
		return "; " + label(target) + ": " + explain(pkg, target).detail;
	}

	bool explain_conflicts(const PkgIterator &pkg, const VerIterator &version, Why &why)
	{
		for (DepIterator dep = version.DependsList(); !dep.end(); ++dep) {
			if (!dep.IsNegative() || !dep.IsCritical())
				continue;
			for (const VerIterator &target : targets(depcache.GetCache(), dep)) {
				PkgIterator other = target.ParentPkg();

				if (other == pkg ||
				    !same(depcache[other].InstVerIter(depcache), target))
					continue;
				why = explain_clash(other, string(dep.DepType()) + " " +
								   relation(dep, dep));
				return true;
			}
		}
		return false;
	}

	/* `other` stays as it is and stands in the way; `clash` says how. */
	Why explain_clash(const PkgIterator &other, const string &clash)
	{
		VerIterator candidate = policy.GetCandidateVer(other);
		string current = label(depcache[other].InstVerIter(depcache));

		if (is_held(other))
			return {"conflict", clash + "; " + current + " is held"};
		if (!candidate.end() && policy.is_newer(other, candidate) &&
		    !same(depcache[other].InstVerIter(depcache), candidate) &&
		    !seen.count(candidate->ID)) {
			Why why = explain(other, candidate);

			return {why.reason, clash + "; " + label(candidate) + ": " + why.detail};
		}
		if (is_vital(other) || job.allow_removals)
			return {"conflict", clash + "; " + current + " stays"};
		return {"would-remove", clash + "; " + current + " would have to be removed"};
	}

	bool explain_dependants(const PkgIterator &pkg, const VerIterator &version, Why &why)
	{
		if (explain_reverse(pkg, pkg, version, why))
			return true;
		for (auto prv = pkg.CurrentVer().ProvidesList(); !prv.end(); ++prv)
			if (explain_reverse(prv.ParentPkg(), pkg, version, why))
				return true;
		return false;
	}

	bool explain_reverse(const PkgIterator &named, const PkgIterator &pkg,
			     const VerIterator &version, Why &why)
	{
		for (DepIterator dep = named.RevDependsList(); !dep.end(); ++dep) {
			PkgIterator other = dep.ParentPkg();
			VerIterator stays = depcache[other].InstVerIter(depcache);

			if (other == pkg || !dep.IsCritical() || !same(stays, dep.ParentVer()))
				continue;
			if (!is_hurt(dep, pkg, version))
				continue;
			why = explain_clash(other, label(stays) + " " + dep.DepType() + " " +
							   relation(dep, dep));
			return true;
		}
		return false;
	}

	/* Does `dep`, of a package that stays, hold now but not with the new version? */
	bool is_hurt(const DepIterator &dep, const PkgIterator &pkg, const VerIterator &version)
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

	bool is_met_otherwise(const DepIterator &dep, const PkgIterator &pkg)
	{
		DepIterator first, last;

		if (!group_of(dep, first, last))
			return false;
		for (;; ++first) {
			for (const VerIterator &target : targets(depcache.GetCache(), first)) {
				PkgIterator other = target.ParentPkg();

				if (other != pkg &&
				    same(depcache[other].InstVerIter(depcache), target))
					return true;
			}
			if (first == last)
				return false;
		}
	}
};

struct Change {
	PkgIterator pkg;
	VerIterator from, to;
	string architecture;

	bool operator<(const Change &other) const
	{
		int order = strcmp(pkg.Name(), other.pkg.Name());

		return order ? order < 0 : architecture < other.architecture;
	}
};

/* One resolve, from opening the cache to telling the sink. */
class Resolver
{
	const struct apt_job &job;
	const struct apt_sink &sink;
	pkgCacheFile cachefile;
	std::unique_ptr<Policy> policy;
	std::unique_ptr<pkgDepCache> depcache;
	std::unique_ptr<pkgRecords> records;

      public:
	Resolver(const struct apt_job &j, const struct apt_sink &s) : job(j), sink(s)
	{
		if (!cachefile.BuildCaches(nullptr, false) || _error->PendingError())
			fail_reading(job);
		check_lists();
		policy = std::make_unique<Policy>(*cachefile.GetPkgCache(), job);
		records = std::make_unique<pkgRecords>(*cachefile.GetPkgCache());
	}

	void run()
	{
		renew();
		check_guest();
		decide_with_files();
		if (is_any_kept() && policy->relax()) {
			renew();
			decide_with_files();
		}
		std::vector<Change> changes = collect_changes();
		tell_changes(changes);
		tell_steps(changes);
		tell_left();
		if (!changes.empty() && !depcache->writeStateFile(nullptr, true))
			throw Failure(ERROR_IO, apt_error("extended_states cannot be written"));
	}

      private:
	/* apt takes a list that it cannot find for one that is not there, and plans nothing. */
	void check_lists()
	{
		pkgCache &cache = *cachefile.GetPkgCache();
		size_t there = 0, read = 0;

		for (const auto &entry : std::filesystem::directory_iterator(job.lists))
			there += entry.path().extension().empty() && entry.file_size() > 0 &&
				 APT::String::Endswith(entry.path().string(), "_Packages");
		for (auto file = cache.FileBegin(); !file.end(); ++file)
			read += source_of(file) != no_source;
		if (read < there)
			throw Failure(ERROR_MIRROR, "apt has read " + std::to_string(read) +
							    " of the " + std::to_string(there) +
							    " package indexes");
	}

	/* Everything kept as it is, candidates chosen anew. */
	void renew()
	{
		depcache.reset();
		depcache = std::make_unique<pkgDepCache>(cachefile.GetPkgCache(), policy.get());
		if (!depcache->Init(nullptr))
			throw Failure(ERROR_BUG, apt_error("pkgDepCache::Init"));
	}

	void check_guest()
	{
		if (depcache->BrokenCount() == 0)
			return;
		for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg)
			if ((*depcache)[pkg].NowBroken())
				throw Failure(
					ERROR_IMAGE,
					string("package ") + pkg.Name() +
						" in the guest has unmet dependencies: boot it "
						"and run apt-get --fix-broken install, or "
						"repair it");
		throw Failure(ERROR_IMAGE, "packages in the guest have unmet dependencies");
	}

	void decide_with_files()
	{
		decide();
		while (exclude_missing()) {
			renew();
			decide();
		}
	}

	/* Does something in scope stay although apt's rules choose a newer version? */
	bool is_any_kept()
	{
		for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
			if (pkg->CurrentVer == 0 || !(*depcache)[pkg].Keep() ||
			    pkg->SelectedState == pkgCache::State::Hold)
				continue;
			VerIterator candidate = policy->GetCandidateVer(pkg);

			if (!candidate.end() && policy->is_newer(pkg, candidate) &&
			    is_in_scope(pkg, candidate))
				return true;
		}
		return false;
	}

	void decide()
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
	bool try_with_removals()
	{
		bool solved =
			job.scope == APT_SCOPE_ALL
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

	void upgrade_all()
	{
		int mode = APT::Upgrade::FORBID_REMOVE_PACKAGES;

		if (!job.allow_new)
			mode |= APT::Upgrade::FORBID_INSTALL_NEW_PACKAGES;
		if (!APT::Upgrade::Upgrade(*depcache, mode))
			throw Failure(ERROR_BUG, apt_error("apt finds no solution"));
	}

	/* As apt's own upgrade does it, for those in scope only. */
	bool upgrade_selected(bool removals)
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

	bool is_wanted(const PkgIterator &pkg)
	{
		return pkg->CurrentVer != 0 && pkg->SelectedState != pkgCache::State::Hold &&
		       (*depcache)[pkg].Upgradable() &&
		       is_in_scope(pkg, (*depcache)[pkg].CandidateVerIter(*depcache));
	}

	bool is_in_scope(const PkgIterator &pkg, const VerIterator &version) const
	{
		switch (job.scope) {
		case APT_SCOPE_ALL:
			return true;
		case APT_SCOPE_SECURITY:
			return policy->is_security(version);
		case APT_SCOPE_NAMED:
			return is_named(pkg);
		}
		return false;
	}

	bool is_named(const PkgIterator &pkg) const
	{
		string name = pkg.Name(), full = name + ":" + pkg.CurrentVer().Arch();

		for (size_t i = 0; i < job.n_names; i++)
			if (name == job.names[i] || full == job.names[i])
				return true;
		return false;
	}

	void undo_unwanted()
	{
		pkgDepCache::ActionGroup group(*depcache);

		for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
			const auto &state = (*depcache)[pkg];

			if ((state.Delete() && pkg->CurrentVer != 0) ||
			    (!job.allow_new && state.NewInstall()))
				depcache->MarkKeep(pkg, false, false);
		}
	}

	struct Offer {
		size_t index;
		string filename, sha256;
	};

	/* Where a version is to be had: from a security source if one has it, else the first. */
	bool find_offer(const VerIterator &version, Offer &ret)
	{
		bool found = false;

		for (auto vf = version.FileList(); !vf.end(); ++vf) {
			size_t index = source_of(vf.File());

			if (index >= job.n_sources || (found && !job.security[index]))
				continue;
			if (found && job.security[ret.index])
				continue;
			auto &parser = records->Lookup(vf);
			const HashString *sum = find_sha256(parser.Hashes(), ret);

			if (!sum)
				continue;
			ret.index = index;
			ret.filename = parser.FileName();
			found = true;
		}
		return found;
	}

	static const HashString *find_sha256(const HashStringList &hashes, Offer &ret)
	{
		const HashString *sum = hashes.find("SHA256");

		if (sum)
			ret.sha256 = sum->HashValue();
		return sum;
	}

	bool exclude_missing()
	{
		bool any = false;

		for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
			VerIterator version = (*depcache)[pkg].InstVerIter(*depcache);
			Offer offer;

			if (!(*depcache)[pkg].Install() || same(version, pkg.CurrentVer()))
				continue;
			if (find_offer(version, offer) &&
			    sink.has_file(sink.opaque, offer.sha256.c_str()))
				continue;
			policy->exclude(version);
			any = true;
		}
		return any;
	}

	std::vector<Change> collect_changes()
	{
		std::vector<Change> changes;

		for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
			const auto &state = (*depcache)[pkg];
			VerIterator current = pkg.CurrentVer();
			VerIterator next = (*depcache)[pkg].InstVerIter(*depcache);

			if (state.Delete() && !current.end())
				changes.push_back({pkg, current, VerIterator(), current.Arch()});
			else if (state.Install() && !same(next, current))
				changes.push_back({pkg, current, next, next.Arch()});
		}
		std::sort(changes.begin(), changes.end());
		return changes;
	}

	void tell_changes(const std::vector<Change> &changes)
	{
		for (const Change &change : changes) {
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
				find_offer(change.to, offer);
				out.to = change.to.VerStr();
				out.source = change.to.SourcePkgName();
				out.filename = offer.filename.c_str();
				out.sha256 = offer.sha256.c_str();
				out.index = offer.index;
				out.size = change.to->Size;
				out.installed_size = change.to->InstalledSize;
				out.security = policy->is_security(change.to);
				out.automatic = !out.from && ((*depcache)[change.pkg].Flags &
							      pkgCache::Flag::Auto);
			}
			sink.change(sink.opaque, &out);
		}
	}

	/* apt leaves most configuring to a final "dpkg --configure --pending"; those come last, in
	 * the order of unpacking. */
	void tell_steps(const std::vector<Change> &changes)
	{
		Recorder recorder(*depcache);
		std::map<map_id_t, size_t> number;
		std::set<map_id_t> configured;

		for (size_t i = 0; i < changes.size(); i++)
			number[changes[i].pkg->ID] = i;
		if (recorder.DoInstallPreFork() != pkgPackageManager::Completed)
			throw Failure(ERROR_MIRROR, "apt cannot order the package steps: " +
							    apt_error("no reason given"));
		for (const auto &step : recorder.steps) {
			if (!number.count(step.second))
				continue;
			if (step.first == APT_CONFIGURE)
				configured.insert(step.second);
			sink.step(sink.opaque, step.first, number[step.second]);
		}
		for (const auto &step : recorder.steps)
			if (step.first == APT_UNPACK && configured.insert(step.second).second)
				sink.step(sink.opaque, APT_CONFIGURE, number[step.second]);
	}

	/* The newest version within scope that some source of the mirror offers. */
	VerIterator newest_offered(const PkgIterator &pkg) const
	{
		for (VerIterator v = pkg.VersionList(); !v.end() && policy->is_newer(pkg, v); ++v)
			for (auto vf = v.FileList(); !vf.end(); ++vf)
				if (source_of(vf.File()) != no_source && is_in_scope(pkg, v))
					return v;
		return VerIterator();
	}

	Why explain(const PkgIterator &pkg, const VerIterator &newest)
	{
		Explainer explainer(job, *depcache, *policy);
		VerIterator candidate = policy->GetCandidateVer(pkg);

		if (pkg->SelectedState == pkgCache::State::Hold)
			return explainer.explain_held(pkg);
		if (policy->is_excluded(newest))
			return {"not-on-mirror",
				"the index names it, but its package file is not there"};
		if (candidate.end() || !policy->is_newer(pkg, candidate))
			return {"pinned", "the guest's apt preferences choose " +
						  (candidate.end() ? string("no version")
								   : string(candidate.VerStr()))};
		return explainer.explain(pkg, candidate);
	}

	void tell_left()
	{
		std::vector<Change> left;

		for (PkgIterator pkg = depcache->PkgBegin(); !pkg.end(); ++pkg) {
			VerIterator current = pkg.CurrentVer();

			if (current.end() || !(*depcache)[pkg].Keep())
				continue;
			VerIterator newest = newest_offered(pkg);

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
};

void set_architectures(const struct apt_job &job)
{
	_config->Set("APT::Architectures::", job.architecture);
	for (size_t i = 0; i < job.n_foreign_architectures; i++)
		_config->Set("APT::Architectures::", job.foreign_architectures[i]);
}

void set_paths(const string &root, const struct apt_job &job)
{
	_config->Set("Dir::State::status", root + "/status");
	_config->Set("Dir::State::extended_states", root + "/extended_states");
	_config->Set("Dir::State::Lists", job.lists);
	_config->Set("Dir::Etc::preferences", root + "/preferences");
	_config->Set("Dir::Etc::preferencesparts", "/dev/null");
	_config->Set("Dir::Etc::sourcelist", job.sources_list);
	_config->Set("Dir::Etc::sourceparts", "/dev/null");
	_config->Set("Dir::Cache::pkgcache", "");
	_config->Set("Dir::Cache::srcpkgcache", job.cache);
	_config->Set("Dir::Log::Planner", "");
	_config->Set("Dir::Log::Solver", "");
	_config->Set("Dir::Bin::dpkg", "/bin/false");
}

/* The defaults of Debian's own /etc/apt/apt.conf.d/01autoremove that say what counts as installed
 * automatically; the guest's configuration is never read. */
void set_behaviour()
{
	_config->Set("APT::Never-MarkAuto-Sections::", "metapackages");
	_config->Set("APT::Never-MarkAuto-Sections::", "tasks");
	_config->Set("APT::Move-Autobit-Sections::", "oldlibs");
	_config->Set("APT::Get::Always-Include-Phased-Updates", "true");
	_config->Set("APT::Sandbox::User", "root");
	_config->Set("Acquire::Languages", "none");
	_config->Set("APT::Solver", "internal");
	_config->Set("APT::Planner", "internal");
	_config->Set("Apt::System", "Debian dpkg interface");
}

void initialize(const struct apt_job &job)
{
	string root = job.root;

	unsetenv("APT_CONFIG");
	_config->Set("Dir", root);
	_config->Set("APT::Architecture", job.architecture);
	if (!pkgInitConfig(*_config))
		throw Failure(ERROR_BUG, apt_error("pkgInitConfig"));
	set_architectures(job);
	set_paths(root, job);
	set_behaviour();
	if (!pkgInitSystem(*_config, _system))
		throw Failure(ERROR_BUG, apt_error("pkgInitSystem"));
}

} // namespace

extern "C" char *apt_list_name(size_t index, const char *path) noexcept
{
	string uri = "file:/coldpatch/" + std::to_string(index) + "/" + path;

	return strdup(URItoFileName(uri).c_str());
}

extern "C" int apt_resolve(const struct apt_job *job, const struct apt_sink *sink,
			   struct error *err) noexcept
try {
	initialize(*job);
	Resolver(*job, *sink).run();
	_error->Discard();
	return 0;
} catch (const Failure &failure) {
	return error_set(err, failure.kind, "%s", failure.what());
} catch (const std::exception &problem) {
	return error_set(err, ERROR_BUG, "libapt-pkg: %s", problem.what());
} catch (...) {
	return error_set(err, ERROR_BUG, "libapt-pkg: unknown exception");
}
