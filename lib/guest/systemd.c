/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An update that writes below such a mount point would be done and not be seen by the guest: it
 * would boot the kernel that it had.  These mounts are not made here, but told, with the way out
 * that works for all of them: a line of fstab, which goes before the types of partitions and
 * before the units of packages.
 *
 * A unit of the administrator (/etc) counts whether something wants it or not: whatever needs a
 * path below pulls it in.  One of a package counts when it is enabled.
 */
#include "guest/systemd.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

enum { UNIT_LIMIT = 64 << 10 };

static const char own_units[] = "/etc/systemd/system", package_units[] = "/usr/lib/systemd/system";

struct names {
	char **items;
	size_t n_items;
};

struct survey {
	struct tree *tree;
	const struct fstab *fstab;
	struct guest *guest;
	const char *directory; /* that is gone through */
	struct names paths;    /* of mount units */
	struct names wanted;   /* names of mount units */
};

static bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n_items; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

static int add_unit(void *opaque, const char *path, const struct tree_node *node, struct error *err)
{
	static const char automount[] = ".automount";
	struct survey *survey = opaque;
	const char *name = path_last(path);
	bool below = strchr(path + strlen(survey->directory) + 1, '/') != NULL;

	(void)err;
	if (strcmp(path, survey->directory) == 0)
		return 0;
	if (S_ISDIR(node->stat.mode))
		return below ||
		       (!text_ends_with(name, ".wants") && !text_ends_with(name, ".requires"));
	if (below && text_ends_with(name, automount))
		*ARRAY_ADD(survey->wanted.items, survey->wanted.n_items) =
			xasprintf("%.*s.mount", (int)(strlen(name) - strlen(automount)), name);
	else if (below && text_ends_with(name, ".mount"))
		*ARRAY_ADD(survey->wanted.items, survey->wanted.n_items) = xstrdup(name);
	else if (!below && text_ends_with(name, ".mount"))
		*ARRAY_ADD(survey->paths.items, survey->paths.n_items) = xstrdup(path);
	return 0;
}

/* A directory that is not there, or that cannot be read for what it is, has no units. */
static int add_units(struct survey *survey, const char *directory, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(survey->tree, directory, TREE_NOFOLLOW, &node, err);

	if (found == 1 && S_ISDIR(node.stat.mode)) {
		survey->directory = directory;
		found = tree_walk(survey->tree, directory, add_unit, survey, err);
	}
	return found < 0 && err->kind != ERROR_IMAGE ? -1 : 0;
}

static char *value_of(const char *line, const char *end, const char *key)
{
	size_t len = strlen(key);

	if ((size_t)(end - line) < len || memcmp(line, key, len) != 0)
		return NULL;
	line += len + strspn(line + len, " \t");
	if (line >= end || *line != '=')
		return NULL;
	line += 1 + strspn(line + 1, " \t");
	while (end > line && strchr(" \t\r/", end[-1]) && end - line > 1)
		end--;
	return xstrndup(line, end > line ? (size_t)(end - line) : 0);
}

/* The last of several counts. */
static void take_value(char **field, const char *line, const char *end, const char *key)
{
	char *value = value_of(line, end, key);

	if (!value)
		return;
	free(*field);
	*field = value;
}

static void parse_unit(const char *text, struct fstab_entry *ret)
{
	bool mount = false;

	for (const char *line = text; *line;) {
		const char *end = line + strcspn(line, "\n");

		line += strspn(line, " \t");
		if (*line == '[')
			mount = strncmp(line, "[Mount]", 7) == 0;
		if (mount) {
			take_value(&ret->source, line, end, "What");
			take_value(&ret->target, line, end, "Where");
			take_value(&ret->type, line, end, "Type");
			take_value(&ret->options, line, end, "Options");
		}
		line = *end ? end + 1 : end;
	}
}

static void entry_free(struct fstab_entry *entry)
{
	free(entry->source);
	free(entry->target);
	free(entry->type);
	free(entry->options);
}

static bool fstab_names(const struct fstab *fstab, const char *target)
{
	for (size_t i = 0; i < fstab->n_entries; i++)
		if (strcmp(fstab->entries[i].target, target) == 0)
			return true;
	return false;
}

static bool is_mounted_so(const struct guest *guest, const struct fstab_entry *entry)
{
	struct error ignored;
	size_t i;

	return guest_find_filesystem(guest, entry->source, &i, &ignored) > 0 &&
	       guest->filesystems[i].mounted &&
	       strcmp(guest->filesystems[i].mountpoint, entry->target) == 0;
}

