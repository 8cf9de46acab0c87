/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/guest.h"

#include <string.h>
#include <sys/utsname.h>

#include "guest/arch.h"
#include "guest/endoflife.h"
#include "guest/identity.h"
#include "guest/layout.h"
#include "guest/mount.h"
#include "guest/osrelease.h"
#include "guest/volume.h"

typedef void parse_release(const char *buf, size_t len, struct guest_os *os);

/* 1 when the file was there and read. */
static int read_release_file(struct tree *tree, const char *path, parse_release *parse,
			     struct guest *guest, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	if (tree_read_file(tree, path, OSRELEASE_LIMIT, &text, err) == 0) {
		parse(text.data, text.len, &guest->os);
		return 1;
	}
	if (err->kind == ERROR_IMAGE)
		guest_add_note(guest, "%s is not used: %s", path, err->msg);
	return err->kind == ERROR_MISSING || err->kind == ERROR_IMAGE ? 0 : -1;
}

/* Systems of before os-release say it in one line. */
static int read_release(struct tree *tree, struct guest *guest, struct error *err)
{
	static const char *const lines[] = {"/etc/system-release", "/etc/redhat-release"};
	int found = read_release_file(tree, "/etc/os-release", osrelease_parse, guest, err);

	if (found == 0)
		found = read_release_file(tree, "/usr/lib/os-release", osrelease_parse, guest, err);
	for (size_t i = 0; i < sizeof lines / sizeof *lines && found >= 0 && !guest->os.id; i++)
		found = read_release_file(tree, lines[i], osrelease_parse_line, guest, err);
	return found < 0 ? -1 : 0;
}

static int read_os(struct tree *tree, struct guest *guest, struct error *err)
{
	const struct endoflife *end;
	struct guest_os *os = &guest->os;
	const char *arch = NULL;

	if (read_release(tree, guest, err) < 0 || arch_of_tree(tree, &arch, err) < 0)
		return -1;
	os->architecture = arch ? xstrdup(arch) : NULL;
	end = endoflife_find(os->id, os->version_id, os->pretty_name);
	if (end) {
		os->end_of_life = xstrdup(end->date);
		os->end_of_life_of = xstrdup(end->what);
	}
	return 0;
}

static void check_os(struct guest *guest)
{
	struct utsname host;

	if (!guest->os.id)
		guest_add_blocker(guest, "unknown-distribution",
				  "the guest's os-release has no ID, so that it is not known whose "
				  "updates it takes; mend /etc/os-release in the guest");
	uname(&host);
	if (!guest->os.architecture)
		guest_add_blocker(guest, "unknown-architecture",
				  "none of the guest's programs (/bin/sh, ...) says for which "
				  "architecture it is; check that all its disks were given");
	else if (!arch_runs_on(guest->os.architecture, host.machine))
		guest_add_blocker(guest, "foreign-architecture",
				  "the guest is %s and this host is %s, which does not run its "
				  "programs; patch it on a host of its architecture",
				  guest->os.architecture, host.machine);
}

static void check_volume(struct layout *layout, size_t index)
{
	struct guest *guest = layout->guest;
	const struct guest_filesystem *fs = &guest->filesystems[index];
	CLEANUP_FREE char *place = layout_place(layout, index);

	if (layout->places[index].hibernated)
		guest_add_blocker(
			guest, "hibernated",
			"the guest is hibernated into %s; start it and shut it down, then "
			"patch it",
			place);
	if (fs->mounted && !fs->writable)
		guest_add_blocker(guest, "filesystem-not-writable",
				  "the guest's %s (%s) cannot be written: %s; if it was not shut "
				  "down cleanly, start it and shut it down, else patch it in "
				  "another way",
				  fs->mountpoint, place,
				  fs->why_not ? fs->why_not : "the reason is not known");
}

static int read_guest(struct layout *layout, struct tree *tree, struct error *err)
{
	if (read_os(tree, layout->guest, err) < 0 ||
	    identity_read(tree, &layout->guest->identity, err) < 0)
		return -1;
	check_os(layout->guest);
	for (size_t i = 0; i < layout->n_places; i++)
		check_volume(layout, i);
	return 0;
}

static void hand_over_blocks(struct layout *layout, struct tree *tree)
{
	for (size_t i = 0; i < layout->n_places; i++)
		if (layout->guest->filesystems[i].mounted ||
		    (layout->copies && layout->guest->filesystems[i].copied))
			tree_own_block(tree, steal(layout->places[i].block));
}

int guest_open(const struct image *const *images, struct block *const *blocks, size_t n_disks,
	       const struct guest_access *access, struct guest **ret_guest, struct tree **ret_tree,
	       struct error *err)
{
	CLEANUP(guest_free)
	struct guest *guest = xcalloc(1, sizeof *guest);
	CLEANUP_LAYOUT struct layout layout = {.images = images,
					       .blocks = blocks,
					       .n_disks = n_disks,
					       .guest = guest,
					       .writable = access->writable,
					       .firmware = access->firmware,
					       .host = access->copies,
					       .keys = access->keys,
					       .n_keys = access->n_keys};
	CLEANUP(tree_free)
	struct tree *tree = NULL;
	size_t root;

	if (layout_probe(&layout, err) < 0 || layout_find_root(&layout, &root, err) < 0)
		return -1;
	tree = mount_all(&layout, root, err);
	if (!tree || read_guest(&layout, tree, err) < 0)
		return -1;
	hand_over_blocks(&layout, tree);
	*ret_guest = steal(guest);
	*ret_tree = steal(tree);
	return 0;
}
