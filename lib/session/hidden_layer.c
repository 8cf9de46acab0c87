/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apart from hidden.c: the session reads neither layers nor guests. */
#include "session/hidden.h"

#include <sys/stat.h>

#include "package/ownership.h"

struct checking {
	const struct guest *guest;
	bool *ret_wanted;
};

static int check_entry(void *opaque, const struct layer_entry *entry, struct error *err)
{
	const struct checking *checking = opaque;
	bool stays = entry->action == LAYER_METADATA ||
		     (entry->action == LAYER_REPLACE && S_ISDIR(entry->stat.mode));

	if (!stays &&
	    hidden_check_removal(checking->guest, entry->path, checking->ret_wanted, err) < 0)
		return -1;
	return hidden_check_path(checking->guest, "a script of the packages", entry->path,
				 checking->ret_wanted, err);
}

static int skip_content(void *opaque, const void *data, size_t len, uint64_t offset,
			struct error *err)
{
	(void)opaque, (void)data, (void)len, (void)offset, (void)err;
	return 0;
}

int hidden_check_layer(const struct guest *guest, const struct layer *layer, bool *ret_wanted,
		       struct error *err)
{
	struct checking checking = {guest, ret_wanted};
	const struct layer_visitor visitor = {
		.entry = check_entry, .content = skip_content, .opaque = &checking};

	return hidden_places(guest) ? layer_read(layer, &visitor, err) : 0;
}

static bool any_owns(const struct ownership *ownership, const struct plan *plan,
		     const char *mountpoint)
{
	for (size_t i = 0; i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];

		if (change->from && ownership_of_below(ownership, change, mountpoint))
			return true;
	}
	return false;
}

int hidden_find_owned(const struct guest *guest, const struct package_family *family,
		      struct tree *tree, const struct plan *plan, bool *ret_wanted,
		      struct error *err)
{
	CLEANUP(ownership_free)
	struct ownership *ownership = NULL;

	for (size_t i = 0; !*ret_wanted && i < guest->n_filesystems; i++) {
		const struct guest_filesystem *fs = &guest->filesystems[i];

		if (!hidden_can_be_wanted(fs))
			continue;
		if (!ownership && !(ownership = ownership_read(family, tree, err)))
			return -1;
		*ret_wanted = any_owns(ownership, plan, fs->mountpoint);
	}
	return 0;
}
