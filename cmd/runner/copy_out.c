/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy-out: {"volumes", "fstab", "target", "result"}
 *
 * Which trees the guest's own system mounts is in its fstab, which may be on one of these file
 * systems: so it is looked for here, unless "fstab" brings its text ("" for a guest without) along.
 * What belongs to users, and what is not mounted for an update, is not copied.
 * Each tree becomes a directory of "target"; "result" is written last.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "guest/fstab.h"
#include "replica.h"
#include "volume.h"

#define MOUNTPOINT "/source"

struct copied {
	size_t volume;
	char *part; /* or NULL */
};

struct out {
	struct volumes volumes;
	const char *target;
	struct copied *copied;
	size_t n_copied;
	json_t *result;
};

static bool exists(const char *path)
{
	struct stat st;
	CLEANUP_FREE char *full = xasprintf(MOUNTPOINT "/%s", path);

	return lstat(full, &st) == 0;
}

/* As lib/guest/root.c has it. */
static bool is_root(void)
{
	return (exists("etc/os-release") || exists("usr/lib/os-release")) &&
	       (exists("etc/fstab") || exists("bin") || exists("sbin"));
}

static bool was_copied(const struct out *out, size_t volume, const char *part)
{
	for (size_t i = 0; i < out->n_copied; i++)
		if (out->copied[i].volume == volume &&
		    strcmp(out->copied[i].part ? out->copied[i].part : "", part ? part : "") == 0)
			return true;
	return false;
}

static int describe(struct out *out, size_t volume, const char *part, struct error *err)
{
	struct statvfs st;
	json_t *item = json_object();

	json_array_append_new(out->result, item);
	if (statvfs(MOUNTPOINT, &st) < 0)
		return error_os(err, ERROR_HOST, errno, "statvfs");
	json_put_u64(item, "volume", volume);
	json_put_bytes(item, "part", part);
	json_put_u64(item, "block_size", st.f_frsize);
	json_put_u64(item, "free_bytes", (uint64_t)st.f_bfree * st.f_frsize);
	json_put_u64(item, "total_bytes", (uint64_t)st.f_blocks * st.f_frsize);
	json_put_u64(item, "free_inodes", st.f_ffree);
	json_put_u64(item, "total_inodes", st.f_files);
	return 0;
}

