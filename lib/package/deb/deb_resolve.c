/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Gives libapt-pkg private copies of what it is to read, and turns what it says into a resolution.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/temporary.h"
#include "package/deb/apt_index.h"
#include "package/deb/apt_shim.h"
#include "package/deb/deb.h"

enum { MAX_EXTENDED_STATES = 64 << 20 };

static const char extended_states_path[] = "/var/lib/apt/extended_states";

struct collector {
	const struct mirror_snapshot *snapshot;
	struct resolution resolution;
};

static bool has_file(void *opaque, const char *sha256)
{
	const struct collector *collector = opaque;
	struct digest digest;

	return digest_from_hex(sha256, &digest) &&
	       mirror_snapshot_has_package(collector->snapshot, &digest);
}

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

/* "Debian:bookworm-security" */
static char *origin_of(const struct mirror_source *source)
{
	const char *name = source->codename ? source->codename : source->suite;

	return xasprintf("%s:%s", source->origin ? source->origin : "", name ? name : "");
}

static void take_change(void *opaque, const struct apt_change *from)
{
	struct collector *collector = opaque;
	struct resolution *resolution = &collector->resolution;
	struct package_change *to = ARRAY_ADD(resolution->changes, resolution->n_changes);

	to->name = xstrdup(from->name);
	to->architecture = xstrdup(from->architecture);
	to->from = copy(from->from);
	to->to = copy(from->to);
	to->source = copy(from->source);
	to->old_installed_size = from->old_installed_size;
	if (!from->to)
		return;
	to->origin = origin_of(&collector->snapshot->sources[from->index]);
	to->filename = xstrdup(from->filename);
	digest_from_hex(from->sha256, &to->sha256);
	to->size = from->size;
	to->installed_size = from->installed_size;
	to->security = from->security;
	to->automatic = from->automatic;
}

static void take_step(void *opaque, enum apt_operation operation, size_t change)
{
	static const enum package_operation operations[] = {[APT_UNPACK] = PACKAGE_UNPACK,
							    [APT_CONFIGURE] = PACKAGE_CONFIGURE,
							    [APT_REMOVE] = PACKAGE_REMOVE};
	struct collector *collector = opaque;
	struct resolution *resolution = &collector->resolution;

	*ARRAY_ADD(resolution->steps, resolution->n_steps) =
		(struct package_step){.operation = operations[operation], .change = change};
}

static void take_left(void *opaque, const struct apt_left *from)
{
	struct collector *collector = opaque;
	struct resolution *resolution = &collector->resolution;

	*ARRAY_ADD(resolution->left, resolution->n_left) = (struct package_left){
		.name = xstrdup(from->name),
		.architecture = xstrdup(from->architecture),
		.installed = xstrdup(from->installed),
		.candidate = xstrdup(from->candidate),
		.reason = xstrdup(from->reason),
		.detail = xstrdup(from->detail),
	};
}

/* Lives as long as this call: not synced. */
static int write_private(const char *root, const char *name, const struct buffer *content,
			 struct error *err)
{
	CLEANUP_FREE char *path = path_join(root, name);
	CLEANUP_CLOSE int fd = -1;

	if (!content)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (file_write_all(fd, content->data, content->len, err) < 0)
		return error_prefix(err, "%s", path);
	return 0;
}

