/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Apart from hidden.c: the session does not read layers. */
#include "session/hidden.h"

static int check_entry(void *opaque, const struct layer_entry *entry, struct error *err)
{
	return hidden_check_path(opaque, "a script of the packages", entry->path, err);
}

static int skip_content(void *opaque, const void *data, size_t len, uint64_t offset,
			struct error *err)
{
	(void)opaque, (void)data, (void)len, (void)offset, (void)err;
	return 0;
}

int hidden_check_layer(const struct guest *guest, const struct layer *layer, struct error *err)
{
	const struct layer_visitor visitor = {
		.entry = check_entry, .content = skip_content, .opaque = (void *)(uintptr_t)guest};

	return hidden_places(guest) ? layer_read(layer, &visitor, err) : 0;
}
