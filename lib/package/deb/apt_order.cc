/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/apt_private.hh"

#include <apt-pkg/packagemanager.h>

namespace apt
{

namespace
{

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

} // namespace

/* apt leaves most configuring to a final "dpkg --configure --pending"; those come last, in
 * the order of unpacking. */
void tell_steps(pkgDepCache &depcache, const std::vector<Change> &changes,
		const struct apt_sink &sink)
{
	Recorder recorder(depcache);
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

} // namespace apt
