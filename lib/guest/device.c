/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a name that fstab or a kernel command line uses to a file system of the image.  Device names
 * depend on the machine that boots the image; they are mapped by disk order and partition number,
 * whatever the driver's prefix is, because that is what they mean on a machine with these disks
 * alone.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/file.h"
#include "guest/guest.h"

enum { MAX_NUMBER = 4096 };

struct device {
	size_t disk;
	unsigned partition; /* 0: the whole disk */
};

/* A decimal number at *at, which moves on; false when there is none or it is large. */
static bool take_number(const char **at, unsigned *ret)
{
	unsigned value = 0;
	const char *s = *at;

	while (*s >= '0' && *s <= '9' && value <= MAX_NUMBER)
		value = value * 10 + (unsigned)(*s++ - '0');
	if (s == *at || value > MAX_NUMBER)
		return false;
	*at = s;
	*ret = value;
	return true;
}

static bool take_prefix(const char **at, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*at, prefix, len) != 0)
		return false;
	*at += len;
	return true;
}

/* "a" is 0, "z" 25, "aa" 26. */
static bool take_letters(const char **at, size_t *ret)
{
	size_t value = 0;
	const char *s = *at;

	while (*s >= 'a' && *s <= 'z' && value <= MAX_NUMBER)
		value = value * 26 + (size_t)(*s++ - 'a') + 1;
	if (s == *at || value > MAX_NUMBER)
		return false;
	*at = s;
	*ret = value - 1;
	return true;
}

/* "sdb2", "vda", "xvda1", "hdc1" */
static bool parse_lettered(const char *name, struct device *ret)
{
	struct device device = {0};

	if (!take_prefix(&name, "xvd") && !take_prefix(&name, "sd") && !take_prefix(&name, "vd") &&
	    !take_prefix(&name, "hd"))
		return false;
	if (!take_letters(&name, &device.disk))
		return false;
	if (*name && !take_number(&name, &device.partition))
		return false;
	*ret = device;
	return *name == '\0';
}

/* "nvme0n1p2", "mmcblk0p1" */
static bool parse_numbered(const char *name, struct device *ret)
{
	struct device device = {0};
	unsigned disk, namespace;

	if (take_prefix(&name, "nvme")) {
		if (!take_number(&name, &disk) || !take_prefix(&name, "n") ||
		    !take_number(&name, &namespace) || namespace != 1)
			return false;
	} else if (!take_prefix(&name, "mmcblk") || !take_number(&name, &disk)) {
		return false;
	}
	device.disk = disk;
	if (*name && (!take_prefix(&name, "p") || !take_number(&name, &device.partition)))
		return false;
	*ret = device;
	return *name == '\0';
}

/* "by-id/..." and "by-path/..." name a disk of some machine; with one disk it can only be that. */
static bool parse_by_hardware(const struct guest *guest, const char *name, struct device *ret)
{
	struct device device = {0};
	const char *part = strrchr(name, '-');

	if (guest->n_disks != 1)
		return false;
	if (part && take_prefix(&part, "-part") &&
	    (!take_number(&part, &device.partition) || *part))
		return false;
	*ret = device;
	return true;
}

