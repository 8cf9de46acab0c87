/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mount point is needed when packages put files below it.  All are, but those that belong to
 * users by the file system hierarchy; an fstab line with nofail says itself that the guest does
 * without.
 */
#include "guest/mount.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fs/type.h"
#include "guest/crypttab.h"
#include "guest/fstab.h"
#include "guest/systemd.h"

struct join {
	struct layout *layout;
	struct guest *guest; /* of the layout */
	struct tree *tree;   /* borrowed */
	size_t root;
};

static bool is_needed(const struct fstab_entry *entry)
{
	return !fstab_has_option(entry, "nofail") && fstab_is_automatic(entry) &&
	       !fstab_is_users(entry) && !guest_is_firmwares(entry->target);
}

/* `problem` is a clause about the entry's file system. */
static void report(struct join *join, const struct fstab_entry *entry, const char *problem)
{
	if (is_needed(entry))
		guest_add_blocker(join->guest, "unsupported-filesystem",
				  "the guest's %s (%s in /etc/fstab) %s", entry->target,
				  entry->source, problem);
	else
		guest_add_note(join->guest, "%s (%s in /etc/fstab) is not mounted: it %s",
			       entry->target, entry->source, problem);
}

static bool can_mount(struct join *join, const struct fstab_entry *entry, size_t volume)
{
	const struct guest_filesystem *fs = &join->guest->filesystems[volume];
	const struct fs_type *type = fs_type_find(fs->type);
	const struct error *problem = &join->layout->places[volume].open_error;
	CLEANUP_FREE char *text = NULL;

	if (fs->mounted)
		text = xasprintf("is also mounted at %s; leave one of the two lines",
				 fs->mountpoint);
	else if (guest_filesystem_at(join->guest, entry->target))
		text = xasprintf("is a second line for this mount point; leave one of the two");
	else if (problem->kind)
		text = xasprintf("does not open: %s%s%s", problem->msg,
				 type && type->repair ? "; repair it with " : "",
				 type && type->repair ? type->repair : "");
	else if (fs->copied && !fs->readable && guest_is_firmwares(entry->target))
		text = xasprintf(
			"is %s, which only an appliance reads, and is left alone unless an "
			"update has files for it",
			fs->type);
	else if (fs->copied && !fs->readable)
		text = xasprintf("is left alone: only an appliance reads it, and the system does "
				 "not need it");
	else if (!fs->readable)
		text = xasprintf("is %s, which this version does not read; patch this guest in "
				 "another way",
				 fs->type ? fs->type : "of an unknown type");
	else
		return true;
	report(join, entry, text);
	return false;
}

static void remember(struct guest_filesystem *fs, const struct fstab_entry *entry)
{
	if (fs->mountpoint)
		return;
	fs->mountpoint = xstrdup(entry->target);
	fs->mount_options = xstrdup(entry->options);
	fs->mount_source = xstrdup(entry->source);
}

/* 1 when the mount point is a directory of the tree. */
static int has_mountpoint(struct join *join, const struct fstab_entry *entry, struct error *err)
{
	struct tree_node node;
	int found = tree_lookup(join->tree, entry->target, TREE_NOFOLLOW, &node, err);

	if (found < 0 && err->kind != ERROR_IMAGE)
		return -1;
	if (found == 1 && S_ISDIR(node.stat.mode))
		return 1;
	report(join, entry, "has no directory to be mounted on; make it in the guest");
	return 0;
}

static int mount_volume(struct join *join, const char *target, size_t volume, struct error *err)
{
	struct fs *fs = layout_take_fs(join->layout, volume, err);

	if (!fs || tree_mount(join->tree, target, fs, err) < 0)
		return -1;
	join->guest->filesystems[volume].mounted = true;
	return 0;
}

static void note_root(struct join *join, const struct fstab_entry *entry, int found, size_t volume)
{
	struct guest_filesystem *root = &join->guest->filesystems[join->root];

	if (found && guest_filesystem_same(&join->guest->filesystems[volume],
					   &join->guest->filesystems[join->root])) {
		free(root->mount_options);
		root->mount_options = xstrdup(entry->options);
		free(root->mount_source);
		root->mount_source = xstrdup(entry->source);
		return;
	}
	guest_add_note(join->guest,
		       "/etc/fstab has %s for /, which is %s; the file system that holds the "
		       "operating system is used",
		       entry->source, found ? "another file system" : "not in this image");
}

