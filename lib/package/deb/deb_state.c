/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a guest's package state.  Lock files are left out on purpose: a lock is held by a
 * process, a file that a power cut left behind means nothing.  What tells of an interrupted dpkg is
 * its journal, /var/lib/dpkg/updates.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"
#include "package/deb/deb.h"
#include "package/names.h"

enum {
	MAX_STATUS = 64 << 20,
	MAX_EXTENDED_STATES = 16 << 20,
	MAX_ARCH = 4 << 10,
	MAX_PREFERENCES = 1 << 20,
	MAX_NAMES = 256,
	MAX_ARCHITECTURES = 16
};

static const char status_path[] = "/var/lib/dpkg/status";
static const char updates_path[] = "/var/lib/dpkg/updates";
static const char preferences_path[] = "/etc/apt/preferences";
static const char preferences_dir[] = "/etc/apt/preferences.d";

int deb_detect(struct tree *tree, struct error *err)
{
	struct tree_node node;

	return tree_lookup(tree, status_path, TREE_FOLLOW, &node, err);
}

/* 0 also when it is not there. */
static int read_optional(struct tree *tree, const char *path, size_t limit, struct buffer *ret,
			 struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, path, TREE_FOLLOW, &node, err);

	if (found <= 0)
		return found;
	return tree_read_file(tree, path, limit, ret, err);
}

static int read_file(struct tree *tree, const char *path, size_t limit, const char *name,
		     struct package_state *state, struct error *err)
{
	CLEANUP_BUFFER struct buffer content = {0};

	if (read_optional(tree, path, limit, &content, err) < 0)
		return -1;
	if (content.len)
		*package_state_add(state, name) = content;
	else
		buffer_free(&content);
	content = (struct buffer){0};
	return 0;
}

/*
 * apt's rule for names in preferences.d (GetListOfFilesInDir with extension "pref", or none):
 * letters, digits, '_', '-', ':' and '.', but none at the beginning; where there is a dot, the last
 * one begins ".pref".
 */
static bool is_preferences_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && (!dot || strcmp(dot, ".pref") == 0) &&
	       name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-:"
				 ".")] == '\0';
}

/* As apt does, passes over what is no file: a directory, a FIFO. */
static int read_preferences_file(struct tree *tree, const char *path, struct buffer *ret,
				 struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(tree, path, TREE_FOLLOW, &node, err);

	if (found <= 0 || !S_ISREG(node.stat.mode))
		return found < 0 ? -1 : 0;
	return tree_read_file(tree, path, MAX_PREFERENCES, ret, err);
}

static int read_preferences_dir(struct tree *tree, struct buffer *ret, struct error *err)
{
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = "", .limit = MAX_NAMES};

	if (package_names_read(tree, preferences_dir, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n_items; i++) {
		CLEANUP_FREE char *path = path_join(preferences_dir, names.items[i]);

		if (!is_preferences_name(names.items[i]))
			continue;
		/* The file before need not end its last line, nor its record. */
		buffer_puts(ret, "\n\n");
		if (read_preferences_file(tree, path, ret, err) < 0)
			return -1;
	}
	return 0;
}

static int read_preferences(struct tree *tree, struct package_state *state, struct error *err)
{
	CLEANUP_BUFFER struct buffer content = {0};

	if (read_preferences_file(tree, preferences_path, &content, err) < 0 ||
	    read_preferences_dir(tree, &content, err) < 0)
		return -1;
	if (content.len == 0)
		return 0;
	*package_state_add(state, "preferences") = content;
	content = (struct buffer){0};
	return 0;
}

