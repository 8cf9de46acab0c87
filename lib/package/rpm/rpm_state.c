/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a guest's package state.  Locks (.rpm.lock, __db.*) are left out on purpose: they are
 * held by processes, and what a power cut left of them means nothing.  What tells of an interrupted
 * update is a package that is there in two versions: rpm adds the new one before it takes the old
 * one away.
 */
#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "package/names.h"
#include "package/rpm/install_only.h"
#include "package/rpm/location.h"
#include "package/rpm/rpm.h"
#include "package/rpm/rules.h"

enum {
	MAX_HEADERS = 256 << 20,
	MAX_CONFIGURATION = 1 << 20,
	MAX_REPOSITORIES = 16 << 20, /* a subscription may be to thousands */
	MAX_NAMES = 1000
};

/* A directory stands for the files in it that end so.  Of dnf 5's, dnf.conf has the last word. */
static const struct {
	const char *path, *suffix; /* suffix NULL: a file */
} configuration[] = {
	{"/usr/share/dnf5/libdnf.conf.d", ".conf"},
	{"/etc/dnf/libdnf5.conf.d", ".conf"},
	{"/etc/dnf/dnf.conf", NULL},
	{"/etc/dnf/modules.d", ".module"},
	{"/etc/dnf/modules.defaults.d", ".yaml"},
	{"/etc/dnf/plugins/versionlock.conf", NULL},
	{"/etc/dnf/plugins/versionlock.list", NULL},
	{"/etc/dnf/protected.d", ".conf"},
	{"/etc/dnf/repos.override.d", ".repo"},
	{"/etc/dnf/versionlock.toml", NULL},
	{"/etc/distro.repos.d", ".repo"},
	{"/etc/yum.conf", NULL},
	{"/etc/yum.repos.d", ".repo"},
	{"/etc/yum/pluginconf.d/versionlock.conf", NULL},
	{"/etc/yum/pluginconf.d/versionlock.list", NULL},
	{"/etc/yum/protected.d", ".conf"},
	{"/etc/yum/repos.d", ".repo"},
	{"/etc/zypp/locks", NULL},
	{"/etc/zypp/zypp.conf", NULL},
	{"/usr/share/dnf5/repos.d", ".repo"},
	{"/usr/share/dnf5/repos.override.d", ".repo"},
};

struct reading {
	struct tree *tree;
	struct package_state *state;
	struct tree_node *read; /* files: under two names they are read once */
	size_t n_read;
};

int rpm_detect(struct tree *tree, struct error *err)
{
	struct rpm_location location;

	return rpm_location_find(tree, &location, err);
}

static bool was_read(const struct reading *reading, const struct tree_node *node)
{
	for (size_t i = 0; i < reading->n_read; i++)
		if (reading->read[i].mount == node->mount && reading->read[i].ino == node->ino)
			return true;
	return false;
}

static int read_configuration(struct reading *reading, const char *path, struct error *err)
{
	CLEANUP_BUFFER struct buffer content = {0}, reduced = {0};
	const struct buffer *kept = &content;
	bool repositories = text_ends_with(path, ".repo");
	size_t limit = repositories ? MAX_REPOSITORIES : MAX_CONFIGURATION;
	struct tree_node node;
	int found = tree_lookup(reading->tree, path, TREE_FOLLOW, &node, err);

	if (found <= 0 || was_read(reading, &node) || (repositories && !S_ISREG(node.stat.mode)))
		return found < 0 ? -1 : 0;
	if (tree_read_file(reading->tree, path, limit, &content, err) < 0)
		return -1;
	*ARRAY_ADD(reading->read, reading->n_read) = node;
	if (repositories) {
		rpm_repositories_reduce(content.data, content.len, &reduced);
		kept = &reduced;
	}
	if (kept->len)
		buffer_append(package_state_add(reading->state, path), kept->data, kept->len);
	return 0;
}

