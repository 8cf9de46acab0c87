/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest as JSON (docs/guest.schema.json).  What the guest says may be any bytes, hence
 * json_bytes. */
#include "guest/guest_json.h"

const char *const machine_id_names[MACHINE_ID_SET + 1] = {
	[MACHINE_ID_MISSING] = "missing",
	[MACHINE_ID_EMPTY] = "empty",
	[MACHINE_ID_UNINITIALIZED] = "uninitialized",
	[MACHINE_ID_SET] = "set",
};

static json_t *disk_to_json(const struct guest_disk *disk)
{
	json_t *object = json_object();

	json_put_string(object, "format", disk->format);
	json_put_u64(object, "virtual_size", disk->virtual_size);
	json_put_u64(object, "chain_length", disk->chain_length);
	json_put_string(object, "partition_scheme", disk->partition_scheme);
	json_put_string(object, "partition_table_id", disk->partition_table_id);
	json_put_bool(object, "boot_code", disk->boot_code);
	return object;
}

static json_t *space_to_json(const struct fs_space *space)
{
	json_t *object = json_object();

	json_put_u64(object, "block_size", space->block_size);
	json_put_u64(object, "free_bytes", space->free_bytes);
	json_put_u64(object, "total_bytes", space->total_bytes);
	json_put_u64(object, "free_inodes", space->free_inodes);
	json_put_u64(object, "total_inodes", space->total_inodes);
	return object;
}

