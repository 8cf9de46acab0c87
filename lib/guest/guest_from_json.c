/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading checks a guest as a value from another process is checked: types, enumerations,
 * indexes. */
#include <string.h>

#include "guest/guest_json.h"

/* For a member that the parent's reader gave; NULL when it failed. */
static struct json_reader reader_of(const json_t *object, const char *what, struct error *err)
{
	return (struct json_reader){.object = object,
				    .what = what,
				    .kind = ERROR_BUG,
				    .err = err,
				    .failed = object == NULL};
}

static int set_wrong(const char *what, struct error *err)
{
	return error_set(err, ERROR_BUG, "guest: member %s is not as the schema says", what);
}

static void get_size(struct json_reader *reader, const char *name, size_t *ret)
{
	uint64_t value = *ret;

	json_get_u64(reader, name, &value);
	*ret = value;
}

static int disk_from_json(struct json_reader *reader, void *opaque)
{
	struct guest *guest = opaque;
	struct guest_disk *disk = ARRAY_ADD(guest->disks, guest->n_disks);

	reader->what = "guest: disk";
	json_get_string(reader, "format", &disk->format);
	json_get_u64(reader, "virtual_size", &disk->virtual_size);
	get_size(reader, "chain_length", &disk->chain_length);
	json_get_string(reader, "partition_scheme", &disk->partition_scheme);
	json_get_optional_string(reader, "partition_table_id", &disk->partition_table_id);
	json_get_bool(reader, "boot_code", &disk->boot_code);
	return json_reader_result(reader);
}

static int space_from_json(struct json_reader *parent, struct fs_space *space)
{
	struct json_reader reader = reader_of(json_get_object(parent, "space"),
					      "guest: space of a file system", parent->err);

	json_get_u64(&reader, "block_size", &space->block_size);
	json_get_u64(&reader, "free_bytes", &space->free_bytes);
	json_get_u64(&reader, "total_bytes", &space->total_bytes);
	json_get_u64(&reader, "free_inodes", &space->free_inodes);
	json_get_u64(&reader, "total_inodes", &space->total_inodes);
	return json_reader_result(&reader);
}

static void mount_from_json(struct json_reader *reader, struct guest_filesystem *fs)
{
	json_get_nullable_bytes(reader, "mountpoint", &fs->mountpoint);
	json_get_bool(reader, "mounted", &fs->mounted);
	json_get_nullable_bytes(reader, "mount_options", &fs->mount_options);
	json_get_nullable_bytes(reader, "mount_source", &fs->mount_source);
}

static int member_from_json(struct json_reader *reader, void *opaque)
{
	struct guest_volume *volume = opaque;
	struct guest_member *member = ARRAY_ADD(volume->members, volume->n_members);
	size_t partition = 0;

	reader->what = "guest: member of a volume";
	get_size(reader, "disk", &member->disk);
	get_size(reader, "partition", &partition);
	member->partition = (unsigned)partition;
	return json_reader_result(reader);
}

static int segment_from_json(struct json_reader *reader, void *opaque)
{
	struct guest_volume *volume = opaque;
	struct guest_segment *segment = ARRAY_ADD(volume->segments, volume->n_segments);

	reader->what = "guest: segment of a volume";
	get_size(reader, "disk", &segment->disk);
	json_get_u64(reader, "offset", &segment->offset);
	json_get_u64(reader, "size", &segment->size);
	return json_reader_result(reader);
}

static bool volume_fits(const struct guest_volume *volume, size_t n_disks)
{
	bool fits = volume->n_nodes > 0 && volume->n_members > 0;

	for (size_t i = 0; i < volume->n_members; i++)
		fits &= volume->members[i].disk < n_disks;
	for (size_t i = 0; i < volume->n_segments; i++)
		fits &= volume->segments[i].disk < n_disks;
	return fits;
}

