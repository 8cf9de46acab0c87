/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lies in the trash can be taken back, so it counts as a use of its base. */
#include <string.h>
#include <sys/stat.h>

#include "library/base.h"
#include "library/retention.h"

struct known {
	struct digest *bases;
	bool *used;
	size_t n;
};

static void known_free(struct known *known)
{
	free(known->bases);
	free(known->used);
}

static bool mark(struct known *known, const struct digest *digest)
{
	for (size_t i = 0; i < known->n; i++)
		if (digest_equal(&known->bases[i], digest) && !known->used[i])
			return known->used[i] = true;
	return false;
}

static bool is_young(const struct library *library, const struct digest *digest, int64_t now)
{
	char hex[DIGEST_HEX_SIZE];
	CLEANUP_FREE char *path = NULL;
	struct stat st;

	digest_to_hex(digest, hex);
	path = library_path(library, "bases/%s.json", hex);
	return lstat(path, &st) < 0 || st.st_mtime > now - RETENTION_YOUNG_S;
}

static void mark_used(const struct library *library, const struct clones *clones, int64_t now,
		      struct known *known)
{
	for (size_t i = 0; i < clones->n_uses; i++)
		if (clones->uses[i].target == CLONE_OF_BASE)
			mark(known, &clones->uses[i].base);
	for (size_t i = 0; i < known->n; i++)
		if (is_young(library, &known->bases[i], now))
			known->used[i] = true;
}

/* Those below a used one, down to the last. */
static int mark_below(const struct library *library, struct known *known, struct error *err)
{
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < known->n; i++) {
			CLEANUP(base_free)
			struct base *base = NULL;

			if (!known->used[i])
				continue;
			base = base_load(library, &known->bases[i], err);
			if (!base)
				return -1;
			changed = (base->backing_name && mark(known, &base->backing)) || changed;
		}
	}
	return 0;
}

int retention_unused_bases(const struct library *library, const struct clones *clones, int64_t now,
			   struct digest **ret, size_t *ret_n, struct error *err)
{
	__attribute__((cleanup(known_free))) struct known known = {0};

	if (library_list_bases(library, &known.bases, &known.n, err) < 0)
		return -1;
	known.used = xcalloc(known.n + 1, sizeof *known.used);
	mark_used(library, clones, now, &known);
	if (mark_below(library, &known, err) < 0)
		return -1;
	for (size_t i = 0; i < known.n; i++)
		if (!known.used[i])
			*ARRAY_ADD(*ret, *ret_n) = known.bases[i];
	return 0;
}