static bool is_number(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

static int check_updates(struct tree *tree, struct guest *guest, struct error *err)
{
	CLEANUP_PACKAGE_NAMES struct package_names names = {.suffix = "", .limit = MAX_NAMES};

	if (package_names_read(tree, updates_path, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n_items; i++) {
		if (!is_number(names.items[i]))
			continue;
		guest_add_blocker(guest, "half-configured",
				  "dpkg was interrupted (%s/%s is there): boot the guest and run "
				  "dpkg --configure -a, or repair it",
				  updates_path, names.items[i]);
		return 0;
	}
	return 0;
}

static char **add_string(char **items, size_t *n_items, char *string)
{
	*ARRAY_ADD(items, *n_items) = string;
	return items;
}

static void describe_package(const struct deb_package *package, struct guest_packages *packages)
{
	const char *name = package->name, *arch = package->architecture;

	*ARRAY_ADD(packages->installed, packages->n_installed) = (struct guest_package){
		.name = xstrdup(name),
		.architecture = xstrdup(arch),
		.version = xstrdup(package->version ? package->version : ""),
	};
	if (strcmp(package->want, "hold") == 0)
		packages->held = add_string(packages->held, &packages->n_held,
					    xasprintf("%s:%s", name, arch));
	if (deb_package_is_settled(package))
		return;
	packages->broken = add_string(
		packages->broken, &packages->n_broken,
		xasprintf("%s:%s %s%s", name, arch, package->status,
			  strcmp(package->flag, "ok") ? " (reinstallation required)" : ""));
}

static int compare_packages(const void *a, const void *b)
{
	const struct guest_package *left = a, *right = b;
	int order = strcmp(left->name, right->name);

	return order ? order : strcmp(left->architecture, right->architecture);
}

static void add_broken_blocker(const struct deb_status *status, struct guest *guest)
{
	const struct deb_package *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < status->n_packages; i++) {
		if (deb_package_is_sound(&status->packages[i]))
			continue;
		first = first ? first : &status->packages[i];
		n++;
	}
	if (!first)
		return;
	guest_add_blocker(guest, "half-configured",
			  "package %s is %s%s (%zu in all are not sound): boot the guest and run "
			  "dpkg --configure -a, or repair it",
			  first->name, first->status,
			  strcmp(first->flag, "ok") ? " and must be reinstalled" : "", n);
}

static char *first_line(const struct buffer *text)
{
	return text && text->len ? xstrndup(text->data, strcspn(text->data, "\r\n")) : NULL;
}

static bool is_architecture(const char *name)
{
	return *name && strlen(name) < 32 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static int find_architecture(const struct package_state *state, const struct deb_status *status,
			     struct guest_packages *packages, struct error *err)
{
	for (size_t i = 0; i < status->n_packages && !packages->architecture; i++)
		if (strcmp(status->packages[i].name, "dpkg") == 0)
			packages->architecture = xstrdup(status->packages[i].architecture);
	if (!packages->architecture)
		packages->architecture = first_line(package_state_file(state, "arch"));
	if (!packages->architecture)
		return error_set(err, ERROR_IMAGE,
				 "cannot tell the guest's architecture: dpkg is not installed and "
				 "there is no /var/lib/dpkg/arch");
	if (!is_architecture(packages->architecture))
		return error_set(err, ERROR_IMAGE, "\"%s\" is not an architecture",
				 packages->architecture);
	return 0;
}

/* /var/lib/dpkg/arch lists one architecture per line, the native one too. */
static int find_foreign(const struct package_state *state, struct guest_packages *packages,
			struct error *err)
{
	const struct buffer *file = package_state_file(state, "arch");
	CLEANUP_FREE char *text = file ? xstrndup(file->data, file->len) : xstrdup("");
	char *save = NULL;

	for (char *line = strtok_r(text, "\r\n", &save); line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		if (strcmp(line, packages->architecture) == 0)
			continue;
		if (!is_architecture(line) ||
		    packages->n_foreign_architectures == MAX_ARCHITECTURES)
			return error_set(err, ERROR_IMAGE,
					 "/var/lib/dpkg/arch: \"%s\" is not an architecture, or "
					 "one too many",
					 line);
		packages->foreign_architectures =
			add_string(packages->foreign_architectures,
				   &packages->n_foreign_architectures, xstrdup(line));
	}
	return 0;
}

int deb_state_describe(const struct package_state *state, struct guest *guest, struct error *err)
{
	const struct buffer *text = package_state_file(state, "status");
	CLEANUP_DEB_STATUS struct deb_status status = {0};
	struct guest_packages *packages = &guest->packages;

	if (!text)
		return error_set(err, ERROR_IMAGE, "%s is empty", status_path);
	if (deb_status_parse(text, &status, err) < 0)
		return -1;
	if (find_architecture(state, &status, packages, err) < 0 ||
	    find_foreign(state, packages, err) < 0)
		return -1;
	packages->family = xstrdup("deb");
	for (size_t i = 0; i < status.n_packages; i++)
		describe_package(&status.packages[i], packages);
	if (packages->n_installed)
		qsort(packages->installed, packages->n_installed, sizeof *packages->installed,
		      compare_packages);
	add_broken_blocker(&status, guest);
	package_state_digest(state, &packages->state);
	return 0;
}

static int read_files(struct tree *tree, struct package_state *state, struct error *err)
{
	if (read_file(tree, status_path, MAX_STATUS, "status", state, err) < 0 ||
	    read_file(tree, "/var/lib/dpkg/arch", MAX_ARCH, "arch", state, err) < 0 ||
	    read_file(tree, "/var/lib/apt/extended_states", MAX_EXTENDED_STATES, "extended_states",
		      state, err) < 0)
		return -1;
	return read_preferences(tree, state, err);
}

int deb_read_state(struct tree *tree, struct guest *guest, struct package_state *ret_state,
		   struct error *err)
{
	CLEANUP_PACKAGE_STATE struct package_state state = {0};

	if (read_files(tree, &state, err) < 0 || deb_state_describe(&state, guest, err) < 0 ||
	    check_updates(tree, guest, err) < 0)
		return -1;
	*ret_state = state;
	state = (struct package_state){0};
	return 0;
}