static int prepare_root(const char *root, const struct package_state *state, struct error *err)
{
	static const char *const names[] = {"status", "extended_states", "preferences"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (write_private(root, names[i], package_state_file(state, names[i]), err) < 0)
			return -1;
	return 0;
}

/* apt has rewritten its private copy of extended_states. */
static int take_extended_states(const char *root, const struct package_state *state,
				struct resolution *resolution, struct error *err)
{
	const struct buffer *old = package_state_file(state, "extended_states");
	CLEANUP_FREE char *path = path_join(root, "extended_states");
	CLEANUP_BUFFER struct buffer now = {0};
	struct package_file_write *file;

	if (resolution->n_changes == 0 || access(path, F_OK) < 0)
		return 0;
	if (file_read(path, MAX_EXTENDED_STATES, &now, err) < 0)
		return -1;
	if (now.len == (old ? old->len : 0) && (!old || memcmp(now.data, old->data, now.len) == 0))
		return 0;
	if (memchr(now.data ? now.data : "", '\0', now.len))
		return error_set(err, ERROR_IMAGE, "%s contains a NUL byte", extended_states_path);
	file = ARRAY_ADD(resolution->files, resolution->n_files);
	file->path = xstrdup(extended_states_path);
	file->content = now.data ? buffer_steal(&now) : xstrdup("");
	return 0;
}

static enum apt_scope scope_of(enum resolve_scope scope)
{
	static const enum apt_scope scopes[] = {[RESOLVE_ALL] = APT_SCOPE_ALL,
						[RESOLVE_SECURITY] = APT_SCOPE_SECURITY,
						[RESOLVE_NAMED] = APT_SCOPE_NAMED};

	return scopes[scope];
}

static bool *security_flags(const struct mirror_snapshot *snapshot)
{
	bool *flags = xcalloc(snapshot->n_sources, sizeof *flags);

	for (size_t i = 0; i < snapshot->n_sources; i++)
		flags[i] = snapshot->sources[i].security;
	return flags;
}

static int run(const char *root, const struct apt_index *index, const struct guest *guest,
	       const struct resolve_request *request, struct collector *collector,
	       struct error *err)
{
	CLEANUP_FREE bool *security = security_flags(collector->snapshot);
	struct apt_job job = {
		.root = root,
		.lists = index->lists,
		.sources_list = index->sources_list,
		.cache = index->cache,
		.architecture = guest->packages.architecture,
		.foreign_architectures = (const char *const *)guest->packages.foreign_architectures,
		.n_foreign_architectures = guest->packages.n_foreign_architectures,
		.security = security,
		.n_sources = collector->snapshot->n_sources,
		.scope = scope_of(request->scope),
		.names = request->names,
		.n_names = request->n_names,
		.holds = request->holds,
		.n_holds = request->n_holds,
		.allow_removals = request->allow_removals,
		.allow_new = request->allow_new,
	};
	struct apt_sink sink = {.opaque = collector,
				.has_file = has_file,
				.change = take_change,
				.step = take_step,
				.left = take_left};

	return apt_resolve(&job, &sink, err);
}

static int resolve_in(const char *root, const struct package_state *state,
		      const struct apt_index *index, const struct guest *guest,
		      const struct resolve_request *request, struct collector *collector,
		      struct error *err)
{
	if (prepare_root(root, state, err) < 0 ||
	    run(root, index, guest, request, collector, err) < 0)
		return -1;
	return take_extended_states(root, state, &collector->resolution, err);
}

int deb_resolve(const struct package_state *state, const struct guest *guest,
		const struct mirror_snapshot *snapshot, const struct resolve_request *request,
		const char *work_dir, struct resolution *ret, struct error *err)
{
	CLEANUP_APT_INDEX struct apt_index index = {0};
	CLEANUP_FREE char *root = NULL;
	struct collector collector = {.snapshot = snapshot};
	struct error ignored = {0};
	int result;

	if (!guest->packages.architecture || work_dir[0] != '/')
		return error_set(err, ERROR_BUG,
				 "resolving needs the guest's package state and an absolute work "
				 "directory");
	if (apt_index_open(snapshot, &guest->packages, work_dir, &index, err) < 0)
		return -1;
	root = temporary_directory_make(work_dir, "resolve", err);
	if (!root)
		return -1;
	result = resolve_in(root, state, &index, guest, request, &collector, err);
	directory_remove(root, &ignored);
	if (result < 0) {
		resolution_free(&collector.resolution);
		return -1;
	}
	*ret = collector.resolution;
	return 0;
}
