/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/subject.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "boot/boot.h"
#include "commit/commit.h"
#include "session/strings.h"

enum { DISK_KEY_LIMIT = 8 << 20 }; /* as cryptsetup has it */

static json_t *file_identity(const struct image_file *file, const struct stat *st)
{
	json_t *identity = json_object();

	json_put_bytes(identity, "path", file->path);
	json_put_u64(identity, "device", st->st_dev);
	json_put_u64(identity, "inode", st->st_ino);
	json_put_u64(identity, "size", st->st_size);
	json_put_u64(identity, "mtime",
		     (uint64_t)st->st_mtim.tv_sec * 1000000000U + (uint64_t)st->st_mtim.tv_nsec);
	return identity;
}

json_t *subject_files(const struct subject *subject)
{
	json_t *files = json_array();

	for (size_t i = 0; i < subject->n_disks; i++)
		for (size_t j = 0; j < subject->images[i]->n_files; j++) {
			const struct image_file *file = &subject->images[i]->files[j];
			struct stat st = {0};

			fstat(file->fd, &st);
			json_array_append_new(files, file_identity(file, &st));
		}
	return files;
}

static int check_files(const struct subject *subject, const json_t *expected, struct error *err)
{
	CLEANUP_JSON json_t *found = subject_files(subject);

	if (!expected || json_equal(found, expected))
		return 0;
	return error_set(err, ERROR_BUSY, "%s: a file of the image changed while it was worked on",
			 subject->images[0]->files[0].path);
}

static int open_disks(struct subject *subject, const json_t *image, bool writable,
		      struct error *err)
{
	size_t n_backing;
	CLEANUP_FREE const char **backing =
		strings_of_json(json_object_get(image, "backing"), &n_backing);
	CLEANUP_FREE const char **disks =
		strings_of_json(json_object_get(image, "disks"), &subject->n_disks);
	struct image_options options = {.backing = backing, .n_backing = n_backing};

	subject->images = xcalloc(subject->n_disks, sizeof *subject->images);
	subject->blocks = xcalloc(subject->n_disks, sizeof *subject->blocks);
	subject->socket_dir = directory_make_temporary(
		json_string_value(json_object_get(image, "work_dir")), "nbd", err);
	if (!subject->socket_dir)
		return -1;
	for (size_t i = 0; i < subject->n_disks; i++) {
		options.directory =
			json_string_value(json_array_get(json_object_get(image, "directories"), i));
		subject->images[i] = image_open(disks[i], &options, err);
		if (!subject->images[i])
			return -1;
	}
	if (check_files(subject, json_object_get(image, "files"), err) < 0)
		return -1;
	for (size_t i = 0; i < subject->n_disks; i++) {
		subject->blocks[i] =
			image_attach(subject->images[i], writable, subject->socket_dir, err);
		if (!subject->blocks[i])
			return -1;
	}
	return 0;
}

/* The package database may be absent or unknown: that is a blocker, not a failure to look at the
 * image. */
static int read_packages(struct subject *subject, struct error *err)
{
	struct error problem = {0};

	subject->family = package_family_detect(subject->tree, &subject->guest->os, &problem);
	if (!subject->family && problem.kind == ERROR_IMAGE) {
		guest_add_blocker(subject->guest, "no-package-database", "%s", problem.msg);
		return 0;
	}
	if (!subject->family) {
		*err = problem;
		return -1;
	}
	return package_manager_of(subject->family)
		->read_state(subject->tree, subject->guest, &subject->state, err);
}

/* Copies are known by the files that they were made of. */
static char *identity_of(const json_t *files)
{
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	json_digest(files, &digest);
	digest_to_hex(&digest, hex);
	return xasprintf("%.16s", hex);
}

/* Without the two members there is no appliance. */
static bool describe_host(const json_t *image, const struct subject_options *options,
			  const char *identity, struct copies_host *ret)
{
	*ret = (struct copies_host){
		.work_dir = string_member(image, "work_dir"),
		.identity = identity,
		.runner = string_member(image, "runner"),
		.appliance_cache = string_member(image, "appliance_cache"),
		.may_launch = options->may_launch,
		.ret_wanted = options->ret_wanted,
		.monitor = options->monitor,
	};
	return *ret->runner && *ret->appliance_cache;
}

static struct passphrase *keys_of(const struct subject *subject)
{
	struct passphrase *keys = xcalloc(subject->n_keys + 1, sizeof *keys);

	for (size_t i = 0; i < subject->n_keys; i++)
		keys[i] = (struct passphrase){(const uint8_t *)subject->keys[i].data,
					      subject->keys[i].len};
	return keys;
}

