/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the C++ files around libapt-pkg share; apt_shim.h is their one way out.  Failures are thrown
 * and become a struct error at that boundary.
 */
#ifndef COLDPATCH_PACKAGE_DEB_APT_PRIVATE_HH
#define COLDPATCH_PACKAGE_DEB_APT_PRIVATE_HH

#include "package/deb/apt_shim.h"

#include <apt-pkg/cachefile.h>
#include <apt-pkg/depcache.h>
#include <apt-pkg/pkgcache.h>
#include <apt-pkg/pkgrecords.h>
#include <apt-pkg/policy.h>

#include <limits>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace apt
{

using std::string;
using PkgIterator = pkgCache::PkgIterator;
using VerIterator = pkgCache::VerIterator;
using DepIterator = pkgCache::DepIterator;

/* apt_failure.cc: a failure on its way to the C boundary. */
struct Failure : std::runtime_error {
	enum error_kind kind;
	Failure(enum error_kind k, const string &text);
};
/* The first error apt has to tell; whatever else it says is dropped. */
string apt_error(const char *fallback);
/* Our private copies by the names that they have in the guest. */
string guest_paths(string text, const struct apt_job &job);
[[noreturn]] void fail_reading(const struct apt_job &job);

/* apt_config.cc: apt, told where everything is and reading nothing of the host's. */
void configure(const struct apt_job &job);

/* apt_version.cc: packages, versions and dependencies of the cache. */
const size_t no_source = std::numeric_limits<size_t>::max();
/* Which of our sources a package file of apt's belongs to, by the name of the list file. */
size_t source_of(const pkgCache::PkgFileIterator &file);
bool same(const VerIterator &a, const VerIterator &b);
std::vector<VerIterator> targets(pkgCache &cache, const DepIterator &dep);
/* The or-group that a dependency is in. */
bool group_of(const DepIterator &dep, DepIterator &first, DepIterator &last);
string label(const VerIterator &version);
bool is_vital(const PkgIterator &pkg);

/* apt_policy.cc: apt's own pin parser and rules, less what must not be chosen. */
class Policy : public pkgPolicy
{
	const struct apt_job &job;
	pkgCache &cache;
	std::set<map_id_t> excluded; /* versions by id */
	bool relaxed = false;
	std::map<map_id_t, string> held; /* packages by id: the pattern that holds them */

      public:
	Policy(pkgCache &c, const struct apt_job &j);

	/* From now on a Recommends that nothing on the mirror satisfies counts for nothing.  apt
	 * keeps an update back for one, which on a mirror of security updates alone would be every
	 * new kernel.  False: it was so before. */
	bool relax();
	void exclude(const VerIterator &version);
	bool is_excluded(const VerIterator &version) const;
	/* The pattern that holds a package, or NULL. */
	const char *pattern_of(const PkgIterator &pkg) const;
	bool is_security(const VerIterator &version) const;
	bool is_in_scope(const PkgIterator &pkg, const VerIterator &version) const;
	/* Versions are listed in descending order, so a loop may end at the first that is not. */
	bool is_newer(PkgIterator const &pkg, VerIterator const &version) const;

	bool IsImportantDep(DepIterator const &dep) const override;
	signed short GetPriority(VerIterator const &version, bool consider_files = true) override;
	using pkgPolicy::GetPriority;
	/* For security updates: the newest version that a security source offers, where one is
	 * newer than what is installed; everything else as usual, for dependencies. */
	VerIterator GetCandidateVer(PkgIterator const &pkg) override;

      private:
	bool is_named(const PkgIterator &pkg) const;
	bool is_to_be_had(const DepIterator &dep) const;
	void hold_if_matched(PkgIterator &pkg);
};

/* apt_offer.cc: where the mirror has the package file of a version. */
struct Offer {
	size_t index;
	string filename, sha256;
};
class Offers
{
	const struct apt_job &job;
	pkgRecords records;

      public:
	Offers(pkgCache &cache, const struct apt_job &j);
	/* From a security source if one has it, else the first. */
	bool find(const VerIterator &version, Offer &ret);
};

/* apt_explain.cc: why a version that could be there is not, found by following what it needs and
 * what needs the version it would replace.  Looks at apt's final decision, changes nothing.
 * Candidates are asked of the policy: those of the dependency cache are given up by apt on the
 * way. */
struct Why {
	const char *reason;
	string detail;
};
class Explainer
{
	const struct apt_job &job;
	pkgDepCache &depcache;
	Policy &policy;
	std::set<map_id_t> seen;
	bool circular = false; /* the last need led back to what is being explained */

      public:
	Explainer(const struct apt_job &j, pkgDepCache &d, Policy &p);
	Why explain(const PkgIterator &pkg, const VerIterator &version);
	Why explain_held(const PkgIterator &pkg) const;

      private:
	bool explain_needs(const VerIterator &version, Why &why);
	Why explain_need(const DepIterator &first, const DepIterator &last);
	string explain_target(const VerIterator &target);
	bool explain_conflicts(const PkgIterator &pkg, const VerIterator &version, Why &why);
	Why explain_clash(const PkgIterator &other, const string &clash);
	bool explain_dependants(const PkgIterator &pkg, const VerIterator &version, Why &why);
	bool explain_reverse(const PkgIterator &named, const PkgIterator &pkg,
			     const VerIterator &version, Why &why);
	bool is_hurt(const DepIterator &dep, const PkgIterator &pkg, const VerIterator &version);
	bool is_met_otherwise(const DepIterator &dep, const PkgIterator &pkg);
};

/* What is to become of a package; sorted by name and architecture. */
struct Change {
	PkgIterator pkg;
	VerIterator from, to;
	string architecture;

	bool operator<(const Change &other) const;
};

/* apt_order.cc: in which order dpkg is to be called. */
void tell_steps(pkgDepCache &depcache, const std::vector<Change> &changes,
		const struct apt_sink &sink);

/* apt_report.cc: apt's final decision, for the sink. */
class Report
{
	const struct apt_job &job;
	const struct apt_sink &sink;
	pkgDepCache &depcache;
	Policy &policy;
	Offers &offers;

      public:
	Report(const struct apt_job &j, const struct apt_sink &s, pkgDepCache &d, Policy &p,
	       Offers &o);
	std::vector<Change> tell_changes();
	void tell_left();

      private:
	std::vector<Change> collect_changes();
	void tell_change(const Change &change);
	VerIterator newest_offered(const PkgIterator &pkg) const;
	VerIterator newest_missing(const PkgIterator &pkg, const VerIterator &taken) const;
	Why explain(const PkgIterator &pkg, const VerIterator &newest);
};

/* apt_resolver.cc: one resolve, from opening the cache to telling the sink. */
class Resolver
{
	const struct apt_job &job;
	const struct apt_sink &sink;
	pkgCacheFile cachefile;
	std::unique_ptr<Policy> policy;
	std::unique_ptr<pkgDepCache> depcache;
	std::unique_ptr<Offers> offers;

      public:
	Resolver(const struct apt_job &j, const struct apt_sink &s);
	void run();

      private:
	void check_lists();
	void check_guest();
	void renew();
	void decide_with_files();
	bool is_any_kept();
	void decide();
	bool try_with_removals();
	void upgrade_all();
	bool upgrade_selected(bool removals);
	bool is_wanted(const PkgIterator &pkg);
	void undo_unwanted();
	bool exclude_missing();
};

} // namespace apt

#endif
