/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dates are the last day on which the vendor publishes security updates to everybody who runs
 * the release; paid extensions (ELTS, ESM, ELS, LTSS) are not counted.  Where a vendor hands a
 * release to a second team that publishes for everybody (Debian LTS), the later date is given.
 *
 * The rows of Debian and Ubuntu are those of the package distro-info-data 0.58+deb12u6.  The others
 * are those of endoflife.date (in August 2026), which collects them from the vendors' pages: where
 * a vendor says otherwise, the vendor is right and the row is wrong.  Releases that have no last
 * day (openSUSE Tumbleweed), or none that was found (Oracle Linux 10, Mariner), have no row.  To
 * add a release, add a row.
 */
#include "guest/endoflife.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct release {
	const char *id;
	const char *version; /* VERSION_ID, or the part of it before the first '.' */
	const char *pretty;  /* must be part of PRETTY_NAME, or NULL */
	struct endoflife end;
};

static const struct release releases[] = {
	{"debian", "10", NULL, {"2024-06-30", "LTS"}},
	{"debian", "11", NULL, {"2026-08-31", "LTS"}},
	{"debian", "12", NULL, {"2028-06-30", "LTS"}},
	{"debian", "13", NULL, {"2030-06-30", "LTS"}},
	{"ubuntu", "16.04", NULL, {"2021-04-30", "standard support"}},
	{"ubuntu", "18.04", NULL, {"2023-05-31", "standard support"}},
	{"ubuntu", "20.04", NULL, {"2025-05-29", "standard support"}},
	{"ubuntu", "22.04", NULL, {"2027-06-01", "standard support"}},
	{"ubuntu", "24.04", NULL, {"2029-05-31", "standard support"}},
	{"ubuntu", "26.04", NULL, {"2031-05-29", "standard support"}},
	{"rhel", "6", NULL, {"2020-11-30", "maintenance support"}},
	{"rhel", "7", NULL, {"2024-06-30", "maintenance support"}},
	{"rhel", "8", NULL, {"2029-05-31", "maintenance support"}},
	{"rhel", "9", NULL, {"2032-05-31", "maintenance support"}},
	{"rhel", "10", NULL, {"2035-05-31", "maintenance support"}},
	{"centos", "6", NULL, {"2020-11-30", "maintenance updates"}},
	{"centos", "7", NULL, {"2024-06-30", "maintenance updates"}},
	{"centos", "8", "Stream", {"2024-05-31", "maintenance updates"}},
	{"centos", "8", NULL, {"2021-12-31", "maintenance updates"}},
	{"centos", "9", NULL, {"2027-05-31", "maintenance updates"}},
	{"centos", "10", NULL, {"2030-05-31", "maintenance updates"}},
	{"rocky", "8", NULL, {"2029-05-31", "security support"}},
	{"rocky", "9", NULL, {"2032-05-31", "security support"}},
	{"rocky", "10", NULL, {"2035-05-31", "security support"}},
	{"almalinux", "8", NULL, {"2029-05-31", "security support"}},
	{"almalinux", "9", NULL, {"2032-05-31", "security support"}},
	{"almalinux", "10", NULL, {"2035-05-31", "security support"}},
	{"ol", "6", NULL, {"2021-03-31", "premier support"}},
	{"ol", "7", NULL, {"2024-12-31", "premier support"}},
	{"ol", "8", NULL, {"2029-07-31", "premier support"}},
	{"ol", "9", NULL, {"2032-06-30", "premier support"}},
	{"fedora", "38", NULL, {"2024-05-21", "maintenance"}},
	{"fedora", "39", NULL, {"2024-11-26", "maintenance"}},
	{"fedora", "40", NULL, {"2025-05-13", "maintenance"}},
	{"fedora", "41", NULL, {"2025-12-15", "maintenance"}},
	{"fedora", "42", NULL, {"2026-05-27", "maintenance"}},
	{"fedora", "43", NULL, {"2026-12-09", "maintenance"}},
	{"fedora", "44", NULL, {"2027-06-02", "maintenance"}},
	{"sles", "12.5", NULL, {"2024-10-31", "general support"}},
	{"sles", "15.3", NULL, {"2022-12-31", "general support"}},
	{"sles", "15.4", NULL, {"2023-12-31", "general support"}},
	{"sles", "15.5", NULL, {"2024-12-31", "general support"}},
	{"sles", "15.6", NULL, {"2025-12-31", "general support"}},
	{"sles", "15.7", NULL, {"2031-07-31", "general support"}},
	{"sles", "16.0", NULL, {"2027-11-30", "general support"}},
	{"opensuse-leap", "15.4", NULL, {"2023-12-07", "maintenance"}},
	{"opensuse-leap", "15.5", NULL, {"2024-12-31", "maintenance"}},
	{"opensuse-leap", "15.6", NULL, {"2026-04-30", "maintenance"}},
	{"opensuse-leap", "16.0", NULL, {"2027-10-31", "maintenance"}},
	{"amzn", "2018.03", NULL, {"2023-12-31", "maintenance support"}},
	{"amzn", "2", NULL, {"2026-06-30", "support"}},
	{"amzn", "2023", NULL, {"2029-06-30", "maintenance support"}},
};

static bool is_version(const char *version_id, const char *version)
{
	size_t len = strlen(version);

	return strcmp(version_id, version) == 0 ||
	       (strchr(version, '.') == NULL && strncmp(version_id, version, len) == 0 &&
		version_id[len] == '.');
}

const struct endoflife *endoflife_find(const char *id, const char *version_id,
				       const char *pretty_name)
{
	if (!id || !version_id)
		return NULL;
	for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
		const struct release *release = &releases[i];

		if (strcmp(release->id, id) != 0 || !is_version(version_id, release->version))
			continue;
		if (!release->pretty || (pretty_name && strstr(pretty_name, release->pretty)))
			return &release->end;
	}
	return NULL;
}
