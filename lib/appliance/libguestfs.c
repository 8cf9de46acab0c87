/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/libguestfs.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define LIBGUESTFS_ROW(name) {"guestfs_" #name, offsetof(struct libguestfs, name)},
	LIBGUESTFS_FUNCTIONS(LIBGUESTFS_ROW)
#undef LIBGUESTFS_ROW
};

static int find_functions(void *library, struct libguestfs *ret, struct error *err)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function)
			return error_set(err, ERROR_HOST, "libguestfs is too old: no %s",
					 functions[i].name);
		memcpy((char *)ret + functions[i].offset, &function, sizeof function);
	}
	return 0;
}

const struct libguestfs *libguestfs_load(struct error *err)
{
	static struct libguestfs loaded;
	static bool is_loaded;
	void *library;

	if (is_loaded)
		return &loaded;
	library = dlopen("libguestfs.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return error_set(err, ERROR_HOST, "%s: install libguestfs0", dlerror()), NULL;
	if (find_functions(library, &loaded, err) < 0)
		return NULL;
	is_loaded = true;
	return &loaded;
}
