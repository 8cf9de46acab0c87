/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest as JSON (docs/guest.schema.json).  What the guest says may be any bytes, hence
 * json_bytes. Reading checks it as a value from another process is checked: types, enumerations,
 * indexes.
 */
#include <string.h>

#include "guest/guest.h"

enum { MAX_ITEMS = GUEST_MAX_PACKAGES };

static const char *const machine_id_names[] = {
	[MACHINE_ID_MISSING] = "missing",
	[MACHINE_ID_EMPTY] = "empty",
	[MACHINE_ID_UNINITIALIZED] = "uninitialized",
	[MACHINE_ID_SET] = "set",
};

static json_t *strings_to_json(char *const *strings, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_bytes(strings[i]));
	return array;
}

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

static json_t *filesystem_to_json(const struct guest_filesystem *fs)
{
	json_t *object = json_object();

	json_put_u64(object, "disk", fs->disk);
	json_put_u64(object, "partition", fs->partition);
	json_put_u64(object, "offset", fs->offset);
	json_put_u64(object, "size", fs->size);
	json_put_bytes(object, "partition_type", fs->partition_type);
	json_put_bytes(object, "partuuid", fs->partuuid);
	json_put_bytes(object, "partlabel", fs->partlabel);
	json_put_bytes(object, "type", fs->type);
	json_put_bytes(object, "uuid", fs->uuid);
	json_put_bytes(object, "label", fs->label);
	json_put_bytes(object, "features", fs->features);
	json_put_bool(object, "readable", fs->readable);
	json_put_bool(object, "writable", fs->writable);
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
	json_put_bytes(object, "default_kernel", boot->default_kernel);
	json_put_bytes(object, "default_root", boot->default_root);
	json_put_bytes(object, "default_options", boot->default_options);
	json_put(object, "kernels", kernels);
	json_put(object, "missing", strings_to_json(boot->missing, boot->n_missing));
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
		 strings_to_json(packages->foreign_architectures,
				 packages->n_foreign_architectures));
	json_put(object, "installed", installed_to_json(packages));
	json_put(object, "broken", strings_to_json(packages->broken, packages->n_broken));
	json_put(object, "held", strings_to_json(packages->held, packages->n_held));
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
	json_put(object, "notes", strings_to_json(guest->notes, guest->n_notes));
	return object;
}

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

static void get_optional_bytes(struct json_reader *reader, const char *name, char **ret)
{
	if (reader->failed || !json_is_null(json_object_get(reader->object, name)))
		json_get_bytes(reader, name, ret);
}

static void get_size(struct json_reader *reader, const char *name, size_t *ret)
{
	uint64_t value = *ret;

	json_get_u64(reader, name, &value);
	*ret = value;
}

static int strings_from_json(struct json_reader *reader, const char *name, char ***ret,
			     size_t *ret_n)
{
	const json_t *array = json_get_array(reader, name);
	const json_t *item;
	size_t i;

	if (!array)
		return -1;
	if (json_array_size(array) > MAX_ITEMS)
		return set_wrong(name, reader->err);
	json_array_foreach(array, i, item)
	{
		CLEANUP_JSON json_t *object = json_object();
		struct json_reader one = reader_of(object, name, reader->err);

		json_object_set(object, "item", (json_t *)(uintptr_t)item);
		json_get_bytes(&one, "item", ARRAY_ADD(*ret, *ret_n));
		if (json_reader_result(&one) < 0)
			return -1;
	}
	return 0;
}

typedef int item_from_json(struct guest *guest, const json_t *item, struct error *err);

static int items_from_json(struct json_reader *reader, const char *name, item_from_json *each,
			   struct guest *guest)
{
	const json_t *array = json_get_array(reader, name);
	const json_t *item;
	size_t i;

	if (!array)
		return -1;
	if (json_array_size(array) > MAX_ITEMS)
		return set_wrong(name, reader->err);
	json_array_foreach(array, i,
			   item) if (!json_is_object(item) ||
				     each(guest, item, reader->err) < 0) return json_is_object(item)
		? -1
		: set_wrong(name, reader->err);
	return 0;
}