static int read_keys(struct subject *subject, const json_t *image, struct error *err)
{
	size_t n;
	CLEANUP_FREE const char **paths = strings_of_json(json_object_get(image, "disk_keys"), &n);

	for (size_t i = 0; i < n; i++) {
		struct buffer *key = ARRAY_ADD(subject->keys, subject->n_keys);

		if (file_read_document(paths[i], DISK_KEY_LIMIT, ERROR_CONFIG, key, err) < 0)
			return error_prefix(err, "disk key");
		if (key->len == 0)
			return error_set(err, ERROR_CONFIG, "disk key %s: it is empty", paths[i]);
	}
	for (size_t i = 0; n && i < subject->n_disks; i++)
		subject->blocks[i] = clear_new(subject->blocks[i]);
	return 0;
}

/* `same` is NULL for an image that is read. */
static struct subject *open_guest(const json_t *image, const struct subject_options *options,
				  bool writable, const json_t *same, struct error *err)
{
	CLEANUP(subject_free)
	struct subject *subject = xcalloc(1, sizeof *subject);
	struct guest_access access = {
		.writable = writable,
		.firmware = json_is_true(json_object_get(image, "firmware")),
	};
	CLEANUP_JSON json_t *files = NULL;
	CLEANUP_FREE char *identity = NULL;
	CLEANUP_FREE struct passphrase *keys = NULL;
	struct copies_host host;

	if (open_disks(subject, image, writable, err) < 0 || read_keys(subject, image, err) < 0)
		return NULL;
	keys = keys_of(subject);
	access.keys = keys;
	access.n_keys = subject->n_keys;
	files = subject_files(subject);
	identity = identity_of(same ? same : files);
	if (describe_host(image, options, identity, &host))
		access.copies = &host;
	if (guest_open((const struct image *const *)subject->images, subject->blocks,
		       subject->n_disks, &access, &subject->guest, &subject->tree, err) < 0)
		return NULL;
	return steal(subject);
}

struct subject *subject_open_writable(const json_t *image, const json_t *same,
				      const struct monitor *monitor, struct error *err)
{
	const struct subject_options options = {.may_launch = true, .monitor = monitor};

	return open_guest(image, &options, true, same, err);
}

int subject_close_written(struct subject *subject, struct error *err)
{
	int result = 0;

	tree_free(steal(subject->tree));
	for (size_t i = 0; i < subject->n_disks && result == 0; i++)
		result = block_flush(subject->blocks[i], err);
	subject_free(subject);
	return result;
}

struct subject *subject_open(const json_t *image, const struct subject_options *options,
			     struct error *err)
{
	CLEANUP(subject_free)
	struct subject *subject = open_guest(image, options, false, NULL, err);

	if (!subject)
		return NULL;
	if (read_packages(subject, err) < 0)
		return NULL;
	if (boot_inspect(subject->tree, subject->family ? subject->family->spare_names : NULL,
			 subject->guest, err) < 0)
		return NULL;
	return steal(subject);
}

/* A file system that has several trees is checked once. */
static bool is_checked_already(const struct guest *guest, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (guest->filesystems[i].mounted &&
		    guest_filesystem_same(&guest->filesystems[i], &guest->filesystems[index]))
			return true;
	return false;
}

static bool is_checked(const struct subject *subject, size_t index, enum subject_checks checks)
{
	const struct guest_filesystem *fs = &subject->guest->filesystems[index];
	size_t mount;

	if (!fs->mounted || is_checked_already(subject->guest, index))
		return false;
	if (checks == SUBJECT_CHECK_ALL || (checks == SUBJECT_CHECK_SETTLED && !fs->copied))
		return true;
	mount = tree_mount_of(subject->tree, fs->mountpoint);
	return fs_limits(tree_fs(subject->tree, mount)) != NULL;
}

int subject_check_filesystems(const struct subject *subject, enum subject_checks checks,
			      const char *work_dir, struct error *err)
{
	for (size_t i = 0; i < subject->guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &subject->guest->filesystems[i];
		CLEANUP(block_free)
		struct block *block = NULL;

		if (!is_checked(subject, i, checks))
			continue;
		block = guest_filesystem_block(fs, subject->blocks, err);
		if (!block)
			return -1;
		if (commit_check_filesystem(block, fs->type, work_dir, err) < 0)
			return error_prefix(err, "file system at %s", fs->mountpoint);
	}
	return 0;
}

void subject_free(struct subject *subject)
{
	struct error ignored;

	if (!subject)
		return;
	package_state_free(&subject->state);
	tree_free(subject->tree);
	guest_free(subject->guest);
	for (size_t i = 0; i < subject->n_disks; i++) {
		block_free(subject->blocks ? subject->blocks[i] : NULL);
		image_free(subject->images ? subject->images[i] : NULL);
	}
	for (size_t i = 0; i < subject->n_keys; i++) {
		if (subject->keys[i].data)
			explicit_bzero(subject->keys[i].data, subject->keys[i].len);
		buffer_free(&subject->keys[i]);
	}
	free(subject->keys);
	free(subject->blocks);
	free(subject->images);
	if (subject->socket_dir)
		directory_remove(subject->socket_dir, &ignored);
	free(subject->socket_dir);
	free(subject);
}
