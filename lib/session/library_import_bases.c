/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of an imported chain become bases, lower ones first, so that a base that is there has
 * all that is below it.  One that nobody refers to yet, because we were killed here, is found by
 * the next import of the same file.
 *
 * A content is one base, however many files have it.  Above a base that was there before, the
 * header of a file that stays outside has to lead to that one.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "library/base.h"
#include "library/clones_follow.h"
#include "library/inside.h"
#include "library/trash.h"
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
	base->size = (uint64_t)json_integer_value(json_object_get(file, "size"));
	base->mtime_s = json_integer_value(json_object_get(file, "mtime_s"));
	base->mtime_ns = (uint32_t)json_integer_value(json_object_get(file, "mtime_ns"));
	base->backing_name = json_bytes_value(json_object_get(file, "backing_name"));
	if (below)
		digest_from_hex(string_member(below, "digest"), &base->backing);
	return base;
}

/* What is hashed is what becomes a base.  A generation that a prune has just taken comes back. */
static int check_as_read(const struct base *base, struct error *err)
{
	struct error problem = {0};

	if (base_check_unchanged(base, &problem) == 0 || problem.kind == ERROR_MISSING)
		return 0;
	return error_set(err, ERROR_BUSY, "%s: changed while it was imported", base->path);
}

static int add_base(const struct import *import, const json_t *file, const json_t *below,
		    struct error *err)
{
	CLEANUP(base_free)
	struct base *base = base_of(import, file, below);
	CLEANUP_FREE char *original = json_bytes_value(json_object_get(file, "path"));

	if (base->mode != BASE_REFERENCE && take_owner(base->path, original, err) < 0)
		return -1;
	return check_as_read(base, err) < 0 ? -1 : base_add(import->library, base, err);
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

static struct base *known_base(const struct import *import, const json_t *file)
{
	struct error ignored;
	struct digest digest;

	digest_from_hex(string_member(file, "digest"), &digest);
	return base_load(import->library, &digest, &ignored);
}

static int check_there(const struct base_chain *chain, struct error *err)
{
	for (size_t i = 0; i < chain->n; i++)
		if (base_check_unchanged(chain->bases[i], err) < 0)
			return -1;
	return 0;
}

/* All of the chain is there now.  Another import may have brought the base in meanwhile, as another
 * file. */
static int check_overlay(const struct import *import, const json_t *disk, struct error *err)
{
	const json_t *top = json_array_get(json_object_get(disk, "chain"), 0);
	CLEANUP_FREE char *named = json_bytes_value(json_object_get(disk, "overlay_backing"));
	CLEANUP_BASE_CHAIN struct base_chain chain = {0};
	CLEANUP_FREE char *wanted = NULL;
	struct digest digest;

	digest_from_hex(string_member(top, "digest"), &digest);
	if (base_chain_load(import->library, &digest, &chain, err) < 0)
		return err->kind == ERROR_MISSING
			       ? error_set(err, ERROR_BUSY,
					   "a base that it needs was pruned meanwhile; try again")
			       : -1;
	if (check_there(&chain, err) < 0)
		return -1;
	wanted = base_overlay_backing(chain.bases[0]);
	if (named && !strcmp(named, wanted))
		return 0;
	return error_set(err, ERROR_BUSY, "%s: was imported from elsewhere at the same time",
			 chain.bases[0]->name);
}

/* Of a file that is a disk of a generation, by whichever path. */
static int take_back_file(const struct import *import, const json_t *file, struct error *err)
{
	CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
	CLEANUP_FREE char *templates = library_path(import->library, "templates");
	CLEANUP_CLONES struct clones clones = {0};
	struct clone_places places = {0};
	struct error ignored;

	if (stat(templates, &places.templates) < 0)
		return error_os(err, ERROR_IO, errno, "%s", templates);
	clone_follow_path(&places, path, &clones, &ignored);
	for (size_t i = 0; i < clones.n_uses; i++)
		if (clones.uses[i].target == CLONE_OF_GENERATION &&
		    trash_take_back(import->library, clones.uses[i].template_name,
				    clones.uses[i].number, err) < 0)
			return -1;
	return 0;
}

/* Files that stay where they are may be generations, which a prune may just be taking: the overlay
 * and its bases say that we need them, so now they are looked for (trash.h). */
static int take_back_generations(const struct import *import, const json_t *chain,
				 struct error *err)
{
	const json_t *file;
	size_t i;

