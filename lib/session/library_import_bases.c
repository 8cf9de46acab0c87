/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of an imported chain become bases, lower ones first, so that a base that is there has
 * all that is below it.  One that nobody refers to yet, because we were killed here, is found by
 * the next import of the same file.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library/base.h"
#include "session/library_import.h"
#include "session/strings.h"

/* Who may read the original may read the copy. */
static int take_owner(const char *path, const char *original, struct error *err)
{
	struct stat st;

	if (stat(original, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", original);
	if (lchown(path, st.st_uid, st.st_gid) < 0 && errno != EPERM)
		return error_os(err, ERROR_IO, errno, "%s: owner", path);
	if (chmod(path, st.st_mode & 0444) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

static struct base *base_of(const struct import *import, const json_t *file, const json_t *below)
{
	const char *copy = json_string_value(json_object_get(file, "copy"));
	struct base *base = xcalloc(1, sizeof *base);

	digest_from_hex(string_member(file, "digest"), &base->digest);
	base->name = library_path(import->library, "bases/%s", string_member(file, "digest"));
	base->mode = (enum base_mode)import->request->options->mode;
	base->path = copy ? xstrdup(copy) : json_bytes_value(json_object_get(file, "path"));
	base->format = xstrdup(string_member(file, "format"));
	base->has_backing = below;
	if (below)
		digest_from_hex(string_member(below, "digest"), &base->backing);
	return base;
}

static int fill_stat(struct base *base, struct error *err)
{
	struct stat st;

	if (stat(base->path, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", base->path);
	base->size = (uint64_t)st.st_size;
	base->mtime_s = st.st_mtim.tv_sec;
	base->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	return 0;
}

static int add_base(const struct import *import, const json_t *file, const json_t *below,
		    struct error *err)
{
	CLEANUP(base_free)
	struct base *base = base_of(import, file, below);
	CLEANUP_FREE char *original = json_bytes_value(json_object_get(file, "path"));

	if (base->mode != BASE_REFERENCE && take_owner(base->path, original, err) < 0)
		return -1;
	return fill_stat(base, err) < 0 ? -1 : base_add(import->library, base, err);
}

static int add_chain(const struct import *import, const json_t *chain, struct error *err)
{
	const json_t *below = NULL;

	for (size_t i = json_array_size(chain); i-- > 0;) {
		const json_t *file = json_array_get(chain, i);

		if (add_base(import, file, below, err) < 0)
			return -1;
		below = file;
	}
	return 0;
}

int import_add_bases(const struct import *import, struct error *err)
{
	const json_t *disk;
	size_t i;

	json_array_foreach(json_object_get(import->result, "disks"), i, disk)
	{
		if (add_chain(import, json_object_get(disk, "chain"), err) < 0)
			return -1;
	}
	return 0;
}
