/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file lists in the package database; files that were left out when a package was installed
 * (documents, languages, those for another word size) are not among them. */
#include <string.h>

#include "package/ownership.h"
#include "package/rpm/location.h"
#include "package/rpm/rpm.h"
#include "rpm/rpm_files.h"

static int append_path(void *opaque, const struct rpm_file *file, struct error *err)
{
	struct buffer *paths = opaque;

	(void)err;
	if (file->installed && !strchr(file->path, '\n'))
		buffer_printf(paths, "%s\n", file->path);
	return 0;
}

static int add_package(void *opaque, struct rpm_header *header, struct error *err)
{
	CLEANUP(rpm_header_free)
	struct rpm_header *owned = header;
	CLEANUP_BUFFER struct buffer paths = {0};

	if (rpm_header_each_file(owned, append_path, &paths, err) < 0)
		return -1;
	if (paths.len)
		ownership_add_list(opaque, rpm_header_name(owned), rpm_header_architecture(owned),
				   paths.data);
	return 0;
}

int rpm_read_ownership(struct tree *tree, struct ownership *ownership, struct error *err)
{
	struct rpm_location location;
	int found = rpm_location_find(tree, &location, err);

	if (found < 0)
		return -1;
	if (!found)
		return error_set(err, ERROR_IMAGE, "there is no package database");
	return rpm_location_read(tree, &location, add_package, ownership, err);
}