static int read_directory(struct reading *reading, const char *directory, const char *suffix,
			  struct error *err)
{
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = suffix, .limit = MAX_NAMES};

	if (package_names_read(reading->tree, directory, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n_items; i++) {
		CLEANUP_FREE char *path = path_join(directory, names.items[i]);

		if (read_configuration(reading, path, err) < 0)
			return -1;
	}
	return 0;
}

static int read_configurations(struct tree *tree, struct package_state *state, struct error *err)
{
	struct reading reading = {.tree = tree, .state = state};
	CLEANUP_FREE struct tree_node *read = NULL;
	int status = 0;

	for (size_t i = 0; i < sizeof configuration / sizeof *configuration && status == 0; i++)
		status = configuration[i].suffix
				 ? read_directory(&reading, configuration[i].path,
						  configuration[i].suffix, err)
				 : read_configuration(&reading, configuration[i].path, err);
	read = reading.read;
	return status;
}

static int take_package(void *opaque, struct rpm_header *header, struct error *err)
{
	struct rpm_packages *packages = opaque;

	if (strcmp(rpm_header_name(header), RPM_DATABASE_KEY) == 0) {
		rpm_header_free(header);
		return 0;
	}
	*ARRAY_ADD(packages->items, packages->n_items) = header;
	if (rpm_header_forget_installation(header, err) < 0)
		return -1;
	if (packages->n_items > GUEST_MAX_PACKAGES)
		return error_set(err, ERROR_IMAGE, "it holds more than %d packages",
				 GUEST_MAX_PACKAGES);
	return 0;
}

static int read_database(struct tree *tree, struct package_state *state, struct error *err)
{
	CLEANUP_RPM_PACKAGES struct rpm_packages packages = {0};
	struct rpm_location location;
	int found = rpm_location_find(tree, &location, err);

	if (found <= 0)
		return found < 0 ? -1 : error_set(err, ERROR_IMAGE, "there is no package database");
	if (rpm_location_check_macros(tree, &location, err) < 0 ||
	    rpm_location_read(tree, &location, take_package, &packages, err) < 0)
		return -1;
	buffer_printf(package_state_add(state, RPM_STATE_DATABASE), "%s %s\n",
		      location.format->name, location.directory);
	return rpm_packages_write(&packages, MAX_HEADERS, state, err);
}

/* yum writes down what it is going to do, and removes that when it is done. */
static int check_unfinished(struct tree *tree, struct guest *guest, struct error *err)
{
	static const char directory[] = "/var/lib/yum", begin[] = "transaction-all.";
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = "", .limit = MAX_NAMES};

	if (package_names_read(tree, directory, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n_items; i++) {
		const char *name = names.items[i];

		if (strncmp(name, begin, sizeof begin - 1) != 0 || strstr(name, ".disabled"))
			continue;
		guest_add_blocker(guest, "half-configured",
				  "yum was interrupted (%s/%s is there): start the guest and run "
				  "yum-complete-transaction, or repair it",
				  directory, name);
		return 0;
	}
	return 0;
}

static int check_image_based(struct tree *tree, struct guest *guest, struct error *err)
{
	const char *mark;

	if (rpm_location_image_based(tree, &mark, err) < 0)
		return -1;
	if (mark)
		guest_add_blocker(
			guest, "image-based",
			"the guest's system is replaced as a whole (OSTree: %s is there), "
			"so its packages are not updated one by one: update it with "
			"rpm-ostree or bootc and import the result",
			mark);
	return 0;
}

int rpm_read_state(struct tree *tree, struct guest *guest, struct package_state *ret_state,
		   struct error *err)
{
	CLEANUP_PACKAGE_STATE struct package_state state = {0};

	if (read_database(tree, &state, err) < 0 || read_configurations(tree, &state, err) < 0 ||
	    rpm_state_describe(&state, guest, err) < 0 || check_unfinished(tree, guest, err) < 0 ||
	    check_image_based(tree, guest, err) < 0)
		return -1;
	*ret_state = state;
	state = (struct package_state){0};
	return 0;
}