/* What is mounted becomes the next directory. */
static int copy_mounted(struct out *out, size_t volume, const char *part, struct error *err)
{
	const struct volume_type *type = &out->volumes.types[volume];
	CLEANUP_FREE char *target = xasprintf("%s/%zu", out->target, out->n_copied);
	__attribute__((cleanup(replica_clear))) struct replica replica = {
		.from = open(MOUNTPOINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.to = -1,
		.aliases = (const char *const *)type->aliases,
		.n_aliases = type->n_aliases};

	*ARRAY_ADD(out->copied, out->n_copied) =
		(struct copied){volume, part ? xstrdup(part) : NULL};
	if (mkdir(target, 0700) < 0)
		return error_os(err, ERROR_HOST, errno, "%s", target);
	replica.to = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (replica.from < 0 || replica.to < 0)
		return error_os(err, ERROR_HOST, errno, "%s", target);
	return replica_tree(&replica, err) < 0 ? -1 : describe(out, volume, part, err);
}

/* Why a tree cannot be mounted; only the guest's fstab says whether it is needed. */
static void tell_problem(struct out *out, size_t volume, const char *part,
			 const struct error *problem)
{
	json_t *item, *told;
	size_t i;

	json_array_foreach(out->result, i, told)
	{
		const char *other = json_string_value(json_object_get(told, "part"));

		if ((size_t)json_integer_value(json_object_get(told, "volume")) == volume &&
		    strcmp(other ? other : "", part ? part : "") == 0)
			return;
	}
	item = json_object();
	json_put_u64(item, "volume", volume);
	json_put_bytes(item, "part", part);
	json_put_bytes(item, "problem", problem->msg);
	json_array_append_new(out->result, item);
}

static int copy_tree(struct out *out, size_t volume, const char *part, struct error *err)
{
	struct error problem = {0}, ignored;
	int status;

	if (was_copied(out, volume, part))
		return 0;
	if (volume_mount(&out->volumes, volume, part, false, MOUNTPOINT, &problem) < 0) {
		tell_problem(out, volume, part, &problem);
		return 0;
	}
	status = copy_mounted(out, volume, part, err);
	if (status < 0)
		volume_unmount(MOUNTPOINT, &ignored);
	return status < 0 ? -1 : volume_unmount(MOUNTPOINT, err);
}

/* 1 when the operating system's root is there; its fstab is read then. */
static int try_root(struct out *out, size_t volume, const char *part, struct buffer *fstab,
		    struct error *err)
{
	struct error problem = {0};
	CLEANUP_CLOSE int fd = -1;
	bool root;
	ssize_t n = 1;

	if (volume_mount(&out->volumes, volume, part, false, MOUNTPOINT, &problem) < 0) {
		if (!part) /* that others are not there is the usual case */
			tell_problem(out, volume, part, &problem);
		return 0;
	}
	root = is_root();
	if (root)
		fd = open(MOUNTPOINT "/etc/fstab", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	while (fd >= 0 && n > 0 && fstab->len < FSTAB_LIMIT) {
		n = read(fd, buffer_reserve(fstab, 1 << 12), 1 << 12);
		fstab->len += n > 0 ? (size_t)n : 0;
	}
	close(steal_fd(&fd));
	return volume_unmount(MOUNTPOINT, err) < 0 ? -1 : root;
}

/* The tree that is mounted by itself, then those of the usual names. */
static int find_root_of(struct out *out, size_t volume, struct buffer *fstab, struct error *err)
{
	const struct volume_type *type = &out->volumes.types[volume];
	int found = try_root(out, volume, NULL, fstab, err);
	const char *part = NULL;

	for (size_t i = 0; found == 0 && i < type->n_root_parts; i++) {
		part = type->root_parts[i];
		found = try_root(out, volume, part, fstab, err);
	}
	if (found <= 0)
		return found;
	return copy_tree(out, volume, part, err) < 0 ? -1 : 1;
}

static int copy_roots(struct out *out, struct buffer *fstab, struct error *err)
{
	for (size_t i = 0; i < out->volumes.guest->n_filesystems; i++)
		if (find_root_of(out, i, fstab, err) < 0)
			return -1;
	return 0;
}

static int copy_entry(struct out *out, const struct fstab_entry *entry, struct error *err)
{
	CLEANUP_FREE char *part = NULL;
	struct error ambiguous;
	size_t volume;

	if (!fstab_is_local(entry) || !fstab_is_mounted(entry) || fstab_is_users(entry) ||
	    strcmp(entry->target, "/") == 0)
		return 0;
	/* a name that several carry is told of by whoever reads fstab next */
	if (guest_find_filesystem(out->volumes.guest, entry->source, &volume, &ambiguous) <= 0)
		return 0;
	part = fstab_option_value(entry, out->volumes.types[volume].part_option);
	return copy_tree(out, volume, part, err);
}

static int copy_all(struct out *out, const char *fstab_text, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_FSTAB struct fstab fstab = {0};

	buffer_puts(&text, fstab_text ? fstab_text : "");
	if (!fstab_text && copy_roots(out, &text, err) < 0)
		return -1;
	fstab_parse(text.data, text.len, &fstab);
	for (size_t i = 0; i < fstab.n_entries; i++)
		if (copy_entry(out, &fstab.entries[i], err) < 0)
			return -1;
	return 0;
}

static int write_result(const char *path, const json_t *result, struct error *err)
{
	CLEANUP_FREE char *text = json_dumps(result, JSON_COMPACT);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || syncfs(fd) < 0)
		return error_os(err, ERROR_HOST, errno, "%s", path);
	return 0;
}

int copy_out(const json_t *job, struct error *err)
{
	struct out out = {.target = json_string_value(json_object_get(job, "target")),
			  .result = json_array()};
	CLEANUP_FREE char *fstab = json_bytes_value(json_object_get(job, "fstab"));
	int status = volumes_read(job, &out.volumes, err);

	if (status == 0)
		status = copy_all(&out, fstab, err);
	if (status == 0)
		status = write_result(json_string_value(json_object_get(job, "result")), out.result,
				      err);
	for (size_t i = 0; i < out.n_copied; i++)
		free(out.copied[i].part);
	free(out.copied);
	json_decref(out.result);
	volumes_free(&out.volumes);
	return status;
}
