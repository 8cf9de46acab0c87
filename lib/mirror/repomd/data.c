/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a repomd.xml names: kept as the vendor packs it, so that its checksums go on being true, and
 * unpacked once to see that it fits them. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/decompress.h"
#include "base/file.h"
#include "mirror/beneath.h"
#include "mirror/repomd/href.h"
#include "mirror/repomd/primary.h"
#include "mirror/repomd/repomd.h"

#define MAX_OPEN (UINT64_C(4) << 30)
enum { MAX_PACKED = 1 << 30 };

/* A file that is being taken in. */
struct taking {
	const struct repomd *repomd;
	struct repository *repository;
	enum repomd_type type;
	const struct repomd_file *file;
	char *path; /* in the mirror */
	struct buffer packed, text;
	/* while it is unpacked */
	struct checksum_context *ctx;
	uint64_t open_size;
};

static void taking_free(struct taking *taking)
{
	free(taking->path);
	buffer_free(&taking->packed);
	buffer_free(&taking->text);
	checksum_free(taking->ctx);
}

/* ---- packed ---- */

static int not_there(const struct taking *taking, struct error *err)
{
	return error_set(
		err, ERROR_MIRROR, "the mirror is incomplete: %s is missing, which %s names as %s",
		taking->path, taking->repository->index_path, repomd_type_name(taking->type));
}

static int is_other(const struct taking *taking, const char *what, struct error *err)
{
	return error_set(err, ERROR_TRUST,
			 "%s: %s is not what %s says: tampered with, or caught in the middle of an "
			 "update",
			 taking->path, what, taking->repository->index_path);
}

static int read_packed(struct taking *taking, struct error *err)
{
	const struct repomd_file *file = taking->file;
	const struct buffer *packed = &taking->packed;
	struct checksum got;

	if (beneath_read(taking->repomd->root, taking->path, MAX_PACKED, &taking->packed, err) < 0)
		return err->kind == ERROR_MISSING ? not_there(taking, err) : -1;
	if (file->size && packed->len != file->size)
		return error_set(err, ERROR_TRUST,
				 "%s: has %zu bytes, but %s says %llu: truncated, tampered with, "
				 "or caught in the middle of an update",
				 taking->path, packed->len, taking->repository->index_path,
				 (unsigned long long)file->size);
	checksum_of(packed->len ? packed->data : "", packed->len, file->checksum.type, &got);
	if (!checksum_equal(&got, &file->checksum))
		return is_other(taking, "its checksum", err);
	return 0;
}

/* ---- unpacked ---- */

static int take_piece(void *opaque, const char *piece, size_t len, struct error *err)
{
	struct taking *taking = opaque;

	taking->open_size += len;
	checksum_update(taking->ctx, piece, len);
	if (taking->type == REPOMD_PRIMARY)
		buffer_append(&taking->text, piece, len);
	return monitor_check(taking->repomd->build->monitor, err);
}

static int unpack(struct taking *taking, struct error *err)
{
	const struct repomd_file *file = taking->file;
	enum compression compression = repomd_compression(file->href);
	uint64_t limit = file->open_size && file->open_size < MAX_OPEN ? file->open_size : MAX_OPEN;
	struct checksum got;

	taking->ctx = checksum_new(file->open.type);
	if (decompress_each(taking->packed.data, taking->packed.len, compression, limit,
			    ERROR_TRUST, take_piece, taking, err) < 0)
		return error_prefix(err, "%s", taking->path);
	checksum_finish(steal(taking->ctx), &got);
	if (file->open_size && compression != COMPRESSION_NONE &&
	    taking->open_size != file->open_size)
		return is_other(taking, "its size when it is unpacked", err);
	if (*file->open.hex && !checksum_equal(&got, &file->open))
		return is_other(taking, "its checksum when it is unpacked", err);
	return 0;
}

/* ---- packages ---- */

/* The names of what is there, or is not, in the store are SHA-256 alone. */
static int find_sha256(const struct taking *taking, const struct primary_package *package, int fd,
		       struct digest *ret, struct error *err)
{
	struct mirror_source *source = taking->repository->source;
	const struct monitor *monitor = taking->repomd->build->monitor;
	struct checksum got;

