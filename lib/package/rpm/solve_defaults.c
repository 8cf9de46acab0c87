/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Default streams of modules that the guest's administrator changed, in
 * /etc/dnf/modules.defaults.d: each document there counts for more than what any repository says of
 * its module. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "package/rpm/solve.h"

static void override_one(struct rpm_modules *modules, const struct rpm_default *wanted)
{
	bool found = false;

	for (size_t i = 0; i < modules->n_defaults; i++) {
		struct rpm_default *have = &modules->defaults[i];

		if (strcmp(have->module, wanted->module) != 0)
			continue;
		free(have->stream);
		have->stream = xstrdup(wanted->stream);
		found = true;
	}
	if (!found)
		*ARRAY_ADD(modules->defaults, modules->n_defaults) =
			(struct rpm_default){xstrdup(wanted->module), xstrdup(wanted->stream)};
}

static int read_documents(const struct package_state_file *file, struct rpm_modules *ret,
			  struct error *err)
{
	CLEANUP_FREE char *lines = NULL, *why = NULL;
	size_t size = 0;
	FILE *yaml = fmemopen(file->content.data, file->content.len, "r");
	FILE *to = open_memstream(&lines, &size), *from;
	int result = rpm_modules_convert(yaml, to, &why);

	fclose(yaml);
	fclose(to);
	if (result < 0)
		return error_set(err, ERROR_IMAGE, "%s in the guest: %s", file->name, why);
	from = fmemopen(lines, size, "r");
	rpm_modules_add(ret, from);
	fclose(from);
	return 0;
}

int solve_override_defaults(struct rpm_modules *modules, const struct package_state *state,
			    struct error *err)
{
	static const char directory[] = "/etc/dnf/modules.defaults.d/";

	for (size_t i = 0; i < state->n_files; i++) {
		const struct package_state_file *file = &state->files[i];
		CLEANUP_RPM_MODULES struct rpm_modules wanted = {0};

		if (strncmp(file->name, directory, sizeof directory - 1) != 0)
			continue;
		if (read_documents(file, &wanted, err) < 0)
			return -1;
		for (size_t k = 0; k < wanted.n_defaults; k++)
			override_one(modules, &wanted.defaults[k]);
	}
	return 0;
}
