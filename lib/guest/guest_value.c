/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest as a value: what only has to do with one that was read is linked without what reads. */
#include <string.h>

#include "guest/guest.h"
#include "guest/volume.h"

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
