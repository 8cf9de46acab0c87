/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a verified .rpm brings.  Its header has a SHA-256 for each file since rpm 4.6; where it has
 * MD5, as packages for Enterprise Linux 5 do, the payload is unpacked.  There the content of files
 * that are hard links to each other comes with one of them, usually the last, and the others are
 * empty.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/archive.h"
#include "package/rpm/rpm.h"
#include "rpm/package_file.h"
#include "rpm/rpm_files.h"

static const struct archive_limits limits = {.bytes = UINT64_C(16) << 30, .entries = 2000000};

struct payload_file {
	char *path;
	bool config, known; /* the digest is */
	struct digest sha256;
	size_t linked; /* the first of its hard links, or itself */
	bool filled;
};

struct payload {
	const char *package;
	struct payload_file *files; /* regular ones, sorted by path before the payload is read */
	size_t n_files, n_unknown;
};

static void payload_release(struct payload *payload)
{
	for (size_t i = 0; i < payload->n_files; i++)
		free(payload->files[i].path);
	free(payload->files);
}
#define CLEANUP_PAYLOAD __attribute__((cleanup(payload_release)))

static int take_listed(void *opaque, const struct rpm_file *file, struct error *err)
{
	struct payload *payload = opaque;
	struct payload_file *new;

	(void)err;
	if (file->ghost || !S_ISREG(file->mode))
		return 0;
	new = ARRAY_ADD(payload->files, payload->n_files);
	new->path = xstrdup(file->path);
	new->config = file->config || file->rewritten;
	if (file->sha256) {
		new->known = true;
		new->sha256 = *file->sha256;
	} else {
		payload->n_unknown++;
	}
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct payload_file *left = a, *right = b;

	return strcmp(left->path, right->path);
}

/* "./usr/bin/x" and "/usr/bin/x" are the same; NULL: not a regular file that the header lists. */
static struct payload_file *find(const struct payload *payload, const char *name)
{
	CLEANUP_FREE char *path = NULL;
	struct payload_file key = {0};

	if (*name == '.')
		name++;
	path = key.path = *name == '/' ? xstrdup(name) : xasprintf("/%s", name);
	return payload->n_files ? bsearch(&key, payload->files, payload->n_files,
					  sizeof *payload->files, compare_files)
				: NULL;
}

static int hash(struct archive_stream *content, struct digest *ret, bool *ret_filled,
		struct error *err)
{
	CLEANUP(digest_free)
	struct digest_context *ctx = digest_new();
	char chunk[1 << 16];
	ssize_t n;

	*ret_filled = false;
	while ((n = archive_stream_read(content, chunk, sizeof chunk, err)) > 0) {
		digest_update(ctx, chunk, (size_t)n);
		*ret_filled = true;
	}
	if (n < 0)
		return -1;
	digest_finish(steal(ctx), ret);
	return 0;
}

static int take_unpacked(void *opaque, const struct archive_item *item,
			 struct archive_stream *content, struct error *err)
{
	struct payload *payload = opaque;
	struct payload_file *file = find(payload, item->path);
	struct payload_file *first = item->hardlink ? find(payload, item->hardlink) : file;

	if (!file)
		return 0;
	if (!first)
		return error_set(err, ERROR_MIRROR, "%s: hard link to %s, which it does not list",
				 payload->package, item->hardlink);
	file->linked = (size_t)(first - payload->files);
	file->known = true;
	return hash(content, &file->sha256, &file->filled, err);
}

/* All names of a file have the content that came with one of them. */
static void share_content(struct payload *payload)
{
	for (size_t i = 0; i < payload->n_files; i++)
		if (payload->files[i].filled)
			payload->files[payload->files[i].linked].sha256 = payload->files[i].sha256;
	for (size_t i = 0; i < payload->n_files; i++)
		payload->files[i].sha256 = payload->files[payload->files[i].linked].sha256;
}

static int unpack(struct payload *payload, struct error *err)
{
	for (size_t i = 0; i < payload->n_files; i++)
		payload->files[i].linked = i;
	if (archive_walk(payload->package, &limits, ERROR_MIRROR, take_unpacked, payload, err) < 0)
		return -1;
	share_content(payload);
	for (size_t i = 0; i < payload->n_files; i++)
		if (!payload->files[i].known)
			return error_set(err, ERROR_MIRROR,
					 "%s: it lists %s, and does not bring it", payload->package,
					 payload->files[i].path);
	return 0;
}

static int list(struct payload *payload, struct error *err)
{
	CLEANUP(rpm_header_free)
	struct rpm_header *header = rpm_package_file_header(payload->package, err);

	if (!header)
		return -1;
	if (rpm_header_each_file(header, take_listed, payload, err) == 0)
		return 0;
	err->kind = ERROR_MIRROR;
	return error_prefix(err, "%s", payload->package);
}

int rpm_payload(const char *package_path,
		int (*each)(void *opaque, const char *path, const struct digest *sha256,
			    bool config, struct error *err),
		void *opaque, struct error *err)
{
	CLEANUP_PAYLOAD struct payload payload = {.package = package_path};

	if (list(&payload, err) < 0)
		return -1;
	if (payload.n_files)
		qsort(payload.files, payload.n_files, sizeof *payload.files, compare_files);
	if (payload.n_unknown && unpack(&payload, err) < 0)
		return -1;
	for (size_t i = 0; i < payload.n_files; i++) {
		const struct payload_file *file = &payload.files[i];

		if (each(opaque, file->path, &file->sha256, file->config, err) < 0)
			return -1;
	}
	return 0;
}
