/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "volume.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_TRIES = 120 };

static int read_one(struct json_reader *item, void *opaque)
{
	struct volumes *volumes = opaque;
	struct guest *guest = volumes->guest;
	size_t n_devices = guest->n_filesystems, n_types = guest->n_filesystems;
	struct guest_filesystem *fs = ARRAY_ADD(guest->filesystems, guest->n_filesystems);
	char **device = ARRAY_ADD(volumes->devices, n_devices);
	struct volume_type *type = ARRAY_ADD(volumes->types, n_types);
	uint64_t disk = 0, partition = 0;

	json_get_string(item, "device", device);
	json_get_u64(item, "disk", &disk);
	json_get_u64(item, "partition", &partition);
	json_get_string(item, "type", &fs->type);
	json_get_nullable_bytes(item, "uuid", &fs->uuid);
	json_get_nullable_bytes(item, "label", &fs->label);
	json_get_nullable_bytes(item, "partuuid", &fs->partuuid);
	json_get_nullable_bytes(item, "partlabel", &fs->partlabel);
	json_get_string(item, "options", &type->options);
	json_get_optional_string(item, "part_option", &type->part_option);
	json_get_strings(item, "root_parts", &type->root_parts, &type->n_root_parts);
	json_get_strings(item, "aliases", &type->aliases, &type->n_aliases);
	json_get_bool(item, "limited", &type->limited);
	/* the guest's names for a volume, whose group and name are told of nowhere here */
	fs->volume = xcalloc(1, sizeof *fs->volume);
	json_get_strings(item, "nodes", &fs->volume->nodes, &fs->volume->n_nodes);
	if (fs->volume->n_nodes == 0)
		free(steal(fs->volume));
	else
		fs->volume->group = fs->volume->name = (char *)(uintptr_t) "";
	fs->disk = (size_t)disk;
	fs->partition = (unsigned)partition;
	return json_reader_result(item);
}

int volumes_read(const json_t *job, struct volumes *ret, struct error *err)
{
	struct json_reader reader = {job, "the job", ERROR_BUG, err, false};

	ret->guest = xcalloc(1, sizeof *ret->guest);
	return json_get_items(&reader, "volumes", read_one, ret);
}

void volumes_free(struct volumes *volumes)
{
	for (size_t i = 0; volumes->guest && i < volumes->guest->n_filesystems; i++) {
		struct guest_filesystem *fs = &volumes->guest->filesystems[i];
		struct volume_type *type = &volumes->types[i];

		free(fs->type);
		free(fs->uuid);
		free(fs->label);
		free(fs->partuuid);
		free(fs->partlabel);
		free(type->options);
		free(type->part_option);
		strings_free(type->root_parts, type->n_root_parts);
		strings_free(type->aliases, type->n_aliases);
		if (fs->volume)
			strings_free(fs->volume->nodes, fs->volume->n_nodes);
		free(fs->volume);
		free(volumes->devices[i]);
	}
	if (volumes->guest)
		free(volumes->guest->filesystems);
	free(volumes->guest);
	free(volumes->devices);
	free(volumes->types);
}

/* The appliance's own services may not have named a disk yet, or still look at it. */
static int mount_patiently(const char *device, const char *target, const char *type,
			   unsigned long flags, const char *options)
{
	for (unsigned tries = 0;; tries++) {
		if (mount(device, target, type, flags, options) == 0)
			return 0;
		if ((errno != EBUSY && access(device, F_OK) == 0) || tries == BUSY_TRIES)
			return -1;
		sleep(1);
	}
}

int volume_mount(const struct volumes *volumes, size_t volume, const char *part, bool writable,
		 const char *target, struct error *err)
{
	const struct volume_type *type = &volumes->types[volume];
	const struct guest_filesystem *fs = &volumes->guest->filesystems[volume];
	CLEANUP_FREE char *options = xstrdup(type->options);

	if (part) {
		char *with_part = xasprintf("%s%s%s%s", options, *options ? "," : "",
					    type->part_option, part);

		free(options);
		options = with_part;
	}
	if (mkdir(target, 0700) < 0 && errno != EEXIST)
		return error_os(err, ERROR_HOST, errno, "%s", target);
	if (mount_patiently(volumes->devices[volume], target, fs->type,
			    MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME |
				    (writable ? 0 : MS_RDONLY),
			    options) < 0)
		return error_os(err, ERROR_IMAGE, errno, "mount %s%s%s", fs->type, part ? " " : "",
				part ? part : "");
	return 0;
}

int volume_unmount(const char *target, struct error *err)
{
	return umount2(target, 0) < 0 ? error_os(err, ERROR_HOST, errno, "unmount %s", target) : 0;
}
