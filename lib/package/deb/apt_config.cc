/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Isolation: "Dir" is set before pkgInitConfig, so that apt.conf is looked for in the private root
 * and nowhere else; the architectures are set before anything asks for them, or apt would start
 * the host's dpkg to find out.  Index files were verified when the mirror snapshot was made, so
 * they are placed where apt keeps its lists and the sources are marked trusted: no method and no
 * gpgv is started.
 */
#include "package/deb/apt_private.hh"

#include <apt-pkg/configuration.h>
#include <apt-pkg/init.h>
#include <apt-pkg/pkgsystem.h>

namespace apt
{

namespace
{

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

} // namespace

void configure(const struct apt_job &job)
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

} // namespace apt
