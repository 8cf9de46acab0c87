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

static void strings_free(char **strings, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

static void filesystem_free(struct guest_filesystem *fs)
{
	char *const owned[] = {fs->partition_type, fs->partuuid,      fs->partlabel,	fs->type,
			       fs->uuid,	   fs->label,	      fs->features,	fs->why_not,
			       fs->mountpoint,	   fs->mount_options, fs->mount_source, fs->part};

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	guest_volume_free(fs->volume);
}

static void os_free(struct guest_os *os)
{
	char *const owned[] = {
		os->id,		 os->id_like,	  os->version_id,     os->codename,
		os->pretty_name, os->end_of_life, os->end_of_life_of, os->architecture};

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
}

void guest_boot_free(struct guest_boot *boot)
{
	for (size_t i = 0; i < boot->n_kernels; i++) {
		free(boot->kernels[i].version);
		free(boot->kernels[i].image);
		free(boot->kernels[i].initramfs);
	}
	free(boot->kernels);
	free(boot->loader);
	free(boot->firmware);
	free(boot->default_kernel);
	free(boot->default_root);
	free(boot->default_options);
	strings_free(boot->missing, boot->n_missing);
	*boot = (struct guest_boot){0};
}

static void packages_free(struct guest_packages *packages)
{
	free(packages->family);
	free(packages->architecture);
	strings_free(packages->foreign_architectures, packages->n_foreign_architectures);
	strings_free(packages->broken, packages->n_broken);
	strings_free(packages->held, packages->n_held);
	for (size_t i = 0; i < packages->n_installed; i++) {
		free(packages->installed[i].name);
		free(packages->installed[i].architecture);
		free(packages->installed[i].version);
	}
	free(packages->installed);
}

void guest_free(struct guest *guest)
{
	if (!guest)
		return;
	for (size_t i = 0; i < guest->n_disks; i++) {
		free(guest->disks[i].format);
		free(guest->disks[i].partition_scheme);
		free(guest->disks[i].partition_table_id);
	}
	free(guest->disks);
	for (size_t i = 0; i < guest->n_filesystems; i++)
		filesystem_free(&guest->filesystems[i]);
	free(guest->filesystems);
	os_free(&guest->os);
	free(guest->identity.hostname);
	guest_boot_free(&guest->boot);
	packages_free(&guest->packages);
	for (size_t i = 0; i < guest->n_blockers; i++) {
		free(guest->blockers[i].code);
		free(guest->blockers[i].msg);
	}
	free(guest->blockers);
	strings_free(guest->notes, guest->n_notes);
	free(guest);
}

/* Guest names can hold any byte; a terminal should not see them. */
static char *format_clean(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
static char *format_clean(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	return text;
}

void guest_add_blocker(struct guest *guest, const char *code, const char *fmt, ...)
{
	struct guest_blocker *blocker = ARRAY_ADD(guest->blockers, guest->n_blockers);
	va_list ap;

	va_start(ap, fmt);
	blocker->code = xstrdup(code);
	blocker->msg = format_clean(fmt, ap);
	va_end(ap);
}

void guest_add_note(struct guest *guest, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*ARRAY_ADD(guest->notes, guest->n_notes) = format_clean(fmt, ap);
	va_end(ap);
}

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
					       .host = access->copies};
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