	if (package->checksum.type == CHECKSUM_SHA256 &&
	    digest_from_hex(package->checksum.hex, ret))
		return 0;
	if (checksum_of_fd(fd, package->checksum.type, monitor, &got, err) < 0 ||
	    digest_of_fd_monitored(fd, monitor, ret, err) < 0)
		return -1;
	if (!checksum_equal(&got, &package->checksum))
		return error_set(err, ERROR_TRUST,
				 "its checksum is not what the signed index says: damaged or "
				 "tampered with");
	*ARRAY_ADD(source->aliases, source->n_aliases) =
		(struct mirror_alias){checksum_to_text(&got), *ret};
	return 0;
}

static int want(const struct taking *taking, const struct primary_package *package,
		const char *path, int fd, struct error *err)
{
	struct mirror_build *build = taking->repomd->build;
	struct digest sha256;

	if (find_sha256(taking, package, fd, &sha256, err) < 0)
		return error_prefix(err, "%s", path);
	*ARRAY_ADD(build->wanted, build->n_wanted) = (struct mirror_wanted){
		.mirror = taking->repomd->options->path,
		.root = taking->repomd->root,
		.path = xstrdup(path),
		.sha256 = sha256,
		.size = package->size,
		.check = taking->repomd->check,
	};
	return 0;
}

/* 1: it is there; 0: not; -1. */
static int want_at(const struct taking *taking, const struct primary_package *package,
		   const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = beneath_open(taking->repomd->root, path, 0, err);

	if (fd < 0)
		return err->kind == ERROR_MISSING ? 0 : -1;
	return want(taking, package, path, fd, err) < 0 ? -1 : 1;
}

/* Where the location says, or where that lies in a copy of the repository alone. */
static int want_package(void *opaque, const struct primary_package *package, struct error *err)
{
	const struct taking *taking = opaque;
	const char *repository = taking->repository->path;
	CLEANUP_FREE char *path = href_in_mirror(repository, package->href);
	CLEANUP_FREE char *place = href_place(package->href);
	CLEANUP_FREE char *copy = repository_place(repository, place);
	int found = path ? want_at(taking, package, path, err) : 0;

	if (found == 0 && (!path || strcmp(path, copy) != 0))
		found = want_at(taking, package, copy, err);
	return found < 0 ? -1 : 0;
}

static int read_primary(struct taking *taking, struct error *err)
{
	if (primary_parse(taking->text.len ? taking->text.data : "", taking->text.len, want_package,
			  taking, err) < 0)
		return error_prefix(err, "%s", taking->path);
	return 0;
}

/* ---- all of it ---- */

static int take(struct taking *taking, struct error *err)
{
	taking->path = repository_place(taking->repository->path, taking->file->href);
	monitor_progress(taking->repomd->build->monitor, "mirror", taking->path, 0, 0);
	if (monitor_check(taking->repomd->build->monitor, err) < 0 ||
	    read_packed(taking, err) < 0 || unpack(taking, err) < 0 ||
	    mirror_build_file(taking->repomd->build, taking->repository->source, taking->file->href,
			      &taking->packed, err) < 0)
		return -1;
	return taking->type == REPOMD_PRIMARY ? read_primary(taking, err) : 0;
}

static bool is_required(enum repomd_type type)
{
	return type == REPOMD_PRIMARY || type == REPOMD_FILELISTS;
}

int repomd_data_read(const struct repomd *repomd, struct repository *repository, struct error *err)
{
	for (enum repomd_type type = 0; type < REPOMD_TYPES; type++) {
		__attribute__((cleanup(taking_free))) struct taking taking = {
			.repomd = repomd,
			.repository = repository,
			.type = type,
			.file = &repository->index.files[type],
		};

		if (!taking.file->href && !is_required(type))
			continue;
		if (!taking.file->href)
			return error_set(err, ERROR_MIRROR, "%s: names no %s",
					 repository->index_path, repomd_type_name(type));
		if (take(&taking, err) < 0)
			return -1;
	}
	return 0;
}
