/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU goes from a base to the one below it by what the header says, the library by digests.  The
 * headers of bases outside cannot be changed, so what they say has to lead where the library goes:
 * when a base comes in, when one moves, and whenever somebody looks.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "library/base.h"
#include "library/inside.h"

enum { MAX_CHAIN = 256 };

void base_chain_free(struct base_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++)
		base_free(chain->bases[i]);
	free(chain->bases);
	*chain = (struct base_chain){0};
}

/* `moving`, or NULL, may be one that does not fit. */
static int load_chain(const struct library *library, const struct digest *digest,
		      const struct digest *moving, struct base_chain *ret, struct error *err)
{
	CLEANUP_BASE_CHAIN struct base_chain chain = {0};
	struct digest next = *digest;

	for (bool more = true; more;) {
		struct base *base = moving && digest_equal(moving, &next)
					    ? base_read(library, &next, err)
					    : base_load(library, &next, err);

		if (!base)
			return -1;
		*ARRAY_ADD(chain.bases, chain.n) = base;
		if (chain.n > MAX_CHAIN)
			return error_set(err, ERROR_TRUST,
					 "base %s: more than %d files below each other", base->path,
					 MAX_CHAIN);
		more = base->backing_name != NULL;
		next = base->backing;
	}
	*ret = chain;
	chain = (struct base_chain){0};
	return 0;
}

int base_chain_load(const struct library *library, const struct digest *digest,
		    struct base_chain *ret, struct error *err)
{
	return load_chain(library, digest, NULL, ret, err);
}

static char *directory_of(const char *path)
{
	return xstrndup(path, (size_t)(strrchr(path, '/') - path));
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int leads_elsewhere(const struct base *base, const struct base *below, const char *named,
			   struct error *err)
{
	CLEANUP_FREE char *from = text_quote(below->path), *to = text_quote(named);

	return error_set(err, ERROR_TRUST,
			 "base %s: its header names %s, that is %s, but the file below it lies at "
			 "%s: put that one back, or leave a link there (ln -s %s %s)",
			 base->path, base->backing_name, named, below->path, from, to);
}

/* The directory of the name, not of the file that it leads to. */
int base_chain_check(const struct base_chain *chain, struct error *err)
{
	CLEANUP_FREE char *directory = directory_of(chain->bases[0]->path);

	for (size_t i = 0; i + 1 < chain->n; i++) {
		const struct base *base = chain->bases[i], *below = chain->bases[i + 1];
		CLEANUP_FREE char *named = base->backing_name[0] == '/'
						   ? xstrdup(base->backing_name)
						   : path_join(directory, base->backing_name);

		if (!is_there(base->path) || !is_there(below->path))
			return 0;
		if (!same_file(named, below->path))
			return leads_elsewhere(base, below, named, err);
		free(directory);
		directory = directory_of(named);
	}
	return 0;
}

/* --- moving one --- */

/* The chain as it would be. */
static bool move_in(struct base_chain *chain, const struct digest *digest, const char *path)
{
	for (size_t i = 0; i < chain->n; i++) {
		if (!digest_equal(&chain->bases[i]->digest, digest))
			continue;
		free(chain->bases[i]->path);
		chain->bases[i]->path = xstrdup(path);
		return true;
	}
	return false;
}

/* One that is broken already, or not there, is no reason to leave another where it is not. */
static int check_chains(const struct library *library, const struct digest *digest,
			const char *path, struct error *err)
{
	CLEANUP_FREE struct digest *tops = NULL;
	size_t n = 0;

	if (library_list_bases(library, &tops, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		CLEANUP_BASE_CHAIN struct base_chain chain = {0};
		struct error ignored = {0};

		if (load_chain(library, &tops[i], digest, &chain, &ignored) < 0 ||
		    !move_in(&chain, digest, path))
			continue;
		if (base_chain_check(&chain, err) == 0)
			continue;
		err->kind = ERROR_DENIED;
		return -1;
	}
	return 0;
}

static int check_name(const struct base *base, const char *path, struct error *err)
{
	const char *name = strrchr(base->path, '/') + 1, *slash = strrchr(path, '/');

	if (!base->backing_name || base->backing_name[0] == '/' ||
	    (slash && !strcmp(slash + 1, name)))
		return 0;
	return error_set(err, ERROR_DENIED,
			 "%s: the overlays on this base name it %s, because its header has the "
			 "relative name %s: call the file so there, too",
			 path, name, base->backing_name);
}

/* Bottom up: else nobody knows whether the header of the upper one leads to the lower one. */
static int check_below(const struct base_chain *chain, struct error *err)
{
	for (size_t i = 1; i < chain->n; i++)
		if (base_check_unchanged(chain->bases[i], err) < 0)
			return -1;
	return 0;
}

int base_may_relocate(const struct library *library, const struct digest *digest, const char *path,
		      struct error *err)
{
	CLEANUP_BASE_CHAIN struct base_chain chain = {0};

	if (load_chain(library, digest, digest, &chain, err) < 0)
		return -1;
	if (chain.bases[0]->mode != BASE_REFERENCE)
		return error_set(err, ERROR_DENIED,
				 "base %s: lies in the library itself, and stays there",
				 strrchr(chain.bases[0]->name, '/') + 1);
	if (check_name(chain.bases[0], path, err) < 0 || check_below(&chain, err) < 0)
		return -1;
	return check_chains(library, digest, path, err);
}