static int volume_from_json(struct json_reader *parent, size_t n_disks, struct guest_filesystem *fs)
{
	const json_t *json = json_object_get(parent->object, "volume");
	struct guest_volume *volume;
	struct json_reader reader;

	if (json_is_null(json))
		return 0;
	reader = reader_of(json_get_object(parent, "volume"), "guest: volume", parent->err);
	fs->volume = volume = xcalloc(1, sizeof *volume);
	json_get_string(&reader, "manager", &volume->manager);
	json_get_string(&reader, "group", &volume->group);
	json_get_string(&reader, "group_uuid", &volume->group_uuid);
	json_get_string(&reader, "name", &volume->name);
	json_get_string(&reader, "uuid", &volume->uuid);
	json_get_strings(&reader, "nodes", &volume->nodes, &volume->n_nodes);
	json_get_string(&reader, "grub", &volume->grub);
	json_get_items(&reader, "members", member_from_json, volume);
	json_get_items(&reader, "segments", segment_from_json, volume);
	if (json_reader_result(&reader) < 0)
		return -1;
	return volume_fits(volume, n_disks) ? 0 : set_wrong("volume", parent->err);
}

static int filesystem_from_json(struct json_reader *reader, void *opaque)
{
	struct guest *guest = opaque;
	struct guest_filesystem *fs = ARRAY_ADD(guest->filesystems, guest->n_filesystems);
	size_t partition = 0;

	reader->what = "guest: file system";
	get_size(reader, "disk", &fs->disk);
	get_size(reader, "partition", &partition);
	fs->partition = (unsigned)partition;
	json_get_u64(reader, "offset", &fs->offset);
	json_get_u64(reader, "size", &fs->size);
	json_get_nullable_bytes(reader, "partition_type", &fs->partition_type);
	json_get_nullable_bytes(reader, "partuuid", &fs->partuuid);
	json_get_nullable_bytes(reader, "partlabel", &fs->partlabel);
	json_get_nullable_bytes(reader, "type", &fs->type);
	json_get_nullable_bytes(reader, "uuid", &fs->uuid);
	json_get_nullable_bytes(reader, "label", &fs->label);
	json_get_nullable_bytes(reader, "features", &fs->features);
	json_get_bool(reader, "readable", &fs->readable);
	json_get_bool(reader, "writable", &fs->writable);
	json_get_bool(reader, "copied", &fs->copied);
	json_get_nullable_bytes(reader, "part", &fs->part);
	json_get_nullable_bytes(reader, "why_not", &fs->why_not);
	mount_from_json(reader, fs);
	if (json_reader_result(reader) < 0 || space_from_json(reader, &fs->space) < 0 ||
	    volume_from_json(reader, guest->n_disks, fs) < 0)
		return -1;
	return fs->disk < guest->n_disks && (!fs->mounted || fs->mountpoint)
		       ? 0
		       : set_wrong("filesystems", reader->err);
}

static int os_from_json(struct json_reader *parent, struct guest_os *os)
{
	struct json_reader reader =
		reader_of(json_get_object(parent, "os"), "guest: os", parent->err);

	json_get_nullable_bytes(&reader, "id", &os->id);
	json_get_nullable_bytes(&reader, "id_like", &os->id_like);
	json_get_nullable_bytes(&reader, "version_id", &os->version_id);
	json_get_nullable_bytes(&reader, "codename", &os->codename);
	json_get_nullable_bytes(&reader, "pretty_name", &os->pretty_name);
	json_get_optional_string(&reader, "end_of_life", &os->end_of_life);
	json_get_optional_string(&reader, "end_of_life_of", &os->end_of_life_of);
	json_get_optional_string(&reader, "architecture", &os->architecture);
	return json_reader_result(&reader);
}

static int identity_from_json(struct json_reader *parent, struct guest_identity *identity)
{
	struct json_reader reader =
		reader_of(json_get_object(parent, "identity"), "guest: identity", parent->err);
	CLEANUP_FREE char *state = NULL;

	json_get_nullable_bytes(&reader, "hostname", &identity->hostname);
	json_get_string(&reader, "machine_id", &state);
	get_size(&reader, "ssh_host_keys", &identity->n_ssh_host_keys);
	json_get_bool(&reader, "random_seed", &identity->random_seed);
	if (json_reader_result(&reader) < 0)
		return -1;
	for (size_t i = 0; i <= MACHINE_ID_SET; i++)
		if (strcmp(machine_id_names[i], state) == 0) {
			identity->machine_id = (enum machine_id_state)i;
			return 0;
		}
	return set_wrong("machine_id", parent->err);
}