static bool is_mounted(struct join *join, const struct fstab_entry *entry)
{
	if (!fstab_is_mounted(entry))
		return false;
	if (!fstab_is_automatic(entry))
		guest_add_note(join->guest,
			       "%s (%s in /etc/fstab) is noauto; it is taken as mounted, since "
			       "packages have files there",
			       entry->target, entry->source);
	return true;
}

/* It may be in a container that was not opened. */
static void report_absent(struct join *join, const struct fstab_entry *entry)
{
	const struct layout *layout = join->layout;

	for (size_t i = 0; i < layout->n_places; i++) {
		CLEANUP_FREE char *place = NULL, *text = NULL;

		if (!fs_type_is_encrypted(join->guest->filesystems[i].type) ||
		    !layout->places[i].open_error.kind)
			continue;
		place = layout_place(layout, i);
		text = xasprintf("is not in this image, or is in %s, which does not open: %s",
				 place, layout->places[i].open_error.msg);
		report(join, entry, text);
		return;
	}
	report(join, entry, "is not in this image; give all disks of the guest");
}

static int join_entry(struct join *join, const struct fstab_entry *entry, struct error *err)
{
	const struct guest_filesystem *fs;
	CLEANUP_FREE char *part = NULL;
	size_t volume = 0;
	int found = guest_find_filesystem(join->guest, entry->source, &volume, err);
	int ready;

	if (found < 0)
		return error_prefix(err, "/etc/fstab line %u", entry->line);
	if (strcmp(entry->target, "/") == 0) {
		note_root(join, entry, found, volume);
		return 0;
	}
	if (!found) {
		report_absent(join, entry);
		return 0;
	}
	fs = &join->guest->filesystems[volume];
	part = fs->copied ? fstab_option_value(entry, copied_part_option(fs->type)) : NULL;
	if (!layout_find_tree(join->layout, volume, part, &volume)) {
		report(join, entry, "is a part of a file system that was not read");
		return 0;
	}
	if (can_mount(join, entry, volume) && is_mounted(join, entry)) {
		ready = has_mountpoint(join, entry, err);
		if (ready < 0 || (ready && mount_volume(join, entry->target, volume, err) < 0))
			return error_prefix(err, "/etc/fstab line %u", entry->line);
	}
	remember(&join->guest->filesystems[volume], entry);
	return 0;
}

/* What an update writes below such a mount point is not seen by the guest when it runs. */
static void check_cover(struct join *join, const struct fstab_entry *entry)
{
	if (!fstab_is_cover(entry) || fstab_is_users(entry))
		return;
	if (fstab_is_packages(entry) && is_needed(entry))
		guest_add_blocker(join->guest, "covered-mount-point",
				  "the guest's %s is covered by %s (%s in /etc/fstab) when it "
				  "runs, which is not updated with this image; patch this guest in "
				  "another way",
				  entry->target, entry->source, entry->type);
	else if (strcmp(entry->type, "tmpfs") != 0)
		guest_add_note(join->guest,
			       "%s is covered by %s (%s in /etc/fstab) when the guest runs: what "
			       "an update writes there is not seen",
			       entry->target, entry->source, entry->type);
}

static size_t depth_of(const char *path)
{
	size_t depth = 0;

	for (; *path; path++)
		depth += *path == '/' && path[1];
	return depth;
}

/* Parents before children; the order of the file among equals. */
static int join_by_depth(struct join *join, const struct fstab *fstab, struct error *err)
{
	size_t deepest = 0;

	for (size_t i = 0; i < fstab->n_entries; i++)
		if (depth_of(fstab->entries[i].target) > deepest)
			deepest = depth_of(fstab->entries[i].target);
	for (size_t depth = 0; depth <= deepest; depth++)
		for (size_t i = 0; i < fstab->n_entries; i++)
			if (fstab_is_local(&fstab->entries[i]) &&
			    depth_of(fstab->entries[i].target) == depth &&
			    join_entry(join, &fstab->entries[i], err) < 0)
				return -1;
	return 0;
}

