/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <cerrno>
#include <cstring>

#include "package/deb/apt_private.hh"

#include <apt-pkg/cachefile.h>
#include <apt-pkg/configuration.h>
#include <apt-pkg/error.h>

namespace apt
{

Failure::Failure(enum error_kind k, const string &text) : std::runtime_error(text), kind(k)
{
}

string apt_error(const char *fallback)
{
	string first, text;

	while (!_error->empty(GlobalError::ERROR))
		if (_error->PopMessage(text) && first.empty())
			first = text;
	_error->Discard();
	return first.empty() ? fallback : first;
}

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

/* Without any index. */
static bool is_state_readable()
{
	pkgCacheFile alone;

	_config->Set("Dir::Etc::sourcelist", "/dev/null");
	_config->Set("Dir::Cache::srcpkgcache", "");
	bool readable = alone.BuildCaches(nullptr, false) && !_error->PendingError();
	_error->Discard();
	return readable;
}

/* Where a file is named, apt says which; of a field in one it names the package only. */
[[noreturn]] void fail_reading(const struct apt_job &job)
{
	string text = apt_error("no reason given");
	bool of_guest = text.find(job.root) != string::npos || !is_state_readable();

	if (text.find(strerror(ENOSPC)) != string::npos)
		throw Failure(ERROR_SPACE, "apt has no room for its cache: " + text);
	if (text.find(strerror(EIO)) != string::npos)
		throw Failure(ERROR_IO, "apt cannot read or write its cache: " + text);
	throw Failure(of_guest ? ERROR_IMAGE : ERROR_MIRROR,
		      string("apt cannot read the ") +
			      (of_guest ? "guest's package state: " : "mirror's index: ") +
			      guest_paths(text, job));
}

} // namespace apt