	if (import->request->options->mode != COLDPATCH_IMPORT_REFERENCE)
		return 0;
	json_array_foreach(chain, i, file)
	{
		if (take_back_file(import, file, err) < 0)
			return -1;
	}
	return 0;
}

/* Nobody has read what is there already: a move does, before it removes the original. */
static void note_known(const struct import *import)
{
	const json_t *files = json_object_get(import->result, "files"), *disk, *file;
	size_t i, j, n = 0;

	json_array_foreach(json_object_get(import->result, "disks"), i, disk)
	{
		json_array_foreach(json_object_get(disk, "chain"), j, file)
		{
			CLEANUP(base_free)
			struct base *base = known_base(import, file);

			if (base)
				json_put_bytes(json_array_get(files, n), "base", base->name);
			n++;
		}
	}
}

int import_add_bases(const struct import *import, struct error *err)
{
	const json_t *disk;
	size_t i;

	if (import->request->options->mode == COLDPATCH_IMPORT_MOVE)
		note_known(import);
	json_array_foreach(json_object_get(import->result, "disks"), i, disk)
	{
		const json_t *chain = json_object_get(disk, "chain");

		if (add_chain(import, chain, err) < 0 ||
		    take_back_generations(import, chain, err) < 0 ||
		    check_overlay(import, disk, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static int check_pair(const struct import *import, const json_t *file, const json_t *below,
		      struct error *err)
{
	CLEANUP(base_free)
	struct base *upper = known_base(import, file), *lower = known_base(import, below);
	CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
	CLEANUP_FREE char *below_path = json_bytes_value(json_object_get(below, "path"));
	CLEANUP_FREE char *quoted = NULL, *quoted_lower = NULL;

	if (upper || !lower || !is_there(below_path) || !is_there(lower->path) ||
	    same_file(below_path, lower->path))
		return 0;
	quoted = text_quote(path);
	quoted_lower = text_quote(lower->path);
	return error_set(
		err, ERROR_IMAGE,
		"%s: is backed by %s, and the library has a file of the same content as a "
		"base, %s; put the image on that one (qemu-img rebase -u -F %s -b %s %s) and "
		"import it again",
		path, below_path, lower->path, lower->format, quoted_lower, quoted);
}

static bool is_in_templates(const struct library *library, const char *path)
{
	CLEANUP_FREE char *templates = library_path(library, "templates/");
	CLEANUP_FREE char *real = realpath(path, NULL);

	return real && strncmp(real, templates, strlen(templates)) == 0;
}

/* Does what the header of `path` names lead to a generation by `current`? */
static bool leads_by_current(const struct library *library, const char *path, const char *name)
{
	CLEANUP_FREE char *templates = library_path(library, "templates");
	CLEANUP_FREE char *directory = xstrndup(path, (size_t)(path_last(path) - path));
	CLEANUP_CLONES struct clones clones = {0};
	struct clone_places places = {0};
	struct error ignored;

	if (stat(templates, &places.templates) < 0)
		return false;
	clone_follow(&places, directory, &(struct image_backing){.name = (char *)(uintptr_t)name},
		     &clones, &ignored);
	for (size_t i = 0; i < clones.n_uses; i++)
		if (clones.uses[i].target == CLONE_OF_CURRENT)
			return true;
	return false;
}

/* After the next patch or rollback QEMU would read another disk below it. */
static int check_numbered(const struct import *import, const json_t *file, const json_t *below,
			  struct error *err)
{
	CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
	CLEANUP_FREE char *name = json_bytes_value(json_object_get(file, "backing_name"));
	CLEANUP_FREE char *below_path = json_bytes_value(json_object_get(below, "path"));
	CLEANUP_FREE char *real = NULL, *quoted = NULL, *quoted_below = NULL;

	if (!name || !is_in_templates(import->library, below_path) ||
	    !leads_by_current(import->library, path, name))
		return 0;
	real = realpath(below_path, NULL);
	quoted = text_quote(path);
	quoted_below = text_quote(real ? real : below_path);
	return error_set(err, ERROR_IMAGE,
			 "%s: is backed by a template through `current`, and reads another disk "
			 "after the next head; put it on the numbered path (qemu-img rebase -u -F "
			 "%s -b %s %s) and import it again",
			 path, string_member(below, "format"), quoted_below, quoted);
}

int import_find_referenced(const struct library *library, const char *path, char **ret,
			   struct error *err)
{
	CLEANUP_FREE struct digest *digests = NULL;
	size_t n;

	*ret = NULL;
	if (library_list_bases(library, &digests, &n, err) < 0)
		return -1;
	for (size_t i = 0; !*ret && i < n; i++) {
		CLEANUP(base_free)
		struct base *base = base_load(library, &digests[i], err);

		/* A damaged one may be this one all the same; one that was never finished is none.
		 */
		if (!base && err->kind != ERROR_MISSING)
			return -1;
		if (base && base->mode == BASE_REFERENCE && same_file(path, base->path))
			*ret = xstrdup(base->name);
	}
	return 0;
}

/* The content of what is moved may differ from that of the base, by the name in its header. */
static int check_not_referenced(const struct import *import, const json_t *file, struct error *err)
{
	CLEANUP_FREE char *path = json_bytes_value(json_object_get(file, "path"));
	CLEANUP_FREE char *base = NULL;

	if (import_find_referenced(import->library, path, &base, err) < 0)
		return -1;
	if (!base)
		return 0;
	return error_set(err, ERROR_DENIED,
			 "%s is a base already, left where it lies; import it with --reference",
			 path);
}

/* Of the chain of a disk, top first. */
static int check_chain(const struct import *import, const json_t *chain, struct error *err)
{
	bool moves = import->request->options->mode == COLDPATCH_IMPORT_MOVE;

	for (size_t i = 0; i < json_array_size(chain); i++) {
		const json_t *file = json_array_get(chain, i),
			     *below = json_array_get(chain, i + 1);

		if (moves ? check_not_referenced(import, file, err) < 0
			  : below && (check_pair(import, file, below, err) < 0 ||
				      check_numbered(import, file, below, err) < 0))
			return -1;
	}
	return 0;
}

/* What a dry run does not add.  A copy above another has another header, and what that will be is
 * known when it is made. */
static int check_may_add(const struct import *import, const json_t *chain, struct error *err)
{
	bool copies = import->request->options->mode != COLDPATCH_IMPORT_REFERENCE;
	const json_t *below = NULL;

	for (size_t i = json_array_size(chain); i-- > 0 && !(copies && below);) {
		const json_t *file = json_array_get(chain, i);
		CLEANUP(base_free)
		struct base *base = base_of(import, file, below);

		if (base_may_add(import->library, base, err) < 0)
			return -1;
		below = file;
	}
	return 0;
}

int import_check_bases(const struct import *import, struct error *err)
{
	const struct coldpatch_import_options *options = import->request->options;
	const json_t *disk;
	size_t i;

	json_array_foreach(json_object_get(import->result, "disks"), i, disk)
	{
		const json_t *chain = json_object_get(disk, "chain");

		if ((options->mode != COLDPATCH_IMPORT_COPY &&
		     check_chain(import, chain, err) < 0) ||
		    (options->dry_run && check_may_add(import, chain, err) < 0))
			return -1;
	}
	return 0;
}
