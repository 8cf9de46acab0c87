/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/deb/apt_private.hh"

namespace apt
{

namespace
{

const HashString *find_sha256(const HashStringList &hashes, Offer &ret)
{
	const HashString *sum = hashes.find("SHA256");

	if (sum)
		ret.sha256 = sum->HashValue();
	return sum;
}

} // namespace

Offers::Offers(pkgCache &cache, const struct apt_job &j) : job(j), records(cache)
{
}

bool Offers::find(const VerIterator &version, Offer &ret)
{
	bool found = false;

	for (auto vf = version.FileList(); !vf.end(); ++vf) {
		size_t index = source_of(vf.File());

		if (index >= job.n_sources || (found && !job.security[index]))
			continue;
		if (found && job.security[ret.index])
			continue;
		auto &parser = records.Lookup(vf);
		const HashString *sum = find_sha256(parser.Hashes(), ret);

		if (!sum)
			continue;
		ret.index = index;
		ret.filename = parser.FileName();
		found = true;
	}
	return found;
}

} // namespace apt