static int disk_from_json(struct guest *guest, const json_t *item, struct error *err)
{
	struct guest_disk *disk = ARRAY_ADD(guest->disks, guest->n_disks);
	struct json_reader reader = reader_of(item, "guest: disk", err);

	json_get_string(&reader, "format", &disk->format);
	json_get_u64(&reader, "virtual_size", &disk->virtual_size);
	get_size(&reader, "chain_length", &disk->chain_length);
	json_get_string(&reader, "partition_scheme", &disk->partition_scheme);
	json_get_optional_string(&reader, "partition_table_id", &disk->partition_table_id);
	json_get_bool(&reader, "boot_code", &disk->boot_code);
	return json_reader_result(&reader);
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
	get_optional_bytes(reader, "mountpoint", &fs->mountpoint);
	json_get_bool(reader, "mounted", &fs->mounted);
	get_optional_bytes(reader, "mount_options", &fs->mount_options);
	get_optional_bytes(reader, "mount_source", &fs->mount_source);
}

static int filesystem_from_json(struct guest *guest, const json_t *item, struct error *err)
{
	struct guest_filesystem *fs = ARRAY_ADD(guest->filesystems, guest->n_filesystems);
	struct json_reader reader = reader_of(item, "guest: file system", err);
	size_t partition = 0;

	get_size(&reader, "disk", &fs->disk);
	get_size(&reader, "partition", &partition);
	fs->partition = (unsigned)partition;
	json_get_u64(&reader, "offset", &fs->offset);
	json_get_u64(&reader, "size", &fs->size);
	get_optional_bytes(&reader, "partition_type", &fs->partition_type);
	get_optional_bytes(&reader, "partuuid", &fs->partuuid);
	get_optional_bytes(&reader, "partlabel", &fs->partlabel);
	get_optional_bytes(&reader, "type", &fs->type);
	get_optional_bytes(&reader, "uuid", &fs->uuid);
	get_optional_bytes(&reader, "label", &fs->label);
	get_optional_bytes(&reader, "features", &fs->features);
	json_get_bool(&reader, "readable", &fs->readable);
	json_get_bool(&reader, "writable", &fs->writable);
	get_optional_bytes(&reader, "why_not", &fs->why_not);
	mount_from_json(&reader, fs);
	if (json_reader_result(&reader) < 0 || space_from_json(&reader, &fs->space) < 0)
		return -1;
	return fs->disk < guest->n_disks && (!fs->mounted || fs->mountpoint)
		       ? 0
		       : set_wrong("filesystems", err);
}

static int os_from_json(struct json_reader *parent, struct guest_os *os)
{
	struct json_reader reader =
		reader_of(json_get_object(parent, "os"), "guest: os", parent->err);

	get_optional_bytes(&reader, "id", &os->id);
	get_optional_bytes(&reader, "id_like", &os->id_like);
	get_optional_bytes(&reader, "version_id", &os->version_id);
	get_optional_bytes(&reader, "codename", &os->codename);
	get_optional_bytes(&reader, "pretty_name", &os->pretty_name);
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

	get_optional_bytes(&reader, "hostname", &identity->hostname);
	json_get_string(&reader, "machine_id", &state);
	get_size(&reader, "ssh_host_keys", &identity->n_ssh_host_keys);
	json_get_bool(&reader, "random_seed", &identity->random_seed);
	if (json_reader_result(&reader) < 0)
		return -1;
	for (size_t i = 0; i < sizeof machine_id_names / sizeof *machine_id_names; i++)
		if (strcmp(machine_id_names[i], state) == 0) {
			identity->machine_id = (enum machine_id_state)i;
			return 0;
		}
	return set_wrong("machine_id", parent->err);
}

