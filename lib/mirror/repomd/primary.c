/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/repomd/primary.h"

#include <stdio.h>
#include <string.h>

#include "mirror/repomd/href.h"
#include "mirror/repomd/xml.h"

static const char package_path[] = "metadata/package";

struct reading {
	int (*each)(void *opaque, const struct primary_package *package, struct error *err);
	void *opaque;
	struct primary_package package;
	bool open, has_size;
	char checksum_type[16];
};

static void clear(struct reading *reading)
{
	struct primary_package *package = &reading->package;

	free(package->name);
	free(package->architecture);
	free(package->epoch);
	free(package->version);
	free(package->release);
	free(package->href);
	*package = (struct primary_package){0};
	reading->open = reading->has_size = false;
}

static int wrong(const struct reading *reading, const char *why, struct error *err)
{
	return error_set(err, ERROR_TRUST, "package %.100s: %s",
			 reading->package.name ? reading->package.name : "", why);
}

/* ---- elements as they open ---- */

static void replace(char **to, const char *text)
{
	free(*to);
	*to = text ? xstrdup(text) : NULL;
}

static int open_location(struct reading *reading, const char *const *attributes, struct error *err)
{
	if (reading->package.href)
		return wrong(reading, "has two locations", err);
	reading->package.href = href_read(attributes, true, err);
	if (reading->package.href)
		return 0;
	return error_prefix(err, "package %.100s",
			    reading->package.name ? reading->package.name : "");
}

static void open_version(struct reading *reading, const char *const *attributes)
{
	replace(&reading->package.epoch, xml_attribute(attributes, "epoch"));
	replace(&reading->package.version, xml_attribute(attributes, "ver"));
	replace(&reading->package.release, xml_attribute(attributes, "rel"));
}

static void open_size(struct reading *reading, const char *const *attributes)
{
	const char *size = xml_attribute(attributes, "package");

	reading->has_size = size && xml_number(size, &reading->package.size);
}

static void open_checksum(struct reading *reading, const char *const *attributes)
{
	const char *type = xml_attribute(attributes, "type");

	snprintf(reading->checksum_type, sizeof reading->checksum_type, "%s", type ? type : "");
}

/* The name of an element of a package, or NULL. */
static const char *name_in_package(const char *path)
{
	size_t len = sizeof package_path - 1;

	return strncmp(path, package_path, len) == 0 && path[len] == '/' ? path + len + 1 : NULL;
}

static int on_open(void *opaque, const char *path, const char *const *attributes, struct error *err)
{
	struct reading *reading = opaque;
	const char *name;

	if (strcmp(path, package_path) == 0) {
		clear(reading);
		reading->open = true;
	}
	name = reading->open ? name_in_package(path) : NULL;
	if (!name)
		return 0;
	if (strcmp(name, "location") == 0)
		return open_location(reading, attributes, err);
	if (strcmp(name, "version") == 0)
		open_version(reading, attributes);
	else if (strcmp(name, "size") == 0)
		open_size(reading, attributes);
	else if (strcmp(name, "checksum") == 0)
		open_checksum(reading, attributes);
	return 0;
}

/* ---- elements as they close ---- */

static int close_checksum(struct reading *reading, const char *text, struct error *err)
{
	struct checksum checksum;

	if (xml_has_blanks(text))
		return wrong(
			reading,
			"has a checksum with blanks around it, which the resolver does not read",
			err);
	if (!checksum_parse(reading->checksum_type, text, &checksum))
		return 0;
	if (*reading->package.checksum.hex)
		return wrong(reading, "has two checksums", err);
	reading->package.checksum = checksum;
	return 0;
}

static int close_package(struct reading *reading, struct error *err)
{
	const struct primary_package *package = &reading->package;
	int result;

	if (!package->href)
		return wrong(reading, "has no location", err);
	if (!reading->has_size)
		return wrong(reading, "has no size", err);
	if (!*package->checksum.hex)
		return wrong(reading,
			     "has no checksum by SHA-256, SHA-384 or SHA-512; weaker ones are not "
			     "relied on",
			     err);
	result = reading->each(reading->opaque, package, err);
	clear(reading);
	return result;
}

static int on_close(void *opaque, const char *path, char *text, struct error *err)
{
	struct reading *reading = opaque;
	const char *name = reading->open ? name_in_package(path) : NULL;

	if (reading->open && strcmp(path, package_path) == 0)
		return close_package(reading, err);
	if (!name)
		return 0;
	if (strcmp(name, "name") == 0)
		replace(&reading->package.name, xml_trim(text));
	else if (strcmp(name, "arch") == 0)
		replace(&reading->package.architecture, xml_trim(text));
	else if (strcmp(name, "checksum") == 0)
		return close_checksum(reading, text, err);
	return 0;
}

int primary_parse(const char *text, size_t len,
		  int (*each)(void *opaque, const struct primary_package *package,
			      struct error *err),
		  void *opaque, struct error *err)
{
	struct reading reading = {.each = each, .opaque = opaque};
	const struct xml_reader reader = {on_open, on_close, &reading};
	int result = xml_parse(text, len, &reader, err);

	clear(&reading);
	return result;
}