static json_t *members_to_json(const struct guest_volume *volume)
{
	json_t *array = json_array();

	for (size_t i = 0; i < volume->n_members; i++) {
		json_t *object = json_object();

		json_put_u64(object, "disk", volume->members[i].disk);
		json_put_u64(object, "partition", volume->members[i].partition);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *segments_to_json(const struct guest_volume *volume)
{
	json_t *array = json_array();

	for (size_t i = 0; i < volume->n_segments; i++) {
		json_t *object = json_object();

		json_put_u64(object, "disk", volume->segments[i].disk);
		json_put_u64(object, "offset", volume->segments[i].offset);
		json_put_u64(object, "size", volume->segments[i].size);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *volume_to_json(const struct guest_volume *volume)
{
	json_t *object;

	if (!volume)
		return json_null();
	object = json_object();
	json_put_string(object, "manager", volume->manager);
	json_put_string(object, "group", volume->group);
	json_put_string(object, "group_uuid", volume->group_uuid);
	json_put_string(object, "name", volume->name);
	json_put_string(object, "uuid", volume->uuid);
	json_put(object, "nodes", json_strings(volume->nodes, volume->n_nodes));
	json_put_string(object, "grub", volume->grub);
	json_put(object, "members", members_to_json(volume));
	json_put(object, "segments", segments_to_json(volume));
	return object;
}

static json_t *filesystem_to_json(const struct guest_filesystem *fs)
{
	json_t *object = json_object();

	json_put_u64(object, "disk", fs->disk);
	json_put_u64(object, "partition", fs->partition);
	json_put_u64(object, "offset", fs->offset);
	json_put_u64(object, "size", fs->size);
	json_put(object, "volume", volume_to_json(fs->volume));
	json_put_bytes(object, "partition_type", fs->partition_type);
	json_put_bytes(object, "partuuid", fs->partuuid);
	json_put_bytes(object, "partlabel", fs->partlabel);
	json_put_bytes(object, "type", fs->type);
	json_put_bytes(object, "uuid", fs->uuid);
	json_put_bytes(object, "label", fs->label);
	json_put_bytes(object, "features", fs->features);
	json_put_bool(object, "readable", fs->readable);
	json_put_bool(object, "writable", fs->writable);
	json_put_bool(object, "copied", fs->copied);
	json_put_bytes(object, "part", fs->part);
	json_put_bytes(object, "why_not", fs->why_not);
	json_put(object, "space", space_to_json(&fs->space));
	json_put_bytes(object, "mountpoint", fs->mountpoint);
	json_put_bool(object, "mounted", fs->mounted);
	json_put_bytes(object, "mount_options", fs->mount_options);
	json_put_bytes(object, "mount_source", fs->mount_source);
	return object;
}

static json_t *os_to_json(const struct guest_os *os)
{
	json_t *object = json_object();

	json_put_bytes(object, "id", os->id);
	json_put_bytes(object, "id_like", os->id_like);
	json_put_bytes(object, "version_id", os->version_id);
	json_put_bytes(object, "codename", os->codename);
	json_put_bytes(object, "pretty_name", os->pretty_name);
	json_put_string(object, "end_of_life", os->end_of_life);
	json_put_string(object, "end_of_life_of", os->end_of_life_of);
	json_put_string(object, "architecture", os->architecture);
	return object;
}

static json_t *identity_to_json(const struct guest_identity *identity)
{
	json_t *object = json_object();

	json_put_bytes(object, "hostname", identity->hostname);
	json_put_string(object, "machine_id", machine_id_names[identity->machine_id]);
	json_put_u64(object, "ssh_host_keys", identity->n_ssh_host_keys);
	json_put_bool(object, "random_seed", identity->random_seed);
	return object;
}

static json_t *kernel_to_json(const struct guest_kernel *kernel)
{
	json_t *object = json_object();

	json_put_bytes(object, "version", kernel->version);
	json_put_bytes(object, "image", kernel->image);
	json_put_bytes(object, "initramfs", kernel->initramfs);
	json_put_bool(object, "modules", kernel->modules);
	json_put_bool(object, "entry", kernel->entry);
	return object;
}

static json_t *boot_to_json(const struct guest_boot *boot)
{
	json_t *object = json_object(), *kernels = json_array();

	for (size_t i = 0; i < boot->n_kernels; i++)
		json_array_append_new(kernels, kernel_to_json(&boot->kernels[i]));
	json_put_string(object, "loader", boot->loader);
	json_put_string(object, "firmware", boot->firmware);
	json_put_bool(object, "elsewhere", boot->elsewhere);
	json_put_bytes(object, "default_kernel", boot->default_kernel);
	json_put_bytes(object, "default_root", boot->default_root);
	json_put_bytes(object, "default_options", boot->default_options);
	json_put(object, "kernels", kernels);
	json_put(object, "missing", json_strings(boot->missing, boot->n_missing));
	return object;
}

static json_t *installed_to_json(const struct guest_packages *packages)
{
	json_t *array = json_array();

	for (size_t i = 0; i < packages->n_installed; i++) {
		const struct guest_package *package = &packages->installed[i];
		json_t *object = json_object();

		json_put_bytes(object, "name", package->name);
		json_put_bytes(object, "architecture", package->architecture);
		json_put_bytes(object, "version", package->version);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *packages_to_json(const struct guest_packages *packages)
{
	json_t *object = json_object();

	json_put_string(object, "family", packages->family);
	json_put_bytes(object, "architecture", packages->architecture);
	json_put(object, "foreign_architectures",
		 json_strings(packages->foreign_architectures, packages->n_foreign_architectures));
	json_put(object, "installed", installed_to_json(packages));
	json_put(object, "broken", json_strings(packages->broken, packages->n_broken));
	json_put(object, "held", json_strings(packages->held, packages->n_held));
	json_put_digest(object, "state", &packages->state);
	return object;
}

static json_t *blockers_to_json(const struct guest *guest)
{
	json_t *array = json_array();

	for (size_t i = 0; i < guest->n_blockers; i++) {
		json_t *object = json_object();

		json_put_string(object, "code", guest->blockers[i].code);
		json_put_bytes(object, "msg", guest->blockers[i].msg);
		json_array_append_new(array, object);
	}
	return array;
}

json_t *guest_to_json(const struct guest *guest)
{
	json_t *object = json_object(), *disks = json_array(), *filesystems = json_array();

	for (size_t i = 0; i < guest->n_disks; i++)
		json_array_append_new(disks, disk_to_json(&guest->disks[i]));
	for (size_t i = 0; i < guest->n_filesystems; i++)
		json_array_append_new(filesystems, filesystem_to_json(&guest->filesystems[i]));
	json_put(object, "disks", disks);
	json_put(object, "filesystems", filesystems);
	json_put(object, "os", os_to_json(&guest->os));
	json_put(object, "identity", identity_to_json(&guest->identity));
	json_put(object, "boot", boot_to_json(&guest->boot));
	json_put(object, "packages", packages_to_json(&guest->packages));
	json_put(object, "blockers", blockers_to_json(guest));
	json_put(object, "notes", json_strings(guest->notes, guest->n_notes));
	return object;
}