static int kernel_from_json(struct guest *guest, const json_t *item, struct error *err)
{
	struct guest_kernel *kernel = ARRAY_ADD(guest->boot.kernels, guest->boot.n_kernels);
	struct json_reader reader = reader_of(item, "guest: kernel", err);

	json_get_bytes(&reader, "version", &kernel->version);
	get_optional_bytes(&reader, "image", &kernel->image);
	get_optional_bytes(&reader, "initramfs", &kernel->initramfs);
	json_get_bool(&reader, "modules", &kernel->modules);
	json_get_bool(&reader, "entry", &kernel->entry);
	return json_reader_result(&reader);
}

static int boot_from_json(struct json_reader *parent, struct guest *guest)
{
	struct guest_boot *boot = &guest->boot;
	struct json_reader reader =
		reader_of(json_get_object(parent, "boot"), "guest: boot", parent->err);

	json_get_optional_string(&reader, "loader", &boot->loader);
	json_get_optional_string(&reader, "firmware", &boot->firmware);
	get_optional_bytes(&reader, "default_kernel", &boot->default_kernel);
	get_optional_bytes(&reader, "default_root", &boot->default_root);
	get_optional_bytes(&reader, "default_options", &boot->default_options);
	if (json_reader_result(&reader) < 0)
		return -1;
	if (items_from_json(&reader, "kernels", kernel_from_json, guest) < 0)
		return -1;
	return strings_from_json(&reader, "missing", &boot->missing, &boot->n_missing);
}

static int package_from_json(struct guest *guest, const json_t *item, struct error *err)
{
	struct guest_package *package =
		ARRAY_ADD(guest->packages.installed, guest->packages.n_installed);
	struct json_reader reader = reader_of(item, "guest: package", err);

	json_get_bytes(&reader, "name", &package->name);
	json_get_bytes(&reader, "architecture", &package->architecture);
	json_get_bytes(&reader, "version", &package->version);
	return json_reader_result(&reader);
}

static int packages_from_json(struct json_reader *parent, struct guest *guest)
{
	struct guest_packages *packages = &guest->packages;
	struct json_reader reader =
		reader_of(json_get_object(parent, "packages"), "guest: packages", parent->err);

	json_get_optional_string(&reader, "family", &packages->family);
	get_optional_bytes(&reader, "architecture", &packages->architecture);
	json_get_digest(&reader, "state", &packages->state);
	if (json_reader_result(&reader) < 0 ||
	    items_from_json(&reader, "installed", package_from_json, guest) < 0 ||
	    strings_from_json(&reader, "foreign_architectures", &packages->foreign_architectures,
			      &packages->n_foreign_architectures) < 0 ||
	    strings_from_json(&reader, "broken", &packages->broken, &packages->n_broken) < 0)
		return -1;
	return strings_from_json(&reader, "held", &packages->held, &packages->n_held);
}

static int blocker_from_json(struct guest *guest, const json_t *item, struct error *err)
{
	struct guest_blocker *blocker = ARRAY_ADD(guest->blockers, guest->n_blockers);
	struct json_reader reader = reader_of(item, "guest: blocker", err);

	json_get_string(&reader, "code", &blocker->code);
	json_get_bytes(&reader, "msg", &blocker->msg);
	return json_reader_result(&reader);
}

struct guest *guest_from_json(const json_t *json, struct error *err)
{
	CLEANUP(guest_free)
	struct guest *guest = xcalloc(1, sizeof *guest);
	struct json_reader reader = {
		.object = json, .what = "guest", .kind = ERROR_BUG, .err = err};

	if (items_from_json(&reader, "disks", disk_from_json, guest) < 0 ||
	    items_from_json(&reader, "filesystems", filesystem_from_json, guest) < 0 ||
	    os_from_json(&reader, &guest->os) < 0 ||
	    identity_from_json(&reader, &guest->identity) < 0 ||
	    boot_from_json(&reader, guest) < 0 || packages_from_json(&reader, guest) < 0 ||
	    items_from_json(&reader, "blockers", blocker_from_json, guest) < 0 ||
	    strings_from_json(&reader, "notes", &guest->notes, &guest->n_notes) < 0)
		return NULL;
	return steal(guest);
}
