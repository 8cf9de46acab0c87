/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alone, so that asking needs nothing of what runs an appliance. */
#include <unistd.h>

#include "appliance/appliance.h"
#include "appliance/fixed_build.h"

const char *fixed_appliance_description(void)
{
	static const char *const places[] = {"/usr/lib/x86_64-linux-gnu/guestfs/supermin.d",
					     "/usr/lib/guestfs/supermin.d",
					     "/usr/lib64/guestfs/supermin.d"};

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (access(places[i], R_OK | X_OK) == 0)
			return places[i];
	return NULL;
}

/* What libguestfs starts; named as Debian calls the package. */
static const struct requirement {
	const char *path, *package;
} requirements[] = {
	{"/usr/bin/qemu-system-x86_64", "qemu-system-x86"},
	{"/usr/bin/qemu-img", "qemu-utils"},
	{"/usr/bin/supermin", "supermin"},
};

static int missing(const char *path, const char *package, struct error *err)
{
	return error_set(err, ERROR_HOST,
			 "no libguestfs appliance on this host: %s is missing: install %s", path,
			 package);
}

int appliance_available(struct error *err)
{
	for (size_t i = 0; i < sizeof requirements / sizeof *requirements; i++)
		if (access(requirements[i].path, R_OK) != 0)
			return missing(requirements[i].path, requirements[i].package, err);
	if (!fixed_appliance_description())
		return missing("guestfs/supermin.d", "libguestfs0", err);
	return 0;
}
