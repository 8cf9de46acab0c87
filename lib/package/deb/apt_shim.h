/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libapt-pkg behind C.  It keeps its state in globals of the process: one call of apt_resolve per
 * process.  Nothing of the host's apt or dpkg is read, no program is started, no lock is taken.
 */
#ifndef COLDPATCH_PACKAGE_DEB_APT_SHIM_H
#define COLDPATCH_PACKAGE_DEB_APT_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define APT_NOEXCEPT noexcept
extern "C" {
#else
#define APT_NOEXCEPT
#endif

#include "base/error.h"

enum apt_scope { APT_SCOPE_ALL, APT_SCOPE_SECURITY, APT_SCOPE_NAMED };
enum apt_operation { APT_UNPACK, APT_CONFIGURE, APT_REMOVE };

/* All strings are borrowed for the time of the callback. */
struct apt_change {
	const char *name, *architecture;
	const char *from, *to; /* NULL: new, removed */
	const char *source;
	const char *filename, *sha256;
	size_t index; /* of the source that offers it */
	uint64_t size, installed_size, old_installed_size;
	bool security, automatic;
};

struct apt_left {
	const char *name, *architecture, *installed, *candidate, *reason, *detail;
};

struct apt_sink {
	void *opaque;
	/* Is the package file with this digest there? */
	bool (*has_file)(void *opaque, const char *sha256);
	/* Changes come sorted by name and architecture; steps name them by their number. */
	void (*change)(void *opaque, const struct apt_change *change);
	void (*step)(void *opaque, enum apt_operation operation, size_t change);
	void (*left)(void *opaque, const struct apt_left *left); /* sorted as well */
};

struct apt_job {
	/* A private directory with the files "status", "extended_states" and "preferences".
	 * extended_states is rewritten to what it is to be after the changes. */
	const char *root;
	const char *lists; /* index files, named by apt_list_name */
	const char *sources_list;
	const char *cache; /* file in which the parsed index is kept from one call to the next */
	const char *architecture;
	const char *const *foreign_architectures;
	size_t n_foreign_architectures;
	const bool *security; /* per source, in the order of sources_list */
	size_t n_sources;
	enum apt_scope scope;
	const char *const *names;
	size_t n_names;
	const char *const *holds;
	size_t n_holds;
	bool allow_removals, allow_new;
};

/* How sources_list and the list directory spell source `index`: "file:/coldpatch/INDEX". */
#define APT_SOURCE_URI "file:/coldpatch/%zu"

/* The name of an index file in the list directory, allocated; `path` is relative to the source. */
char *apt_list_name(size_t index, const char *path) APT_NOEXCEPT;
/* ERROR_IMAGE: the guest's package state is damaged or has unmet dependencies; ERROR_MIRROR: an
 * index cannot be read, or the package files cannot be ordered. */
int apt_resolve(const struct apt_job *job, const struct apt_sink *sink,
		struct error *err) APT_NOEXCEPT;

#ifdef __cplusplus
}
#endif
#endif