static bool has_swap_signature(const struct tree_node *node, struct error *err, int *result)
{
	char page[65536];
	ssize_t len = fs_read(node->fs, node->ino, page, sizeof page, 0, err);

	*result = len < 0 ? -1 : 0;
	return len > 0 && (swap_is_hibernated(page, (size_t)len, 4096) ||
			   swap_is_hibernated(page, (size_t)len, 16384) ||
			   swap_is_hibernated(page, (size_t)len, 65536));
}

/* A swap file can hold the image of a suspended machine as a swap partition can. */
static int check_swap_file(struct join *join, const struct fstab_entry *entry, struct error *err)
{
	struct tree_node node;
	int result = 0, found;

	if (strcmp(entry->type, "swap") != 0 || *entry->source != '/' ||
	    strncmp(entry->source, "/dev/", 5) == 0)
		return 0;
	found = tree_lookup(join->tree, entry->source, TREE_FOLLOW, &node, err);
	if (found < 0)
		return err->kind == ERROR_IMAGE ? 0 : -1;
	if (found && S_ISREG(node.stat.mode) && has_swap_signature(&node, err, &result))
		guest_add_blocker(join->guest, "hibernated",
				  "the guest is hibernated into %s; start it and shut it down, "
				  "then patch it",
				  entry->source);
	return result;
}

static bool is_wanted(const struct join *join, const struct fstab_entry *entry)
{
	if (guest_is_firmwares(entry->target))
		return join->layout->firmware;
	return !fstab_has_option(entry, "nofail") && fstab_is_mounted(entry) &&
	       !fstab_is_users(entry);
}

/* Are there packages' files that only an appliance reads? */
static bool needs_copies(const struct join *join, const struct fstab *fstab)
{
	struct error ignored;
	size_t volume;

	for (size_t i = 0; layout_can_copy(join->layout) && i < fstab->n_entries; i++) {
		const struct fstab_entry *entry = &fstab->entries[i];

		if (fstab_is_local(entry) && is_wanted(join, entry) &&
		    strcmp(entry->target, "/") != 0 &&
		    guest_find_filesystem(join->guest, entry->source, &volume, &ignored) > 0 &&
		    join->guest->filesystems[volume].copied)
			return true;
	}
	return false;
}

static int join_fstab(struct join *join, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FSTAB struct fstab fstab = {0};

	if (tree_read_file(join->tree, "/etc/fstab", FSTAB_LIMIT, &text, err) < 0) {
		if (err->kind != ERROR_MISSING && err->kind != ERROR_IMAGE)
			return -1;
		guest_add_note(join->guest, "/etc/fstab is not used: %s",
			       err->kind == ERROR_MISSING ? "there is none" : err->msg);
		return systemd_check_mounts(join->tree, &fstab, join->guest, err);
	}
	fstab_parse(text.data, text.len, &fstab);
	for (size_t i = 0; i < fstab.n_warnings; i++)
		guest_add_note(join->guest, "/etc/fstab %s", fstab.warnings[i]);
	if (needs_copies(join, &fstab) && layout_copy(join->layout, text.data, err) < 0)
		return -1;
	if (join_by_depth(join, &fstab, err) < 0)
		return -1;
	for (size_t i = 0; i < fstab.n_entries; i++) {
		check_cover(join, &fstab.entries[i]);
		if (check_swap_file(join, &fstab.entries[i], err) < 0)
			return -1;
	}
	return systemd_check_mounts(join->tree, &fstab, join->guest, err);
}

/* How the guest calls what its encrypted containers hold. */
static int read_crypttab(struct join *join, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	if (tree_read_file(join->tree, "/etc/crypttab", CRYPTTAB_LIMIT, &text, err) < 0)
		return err->kind == ERROR_MISSING || err->kind == ERROR_IMAGE ? 0 : -1;
	crypttab_apply(text.data ? text.data : "", text.len, join->guest);
	return 0;
}

struct tree *mount_all(struct layout *layout, size_t root, struct error *err)
{
	CLEANUP(tree_free)
	struct tree *tree = tree_new();
	struct join join = {.layout = layout, .guest = layout->guest, .tree = tree, .root = root};

	if (mount_volume(&join, "/", root, err) < 0)
		return NULL;
	layout->guest->filesystems[root].mountpoint = xstrdup("/");
	if (read_crypttab(&join, err) < 0 || join_fstab(&join, err) < 0)
		return NULL;
	return steal(tree);
}