static void check_entry(struct survey *survey, const struct fstab_entry *entry, const char *path)
{
	if (!fstab_is_local(entry) || fstab_is_users(entry) || strcmp(entry->target, "/") == 0 ||
	    is_mounted_so(survey->guest, entry))
		return;
	if (fstab_is_packages(entry) || guest_is_firmwares(entry->target))
		guest_add_blocker(survey->guest, "mount-not-in-fstab",
				  "%s mounts %s at the guest's %s when it runs, which is not "
				  "updated there; have a line of /etc/fstab mount it, in place of "
				  "the unit",
				  path, entry->source, entry->target);
	else
		guest_add_note(survey->guest,
			       "%s mounts %s at %s when the guest runs: what an update writes "
			       "there is not seen",
			       path, entry->source, entry->target);
}

static bool is_in_force(const struct survey *survey, const char *path)
{
	CLEANUP_FREE char *own = path_join(own_units, path_last(path));

	return !path_is_below(path, package_units) ||
	       (names_have(&survey->wanted, path_last(path)) && !names_have(&survey->paths, own));
}

/* A link to /dev/null masks a unit; there is nothing to be read then. */
static int check_unit(struct survey *survey, const char *path, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct fstab_entry entry = {0};

	if (!is_in_force(survey, path))
		return 0;
	if (tree_read_file(survey->tree, path, UNIT_LIMIT, &text, err) < 0)
		return err->kind == ERROR_MISSING || err->kind == ERROR_IMAGE ? 0 : -1;
	buffer_putc(&text, '\0');
	parse_unit(text.data, &entry);
	if (!entry.type)
		entry.type = xstrdup("auto");
	if (!entry.options)
		entry.options = xstrdup("defaults");
	if (entry.source && entry.target &&
	    !(path_is_below(path, package_units) && fstab_names(survey->fstab, entry.target)))
		check_entry(survey, &entry, path);
	entry_free(&entry);
	return 0;
}

static int check_units(struct survey *survey, struct error *err)
{
	if (add_units(survey, own_units, err) < 0 || add_units(survey, package_units, err) < 0)
		return -1;
	for (size_t i = 0; i < survey->paths.n_items; i++)
		if (check_unit(survey, survey->paths.items[i], err) < 0)
			return -1;
	return 0;
}

static int stop_at_entry(void *opaque, const char *name, uint64_t ino, struct error *err)
{
	(void)name;
	(void)ino;
	(void)err;
	*(bool *)opaque = false;
	return 0;
}

/* 1: nothing is in it, and nothing is mounted there. */
static int is_empty_directory(struct tree *tree, const char *path, struct error *err)
{
	struct tree_node node;
	bool empty = true;
	int found = tree_lookup(tree, path, TREE_NOFOLLOW, &node, err);

	if (found < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (!found || !S_ISDIR(node.stat.mode) || node.mount != tree_mount_of(tree, "/"))
		return 0;
	if (fs_read_directory(node.fs, node.ino, stop_at_entry, &empty, err) < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	return empty;
}

/* On the disk of the root, and nobody says where it belongs. */
static const struct guest_filesystem *find_by_type(const struct guest *guest, const char *type)
{
	const struct guest_filesystem *root = guest_filesystem_at(guest, "/");

	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];

		if (fs->partition_type && strcmp(fs->partition_type, type) == 0 && fs->type &&
		    fs->disk == root->disk)
			return fs->mountpoint ? NULL : fs;
	}
	return NULL;
}

/* The generator leaves alone what fstab names, and a directory that has something in it.  An EFI
 * system partition comes there too, unless there is an /efi for it. */
static int check_types(struct survey *survey, struct error *err)
{
	static const char boot_loader[] = "bc13c2ff-59e6-4262-a352-b275fd6f7172",
			  firmware[] = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
	const struct guest_filesystem *fs = find_by_type(survey->guest, boot_loader);
	CLEANUP_FREE char *place = NULL;
	struct tree_node node;
	int ready = fstab_names(survey->fstab, "/boot")
			    ? 0
			    : is_empty_directory(survey->tree, "/boot", err);

	if (ready > 0 && !fs && tree_lookup(survey->tree, "/efi", TREE_FOLLOW, &node, err) == 0)
		fs = find_by_type(survey->guest, firmware);
	if (ready <= 0 || !fs)
		return ready < 0 ? -1 : 0;
	place = guest_filesystem_place(fs);
	guest_add_blocker(
		survey->guest, "mount-not-in-fstab",
		"systemd mounts %s at the guest's /boot, by its type, when it runs, which "
		"is not updated there; have a line of /etc/fstab mount it",
		place);
	return 0;
}

int systemd_check_mounts(struct tree *tree, const struct fstab *fstab, struct guest *guest,
			 struct error *err)
{
	struct survey survey = {.tree = tree, .fstab = fstab, .guest = guest};
	int result = check_units(&survey, err) < 0 || check_types(&survey, err) < 0 ? -1 : 0;

	strings_free(survey.paths.items, survey.paths.n_items);
	strings_free(survey.wanted.items, survey.wanted.n_items);
	return result;
}
