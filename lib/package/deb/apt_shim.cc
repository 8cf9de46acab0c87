/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The C boundary of libapt-pkg: nothing is thrown past it.
 */
#include "package/deb/apt_private.hh"

#include <apt-pkg/error.h>
#include <apt-pkg/strutl.h>

#include <cstring>

extern "C" char *apt_list_name(size_t index, const char *path) noexcept
{
	std::string uri = "file:/coldpatch/" + std::to_string(index) + "/" + path;

	return strdup(URItoFileName(uri).c_str());
}

extern "C" int apt_resolve(const struct apt_job *job, const struct apt_sink *sink,
			   struct error *err) noexcept
try {
	apt::configure(*job);
	apt::Resolver(*job, *sink).run();
	_error->Discard();
	return 0;
} catch (const apt::Failure &failure) {
	return error_set(err, failure.kind, "%s", failure.what());
} catch (const std::exception &problem) {
	return error_set(err, ERROR_BUG, "libapt-pkg: %s", problem.what());
} catch (...) {
	return error_set(err, ERROR_BUG, "libapt-pkg: unknown exception");
}
