/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "image_options.h"

struct values {
	struct image_options image;
	bool packages;
};

enum { OPTION_PACKAGES = 1 };

static int option(void *opaque, int option)
{
	struct values *values = opaque;

	if (option != OPTION_PACKAGES)
		return image_option(&values->image, option);
	values->packages = true;
	return 0;
}

static void print_system(const json_t *guest)
{
	const json_t *os = json_object_get(guest, "os");
	const json_t *packages = json_object_get(guest, "packages");
	const json_t *identity = json_object_get(guest, "identity");

	printf("system        %s (%s), supported until %s\n", field(os, "pretty_name"),
	       field(os, "architecture"), field(os, "end_of_life"));
	printf("packages      %s, %zu installed, %zu not settled, %zu held\n",
	       field(packages, "family"), json_array_size(json_object_get(packages, "installed")),
	       json_array_size(json_object_get(packages, "broken")),
	       json_array_size(json_object_get(packages, "held")));
	printf("identity      host name %s, machine-id %s, %lld ssh host keys\n",
	       field(identity, "hostname"), field(identity, "machine_id"),
	       (long long)json_integer_value(json_object_get(identity, "ssh_host_keys")));
}

static void print_boot(const json_t *boot)
{
	const json_t *kernel;
	size_t i;

	printf("boot          %s, %s; default entry: kernel %s, root=%s\n", field(boot, "loader"),
	       field(boot, "firmware"), field(boot, "default_kernel"), field(boot, "default_root"));
	json_array_foreach(json_object_get(boot, "kernels"), i, kernel) printf(
		"kernel        %s%s%s%s\n", field(kernel, "version"),
		json_string_value(json_object_get(kernel, "initramfs")) ? "" : ", no initramfs",
		json_is_true(json_object_get(kernel, "modules")) ? "" : ", no modules",
		json_is_true(json_object_get(kernel, "entry")) ? "" : ", no boot entry");
}

static void print_filesystem(const json_t *fs)
{
	const json_t *space = json_object_get(fs, "space");
	const json_t *volume = json_object_get(fs, "volume");
	json_int_t total = json_integer_value(json_object_get(space, "total_bytes"));

	if (json_is_object(volume))
		printf("file system   volume %s/%s  ", field(volume, "group"),
		       field(volume, "name"));
	else
		printf("file system   disk %lld partition %lld  ",
		       (long long)json_integer_value(json_object_get(fs, "disk")),
		       (long long)json_integer_value(json_object_get(fs, "partition")));
	printf("%-8s %-10s", field(fs, "type"), field(fs, "mountpoint"));
	if (*field(fs, "mountpoint") && !json_is_true(json_object_get(fs, "mounted")))
		printf("  (not mounted)");
	if (total)
		printf("  %s of %s free",
		       human_size(json_integer_value(json_object_get(space, "free_bytes"))),
		       human_size(total));
	putchar('\n');
}

static void print_disks(const json_t *guest)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(guest, "disks"), i, item)
		printf("disk %zu        %s, %s, %s, chain of %lld\n", i, field(item, "format"),
		       human_size(json_integer_value(json_object_get(item, "virtual_size"))),
		       field(item, "partition_scheme"),
		       (long long)json_integer_value(json_object_get(item, "chain_length")));
	json_array_foreach(json_object_get(guest, "filesystems"), i, item) print_filesystem(item);
}

static void print_remarks(const json_t *guest)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json_object_get(guest, "packages"), "broken"), i, item)
		printf("not settled   %s\n", json_string_value(item));
	json_array_foreach(json_object_get(guest, "notes"), i, item)
		printf("note          %s\n", json_string_value(item));
	json_array_foreach(json_object_get(guest, "blockers"), i, item)
		printf("would stop    %s\n", field(item, "msg"));
}

static void print_packages(const json_t *guest)
{
	const json_t *packages = json_object_get(guest, "packages");
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(packages, "installed"), i, item)
		printf("%s %s %s\n", field(item, "name"), field(item, "version"),
		       field(item, "architecture"));
}

static void print_guest(const json_t *guest)
{
	print_system(guest);
	print_boot(json_object_get(guest, "boot"));
	print_disks(guest);
	print_remarks(guest);
}

static int run(struct coldpatch_session *session, const struct global *global, void *opaque, int n,
	       char **arguments)
{
	struct values *values = opaque;
	struct coldpatch_error err = {0};
	struct coldpatch_image image;
	char *text;
	json_t *guest;

	if (image_of_options(&values->image, n, arguments, &image) < 0)
		return usage_error(global, &command_inspect, "no image");
	if (coldpatch_image_inspect(session, &image, &text, &err) < 0)
		return tell_error(global, &err);
	guest = print_or_parse(global, text);
	if (!guest)
		return 0;
	if (values->packages)
		print_packages(guest);
	else
		print_guest(guest);
	json_decref(guest);
	return 0;
}

static const struct option options[] = {
	IMAGE_OPTIONS,
	{"packages", no_argument, NULL, OPTION_PACKAGES},
	{0},
};

const struct command command_inspect = {
	.name = "inspect",
	.synopsis = "[OPTIONS] IMAGE",
	.summary = "Tell what an image is and what would stop patching it",
	.help = "  --packages       only the installed packages: NAME VERSION "
		"ARCHITECTURE\n" IMAGE_OPTIONS_HELP,
	.options = options,
	.option = option,
	.values_size = sizeof(struct values),
	.run = run,
};
