/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a .deb brings: an ar archive (deb(5)) of debian-binary, control.tar.* and data.tar.*, in
 * this order.  The first names the conffiles, the second is hashed.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/archive.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "package/deb/deb.h"

enum { MAX_CONFFILES = 4 << 20 };

static const struct archive_limits limits = {.bytes = UINT64_C(16) << 30, .entries = 2000000};

struct payload_file {
	char *path;
	struct digest sha256;
};

struct payload {
	const char *package;
	int (*each)(void *opaque, const char *path, const struct digest *sha256, bool config,
		    struct error *err);
	void *opaque;
	struct buffer conffiles; /* "\n/etc/a\n/etc/b\n" */
	struct payload_file *files;
	size_t n_files;
	bool data_seen;
};

/* "/usr/bin/x" of "./usr/bin/x". */
static char *guest_path(const struct payload *payload, const char *name, struct error *err)
{
	CLEANUP_FREE char *path = NULL;
	const char *at = name;

	if (at[0] == '.' && at[1] == '/')
		at += 2;
	while (*at == '/')
		at++;
	path = xasprintf("/%s/", at);
	if (strstr(path, "/../") || strstr(path, "/./"))
		return error_set(err, ERROR_MIRROR, "%s: unsafe path %s", payload->package, name),
		       NULL;
	path[strlen(path) - 1] = '\0';
	return steal(path);
}

static int hash_content(struct archive_stream *content, struct digest *ret, struct error *err)
{
	CLEANUP(digest_free)
	struct digest_context *ctx = digest_new();
	char chunk[1 << 16];
	ssize_t n;

	while ((n = archive_stream_read(content, chunk, sizeof chunk, err)) > 0)
		digest_update(ctx, chunk, (size_t)n);
	if (n < 0)
		return -1;
	digest_finish(steal(ctx), ret);
	return 0;
}

static int find_linked(const struct payload *payload, const char *target, struct digest *ret,
		       struct error *err)
{
	CLEANUP_FREE char *path = guest_path(payload, target, err);

	if (!path)
		return -1;
	for (size_t i = 0; i < payload->n_files; i++)
		if (strcmp(payload->files[i].path, path) == 0) {
			*ret = payload->files[i].sha256;
			return 0;
		}
	return error_set(err, ERROR_MIRROR, "%s: hard link to %s, which is not in it",
			 payload->package, target);
}

static bool is_conffile(const struct payload *payload, const char *path)
{
	CLEANUP_FREE char *line = xasprintf("\n%s\n", path);

	return payload->conffiles.len && strstr(payload->conffiles.data, line);
}

static int take_data(void *opaque, const struct archive_item *item, struct archive_stream *content,
		     struct error *err)
{
	struct payload *payload = opaque;
	CLEANUP_FREE char *path = NULL;
	struct payload_file *file;
	struct digest digest;

	if (item->type != S_IFREG && !item->hardlink)
		return 0;
	path = guest_path(payload, item->path, err);
	if (!path)
		return -1;
	if (item->hardlink ? find_linked(payload, item->hardlink, &digest, err) < 0
			   : hash_content(content, &digest, err) < 0)
		return -1;
	if (payload->each(payload->opaque, path, &digest, is_conffile(payload, path), err) < 0)
		return -1;
	file = ARRAY_ADD(payload->files, payload->n_files);
	file->path = steal(path);
	file->sha256 = digest;
	return 0;
}

static int take_control(void *opaque, const struct archive_item *item,
			struct archive_stream *content, struct error *err)
{
	struct payload *payload = opaque;
	char chunk[1 << 12];
	ssize_t n;

	if (strcmp(item->path, "./conffiles") != 0 && strcmp(item->path, "conffiles") != 0)
		return 0;
	buffer_putc(&payload->conffiles, '\n');
	while ((n = archive_stream_read(content, chunk, sizeof chunk, err)) > 0) {
		buffer_append(&payload->conffiles, chunk, (size_t)n);
		if (payload->conffiles.len > MAX_CONFFILES)
			return error_set(err, ERROR_MIRROR, "%s: its list of conffiles is too long",
					 payload->package);
	}
	buffer_putc(&payload->conffiles, '\n');
	return n < 0 ? -1 : 1;
}

static int take_member(void *opaque, const struct archive_item *item,
		       struct archive_stream *content, struct error *err)
{
	struct payload *payload = opaque;

	if (strncmp(item->path, "control.tar", 11) == 0)
		return archive_walk_nested(content, take_control, payload, err);
	if (strncmp(item->path, "data.tar", 8) != 0)
		return 0;
	payload->data_seen = true;
	return archive_walk_nested(content, take_data, payload, err) < 0 ? -1 : 1;
}

static void payload_release(struct payload *payload)
{
	for (size_t i = 0; i < payload->n_files; i++)
		free(payload->files[i].path);
	free(payload->files);
	buffer_free(&payload->conffiles);
}

int deb_payload(const char *package_path,
		int (*each)(void *opaque, const char *path, const struct digest *sha256,
			    bool config, struct error *err),
		void *opaque, struct error *err)
{
	struct payload payload = {.package = package_path, .each = each, .opaque = opaque};
	int result = archive_walk(package_path, &limits, ERROR_MIRROR, take_member, &payload, err);

	if (result == 0 && !payload.data_seen)
		result = error_set(err, ERROR_MIRROR, "%s: no data.tar in it: not a package",
				   package_path);
	payload_release(&payload);
	return result;
}