static int kernel_from_json(struct json_reader *reader, void *opaque)
{
	struct guest *guest = opaque;
	struct guest_kernel *kernel = ARRAY_ADD(guest->boot.kernels, guest->boot.n_kernels);

	reader->what = "guest: kernel";
	json_get_bytes(reader, "version", &kernel->version);
	json_get_nullable_bytes(reader, "image", &kernel->image);
	json_get_nullable_bytes(reader, "initramfs", &kernel->initramfs);
	json_get_bool(reader, "modules", &kernel->modules);
	json_get_bool(reader, "entry", &kernel->entry);
	return json_reader_result(reader);
}

static int boot_from_json(struct json_reader *parent, struct guest *guest)
{
	struct guest_boot *boot = &guest->boot;
	struct json_reader reader =
		reader_of(json_get_object(parent, "boot"), "guest: boot", parent->err);

	json_get_optional_string(&reader, "loader", &boot->loader);
	json_get_optional_string(&reader, "firmware", &boot->firmware);
	json_get_bool(&reader, "elsewhere", &boot->elsewhere);
	json_get_nullable_bytes(&reader, "default_kernel", &boot->default_kernel);
	json_get_nullable_bytes(&reader, "default_root", &boot->default_root);
	json_get_nullable_bytes(&reader, "default_options", &boot->default_options);
	json_get_items(&reader, "kernels", kernel_from_json, guest);
	json_get_strings(&reader, "missing", &boot->missing, &boot->n_missing);
	return json_reader_result(&reader);
}

static int package_from_json(struct json_reader *reader, void *opaque)
{
	struct guest *guest = opaque;
	struct guest_package *package =
		ARRAY_ADD(guest->packages.installed, guest->packages.n_installed);

	reader->what = "guest: package";
	json_get_bytes(reader, "name", &package->name);
	json_get_bytes(reader, "architecture", &package->architecture);
	json_get_bytes(reader, "version", &package->version);
	return json_reader_result(reader);
}

static int packages_from_json(struct json_reader *parent, struct guest *guest)
{
	struct guest_packages *packages = &guest->packages;
	struct json_reader reader =
		reader_of(json_get_object(parent, "packages"), "guest: packages", parent->err);

	json_get_optional_string(&reader, "family", &packages->family);
	json_get_nullable_bytes(&reader, "architecture", &packages->architecture);
	json_get_digest(&reader, "state", &packages->state);
	json_get_items(&reader, "installed", package_from_json, guest);
	json_get_strings(&reader, "foreign_architectures", &packages->foreign_architectures,
			 &packages->n_foreign_architectures);
	json_get_strings(&reader, "broken", &packages->broken, &packages->n_broken);
	json_get_strings(&reader, "held", &packages->held, &packages->n_held);
	return json_reader_result(&reader);
}

static int blocker_from_json(struct json_reader *reader, void *opaque)
{
	struct guest *guest = opaque;
	struct guest_blocker *blocker = ARRAY_ADD(guest->blockers, guest->n_blockers);

	reader->what = "guest: blocker";
	json_get_string(reader, "code", &blocker->code);
	json_get_bytes(reader, "msg", &blocker->msg);
	return json_reader_result(reader);
}

struct guest *guest_from_json(const json_t *json, struct error *err)
{
	CLEANUP(guest_free)
	struct guest *guest = xcalloc(1, sizeof *guest);
	struct json_reader reader = {
		.object = json, .what = "guest", .kind = ERROR_BUG, .err = err};

	if (json_get_items(&reader, "disks", disk_from_json, guest) < 0 ||
	    json_get_items(&reader, "filesystems", filesystem_from_json, guest) < 0 ||
	    os_from_json(&reader, &guest->os) < 0 ||
	    identity_from_json(&reader, &guest->identity) < 0 ||
	    boot_from_json(&reader, guest) < 0 || packages_from_json(&reader, guest) < 0 ||
	    json_get_items(&reader, "blockers", blocker_from_json, guest) < 0)
		return NULL;
	json_get_strings(&reader, "notes", &guest->notes, &guest->n_notes);
	return json_reader_result(&reader) < 0 ? NULL : steal(guest);
}