static bool parse_device(const struct guest *guest, const char *path, struct device *ret)
{
	if (take_prefix(&path, "/dev/disk/by-id/") || take_prefix(&path, "/dev/disk/by-path/"))
		return parse_by_hardware(guest, path, ret);
	return take_prefix(&path, "/dev/") &&
	       (parse_lettered(path, ret) || parse_numbered(path, ret));
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* udev writes a byte that a file name should not have as \xHH. */
static char *undo_udev(const char *s)
{
	CLEANUP_BUFFER struct buffer text = {0};

	buffer_puts(&text, "");
	while (*s) {
		int high = s[0] == '\\' && s[1] == 'x' ? hex_value(s[2]) : -1;
		int low = high >= 0 ? hex_value(s[3]) : -1;

		if (low >= 0 && (high || low)) {
			buffer_putc(&text, (char)(high << 4 | low));
			s += 4;
		} else {
			buffer_putc(&text, *s++);
		}
	}
	return buffer_steal(&text);
}

enum tag { TAG_UUID, TAG_LABEL, TAG_PARTUUID, TAG_PARTLABEL, N_TAGS };

struct tagged {
	const char *source; /* as it was spelled */
	enum tag tag;
	const char *value;
};

static bool filesystem_has(const struct guest_filesystem *fs, enum tag tag, const char *value)
{
	const char *const own[N_TAGS] = {fs->uuid, fs->label, fs->partuuid, fs->partlabel};

	if (!own[tag] || !*own[tag])
		return false;
	return tag == TAG_UUID || tag == TAG_PARTUUID ? strcasecmp(own[tag], value) == 0
						      : strcmp(own[tag], value) == 0;
}

char *guest_filesystem_place(const struct guest_filesystem *fs)
{
	if (fs->volume)
		return xasprintf("volume %s/%s", fs->volume->group, fs->volume->name);
	if (fs->partition == 0)
		return xasprintf("disk %zu", fs->disk + 1);
	return xasprintf("partition %u of disk %zu", fs->partition, fs->disk + 1);
}

static int set_ambiguous(const char *source, const struct guest_filesystem *a,
			 const struct guest_filesystem *b, struct error *err)
{
	CLEANUP_FREE char *first = guest_filesystem_place(a), *second = guest_filesystem_place(b);

	return error_set(err, ERROR_IMAGE,
			 "%s is carried by %s and by %s, so that a guest cannot tell them apart; "
			 "give one of them another",
			 source, first, second);
}

bool guest_is_firmwares(const char *mountpoint)
{
	return path_is_below(mountpoint, "/efi") || path_is_below(mountpoint, "/boot/efi");
}

bool guest_filesystem_same(const struct guest_filesystem *a, const struct guest_filesystem *b)
{
	if (a->volume || b->volume)
		return a->volume && b->volume && strcmp(a->volume->uuid, b->volume->uuid) == 0;
	return a->disk == b->disk && a->partition == b->partition && a->offset == b->offset;
}

/* Another tree of a file system that has an entry already? */
static bool is_again(const struct guest *guest, size_t index)
{
	for (size_t i = 0; guest->filesystems[index].copied && i < index; i++)
		if (guest_filesystem_same(&guest->filesystems[i], &guest->filesystems[index]))
			return true;
	return false;
}

static int find_by_tag(const struct guest *guest, const struct tagged *wanted, size_t *ret,
		       struct error *err)
{
	const struct guest_filesystem *found = NULL;

	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];

		if (is_again(guest, i) || !filesystem_has(fs, wanted->tag, wanted->value))
			continue;
		if (found)
			return set_ambiguous(wanted->source, found, fs, err);
		found = fs;
	}
	if (!found)
		return 0;
	*ret = (size_t)(found - guest->filesystems);
	return 1;
}

static int find_by_node(const struct guest *guest, const char *path, size_t *ret)
{
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_volume *volume = guest->filesystems[i].volume;

		for (size_t j = 0; volume && j < volume->n_nodes; j++)
			if (strcmp(volume->nodes[j], path) == 0) {
				*ret = i;
				return 1;
			}
	}
	return 0;
}

static int find_by_device(const struct guest *guest, const char *path, size_t *ret)
{
	struct device device;

	if (find_by_node(guest, path, ret))
		return 1;
	if (!parse_device(guest, path, &device))
		return 0;
	for (size_t i = 0; i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];

		if (!fs->volume && fs->disk == device.disk && fs->partition == device.partition) {
			*ret = i;
			return 1;
		}
	}
	return 0;
}

/* Which tag `source` uses; *at then stands behind it. */
static bool take_tag(const char **at, enum tag *ret)
{
	static const struct {
		const char *prefix;
		enum tag tag;
	} tags[] = {
		{"UUID=", TAG_UUID},
		{"LABEL=", TAG_LABEL},
		{"PARTUUID=", TAG_PARTUUID},
		{"PARTLABEL=", TAG_PARTLABEL},
		{"/dev/disk/by-uuid/", TAG_UUID},
		{"/dev/disk/by-label/", TAG_LABEL},
		{"/dev/disk/by-partuuid/", TAG_PARTUUID},
		{"/dev/disk/by-partlabel/", TAG_PARTLABEL},
	};

	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (take_prefix(at, tags[i].prefix)) {
			*ret = tags[i].tag;
			return true;
		}
	return false;
}

static char *unquote(const char *value)
{
	size_t len = strlen(value);

	if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value)
		return xstrndup(value + 1, len - 2);
	return xstrdup(value);
}

int guest_find_filesystem(const struct guest *guest, const char *source, size_t *ret_index,
			  struct error *err)
{
	struct tagged wanted = {.source = source, .value = source};
	CLEANUP_FREE char *value = NULL;

	if (!take_tag(&wanted.value, &wanted.tag))
		return find_by_device(guest, source, ret_index);
	value = *source == '/' ? undo_udev(wanted.value) : unquote(wanted.value);
	wanted.value = value;
	return find_by_tag(guest, &wanted, ret_index, err);
}

const struct guest_filesystem *guest_filesystem_at(const struct guest *guest,
						   const char *mountpoint)
{
	for (size_t i = 0; i < guest->n_filesystems; i++)
		if (guest->filesystems[i].mounted &&
		    strcmp(guest->filesystems[i].mountpoint, mountpoint) == 0)
			return &guest->filesystems[i];
	return NULL;
}
