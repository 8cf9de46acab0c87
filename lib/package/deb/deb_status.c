/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/memory.h"
#include "package/deb/control.h"
#include "package/deb/deb.h"

void deb_status_free(struct deb_status *status)
{
	for (size_t i = 0; i < status->n_packages; i++) {
		struct deb_package *package = &status->packages[i];

		free(package->name);
		free(package->architecture);
		free(package->version);
		free(package->want);
		free(package->flag);
		free(package->status);
		free(package->replaces);
	}
	free(status->packages);
	*status = (struct deb_status){0};
}

bool deb_package_is_settled(const struct deb_package *package)
{
	return strcmp(package->flag, "ok") == 0 && strcmp(package->status, "installed") == 0;
}

bool deb_package_is_sound(const struct deb_package *package)
{
	return deb_package_is_settled(package) ||
	       (strcmp(package->flag, "ok") == 0 &&
		(strcmp(package->status, "triggers-awaited") == 0 ||
		 strcmp(package->status, "triggers-pending") == 0));
}

/* "install ok installed" into its three words. */
static int split_status(const struct control_paragraph *paragraph, struct deb_package *package,
			struct error *err)
{
	CLEANUP_FREE char *text = control_get(paragraph, "Status");
	char *save = NULL, *words[3];

	for (size_t i = 0; i < 3; i++) {
		words[i] = text ? strtok_r(i ? NULL : text, " \t", &save) : NULL;
		if (!words[i])
			return error_set(err, ERROR_IMAGE,
					 "/var/lib/dpkg/status: line %u: package %s has no valid "
					 "Status field",
					 paragraph->line, package->name);
	}
	package->want = xstrdup(words[0]);
	package->flag = xstrdup(words[1]);
	package->status = xstrdup(words[2]);
	return 0;
}

static bool is_absent(const struct deb_package *package)
{
	return strcmp(package->flag, "ok") == 0 && (strcmp(package->status, "not-installed") == 0 ||
						    strcmp(package->status, "config-files") == 0);
}

static int read_package(const struct control_paragraph *paragraph, struct deb_status *status,
			struct error *err)
{
	struct deb_package *package = ARRAY_ADD(status->packages, status->n_packages);

	package->name = control_get(paragraph, "Package");
	if (!package->name || !*package->name)
		return error_set(err, ERROR_IMAGE,
				 "/var/lib/dpkg/status: line %u: a paragraph without Package",
				 paragraph->line);
	package->architecture = control_get(paragraph, "Architecture");
	if (!package->architecture)
		package->architecture = xstrdup("");
	package->version = control_get(paragraph, "Version");
	package->replaces = control_get(paragraph, "Replaces");
	if (split_status(paragraph, package, err) < 0)
		return -1;
	if (!is_absent(package))
		return 0;
	status->n_packages--;
	deb_status_free(&(struct deb_status){.packages = xmemdup(package, sizeof *package),
					     .n_packages = 1});
	return 0;
}

int deb_status_parse(const struct buffer *text, struct deb_status *ret, struct error *err)
{
	CLEANUP_FREE struct control_paragraph *paragraph = xmalloc(sizeof *paragraph);
	CLEANUP_DEB_STATUS struct deb_status status = {0};
	struct control_reader reader;
	int found;

	control_open(&reader, "/var/lib/dpkg/status", text->data, text->len);
	while ((found = control_next(&reader, paragraph, err)) > 0) {
		if (status.n_packages == GUEST_MAX_PACKAGES)
			return error_set(err, ERROR_IMAGE,
					 "/var/lib/dpkg/status: more than %d packages",
					 GUEST_MAX_PACKAGES);
		if (read_package(paragraph, &status, err) < 0)
			return -1;
	}
	if (found < 0)
		return -1;
	*ret = status;
	status = (struct deb_status){0};
	return 0;
}
