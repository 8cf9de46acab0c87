/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The apt layout (https://wiki.debian.org/DebianRepository/Format).
 *
 * Trust goes one way: pinned key -> InRelease -> SHA-256 of a Packages file -> SHA-256 of a package
 * file.  Each file is read once, into memory or into our own copy, and what was read is what was
 * verified.  A partial mirror is fine: architectures, components and packages may be absent, but
 * not every index of a suite.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/decompress.h"
#include "base/file.h"
#include "mirror/beneath.h"
#include "mirror/freshness.h"
#include "mirror/gpgv.h"
#include "mirror/layout.h"
#include "mirror/manifest.h"
#include "mirror/packages.h"
#include "mirror/pool.h"
#include "mirror/release.h"

enum {
	MAX_INDEX = 1 << 30, /* a Packages file, in any form */
	MAX_RELEASE = 64 << 20,
	MAX_SUITE_DEPTH = 3,
};

struct apt {
	struct mirror_build *build;
	const struct mirror_options *options;
	int root;
	struct pool pool;
};

/* One suite while it is read. */
struct suite {
	char *path;	  /* "dists/bookworm-security" */
	char *index_path; /* "dists/bookworm-security/InRelease" */
	struct buffer index, signature, text;
	struct release release;
	struct signers signers;
	struct mirror_source *source;
};

static void suite_free(struct suite *suite)
{
	free(suite->path);
	free(suite->index_path);
	buffer_free(&suite->index);
	buffer_free(&suite->signature);
	buffer_free(&suite->text);
	release_free(&suite->release);
	signers_free(&suite->signers);
}

static bool detect(int root)
{
	struct error ignored;
	CLEANUP_CLOSE int fd = beneath_open(root, "dists", O_DIRECTORY, &ignored);

	return fd >= 0;
}

/* ---- which suites there are ---- */

/* What is there but cannot be opened counts: reading it says why. */
static bool has_file(int root, const char *directory, const char *name)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	struct error problem;
	CLEANUP_CLOSE int fd = beneath_open(root, path, 0, &problem);

	return fd >= 0 || problem.kind != ERROR_MISSING;
}

/* Directories of a suite that hold no suites; some have an unsigned Release of their own. */
static bool is_inner(const char *name)
{
	static const char *const prefixes[] = {
		"binary-",    "source",		  "i18n", "dep11", "by-hash",
		"installer-", "debian-installer", "."};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int find_suites(int root, const char *directory, int depth, struct beneath_list *ret,
		       struct error *err);

/* Symbolic links are other names of suites ("stable"), so they are left out. */
static int find_below(int root, const char *directory, int depth, struct beneath_list *ret,
		      struct error *err)
{
	int fd = beneath_open(root, directory, O_DIRECTORY, err);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (fd < 0)
		return -1;
	if (!dir) {
		error_os(err, ERROR_IO, errno, "%s", directory);
		close(fd);
		return -1;
	}
	while (result == 0 && (entry = readdir(dir))) {
		CLEANUP_FREE char *path = path_join(directory, entry->d_name);

		if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
		    !is_inner(entry->d_name) && beneath_is_safe(path))
			result = find_suites(root, path, depth, ret, err);
	}
	closedir(dir);
	return result;
}

static int find_suites(int root, const char *directory, int depth, struct beneath_list *ret,
		       struct error *err)
{
	if (has_file(root, directory, "InRelease") || has_file(root, directory, "Release"))
		*ARRAY_ADD(ret->paths, ret->n_paths) = xstrdup(directory);
	if (depth >= MAX_SUITE_DEPTH)
		return 0;
	if (!has_file(root, directory, ".")) /* a plain file, where the type was unknown */
		return 0;
	return find_below(root, directory, depth + 1, ret, err);
}

static int named_suites(const struct mirror_options *options, struct beneath_list *ret,
			struct error *err)
{
	for (size_t i = 0; i < options->n_suites; i++) {
		if (!beneath_is_safe(options->suites[i]))
			return error_set(err, ERROR_CONFIG, "suite %s: not the name of a suite",
					 options->suites[i]);
		*ARRAY_ADD(ret->paths, ret->n_paths) = path_join("dists", options->suites[i]);
	}
	return 0;
}

static int list_suites(const struct apt *apt, struct beneath_list *ret, struct error *err)
{
	if (apt->options->suites)
		return named_suites(apt->options, ret, err);
	if (find_below(apt->root, "dists", 1, ret, err) < 0)
		return -1;
	if (!ret->n_paths)
		return error_set(err, ERROR_MIRROR,
				 "dists: no suite in it has an InRelease or a "
				 "Release file");
	beneath_list_sort(ret);
	return 0;
}

/* ---- the signed index ---- */

static int read_index(const struct apt *apt, struct suite *suite, const char *name,
		      struct buffer *ret, struct error *err)
{
	CLEANUP_FREE char *path = path_join(suite->path, name);

	return beneath_read(apt->root, path, MAX_RELEASE, ret, err);
}

static int verify_inline(const struct gpgv *gpgv, const struct apt *apt, struct suite *suite,
			 struct error *err)
{
	suite->index_path = path_join(suite->path, "InRelease");
	if (read_index(apt, suite, "InRelease", &suite->index, err) < 0)
		return -1;
	return gpgv_verify_inline(gpgv, suite->index_path, &suite->index, &suite->text,
				  &suite->signers, err);
}

static int verify_detached(const struct gpgv *gpgv, const struct apt *apt, struct suite *suite,
			   struct error *err)
{
	suite->index_path = path_join(suite->path, "Release");
	if (read_index(apt, suite, "Release", &suite->index, err) < 0)
		return -1;
	if (read_index(apt, suite, "Release.gpg", &suite->signature, err) < 0) {
		if (err->kind == ERROR_MISSING)
			error_set(err, ERROR_TRUST, "%s: is not signed", suite->index_path);
		return -1;
	}
	buffer_append(&suite->text, suite->index.data, suite->index.len);
	return gpgv_verify_detached(gpgv, suite->index_path, &suite->index, &suite->signature,
				    &suite->signers, err);
}

static int verify_suite(const struct apt *apt, struct suite *suite, struct error *err)
{
	CLEANUP_FREE char *directory =
		directory_make_temporary(apt->build->stage->directory, "gpgv", err);
	struct gpgv gpgv = {
		.directory = directory,
		.keyrings = apt->options->keyrings,
		.n_keyrings = apt->options->n_keyrings,
		.monitor = apt->build->monitor,
	};

	if (!directory)
		return -1;
	if (has_file(apt->root, suite->path, "InRelease"))
		return verify_inline(&gpgv, apt, suite, err);
	if (!has_file(apt->root, suite->path, "Release"))
		return error_set(err, ERROR_MIRROR,
				 "%s: no such suite: it has neither InRelease nor Release",
				 suite->path);
	return verify_detached(&gpgv, apt, suite, err);
}

static bool text_is(const char *text, const char *wanted)
{
	return text && strcmp(text, wanted) == 0;
}

static bool is_security(const struct mirror_source *source)
{
	const char *const names[] = {source->suite, source->codename};

	if (text_is(source->label, "Debian-Security") || text_is(source->origin, "Debian-Security"))
		return true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *dash = names[i] ? strrchr(names[i], '-') : NULL;

		if (dash && strcmp(dash, "-security") == 0)
			return true;
	}
	return false;
}

/* Takes from the release what the source says of itself. */
static void describe(struct suite *suite)
{
	struct mirror_source *source = suite->source;
	struct release *release = &suite->release;

	source->origin = steal(release->origin);
	source->label = steal(release->label);
	source->suite = steal(release->suite);
	source->codename = steal(release->codename);
	source->version = steal(release->version);
	for (size_t i = 0; i < release->n_components; i++)
		*ARRAY_ADD(source->components, source->n_components) =
			xstrdup(release->components[i]);
	for (size_t i = 0; i < release->n_architectures; i++)
		*ARRAY_ADD(source->architectures, source->n_architectures) =
			xstrdup(release->architectures[i]);
	source->index_path = xstrdup(suite->index_path);
	source->signer = xstrdup(suite->signers.fingerprints[0]);
	source->date = release->date;
	source->valid_until = release->valid_until;
	source->security = is_security(source);
	digest_of(suite->index.data, suite->index.len, &source->index);
}

/* A state signed by several keys is held to the marks of each. */
static int check_age(const struct apt *apt, const struct suite *suite, struct error *err)
{
	const struct mirror_source *source = suite->source;
	const char *name = source->codename ? source->codename : source->suite;
	struct mirror_build *build = apt->build;

	if (freshness_check(suite->index_path, source, build->policy, err) < 0)
		return -1;
	for (size_t i = 0; i < suite->signers.n_fingerprints; i++) {
		struct highwater_mark mark = {
			.origin = source->origin ? source->origin : suite->path,
			.suite = (char *)(uintptr_t)(name ? name : suite->path),
			.signer = suite->signers.fingerprints[i],
			.date = source->date,
			.index = source->index,
		};

		if (freshness_check_mark(suite->index_path, &build->before, &mark, build->policy,
					 err) < 0)
			return -1;
		highwater_raise(&build->seen, &mark);
	}
	return 0;
}

static int stage_index(const struct apt *apt, struct suite *suite, struct error *err)
{
	CLEANUP_FREE char *signature = path_join(suite->path, "Release.gpg");

	if (mirror_build_file(apt->build, suite->source, suite->index_path, &suite->index, err) < 0)
		return -1;
	if (!suite->signature.len)
		return 0;
	return mirror_build_file(apt->build, suite->source, signature, &suite->signature, err);
}

/* ---- the Packages files ---- */

static const struct form {
	const char *suffix;
	enum compression compression;
} forms[] = {
	{"", COMPRESSION_NONE},
	{".zst", COMPRESSION_ZSTD},
	{".xz", COMPRESSION_XZ},
	{".gz", COMPRESSION_GZIP},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

static int check_bytes(const struct suite *suite, const char *path, const struct release_file *file,
		       const struct buffer *bytes, struct error *err)
{
	struct digest got;

	if (bytes->len != file->size)
		return error_set(err, ERROR_TRUST,
				 "%s: has %zu bytes, but %s says %llu: truncated, tampered with, "
				 "or caught in the middle of an update",
				 path, bytes->len, suite->index_path,
				 (unsigned long long)file->size);
	digest_of(bytes->len ? bytes->data : "", bytes->len, &got);
	if (!digest_equal(&got, &file->sha256))
		return error_set(err, ERROR_TRUST,
				 "%s: its SHA-256 is not what %s says: tampered with, or caught in "
				 "the middle of an update",
				 path, suite->index_path);
	return 0;
}

static char *by_hash_path(const struct suite *suite, const struct release_file *file)
{
	const char *slash = strrchr(file->path, '/');
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&file->sha256, hex);
	return xasprintf("%s/%.*sby-hash/SHA256/%s", suite->path,
			 slash ? (int)(slash + 1 - file->path) : 0, file->path, hex);
}

/* Reads an index file, by its digest's name first: that one stays right while a mirror is updated.
 * 1, 0 when it is under neither name, -1. */
static int read_listed(const struct apt *apt, const struct suite *suite,
		       const struct release_file *file, struct buffer *ret, struct error *err)
{
	CLEANUP_FREE char *by_hash = by_hash_path(suite, file);
	CLEANUP_FREE char *plain = path_join(suite->path, file->path);
	const char *const paths[] = {by_hash, plain};

	if (file->size > MAX_INDEX)
		return error_set(err, ERROR_TRUST, "%s: longer than %d bytes", plain, MAX_INDEX);
	for (size_t i = 0; i < 2; i++) {
		if (beneath_read(apt->root, paths[i], MAX_INDEX, ret, err) == 0)
			return check_bytes(suite, paths[i], file, ret, err) < 0 ? -1 : 1;
		if (err->kind != ERROR_MISSING)
			return -1;
	}
	return 0;
}

static int expand(const struct suite *suite, const char *stem, const struct form *form,
		  const struct buffer *packed, struct buffer *ret, struct error *err)
{
	const struct release_file *plain = release_find(&suite->release, stem);
	size_t limit = plain && plain->size < MAX_INDEX ? plain->size : MAX_INDEX;

	if (decompress(packed->data, packed->len, form->compression, limit, ERROR_TRUST, ret, err) <
	    0)
		return error_prefix(err, "%s/%s%s", suite->path, stem, form->suffix);
	return plain ? check_bytes(suite, stem, plain, ret, err) : 0;
}

/* The first form that is there, uncompressed.  1, 0 when none is there, -1. */
static int read_packages(const struct apt *apt, const struct suite *suite, const char *stem,
			 struct buffer *ret, struct error *err)
{
	for (size_t i = 0; i < N_FORMS; i++) {
		CLEANUP_FREE char *path = xasprintf("%s%s", stem, forms[i].suffix);
		const struct release_file *file = release_find(&suite->release, path);
		CLEANUP_BUFFER struct buffer bytes = {0};
		int found = file ? read_listed(apt, suite, file, &bytes, err) : 0;

		if (found < 0)
			return -1;
		if (found)
			return expand(suite, stem, &forms[i], &bytes, ret, err) < 0 ? -1 : 1;
	}
	return 0;
}

static int want_package(void *opaque, const struct packages_entry *entry, struct error *err)
{
	struct apt *apt = opaque;
	struct mirror_build *build = apt->build;
	const char *path;

	if (pool_find(&apt->pool, entry->path, entry->path_len, &path, err) < 0)
		return -1;
	if (path)
		*ARRAY_ADD(build->wanted, build->n_wanted) = (struct mirror_wanted){
			apt->root, xstrdup(path), entry->sha256, entry->size};
	return 0;
}

/* 1, 0 when it is not there, -1. */
static int take_packages(struct apt *apt, struct suite *suite, const char *stem, struct error *err)
{
	CLEANUP_FREE char *path = path_join(suite->path, stem);
	CLEANUP_BUFFER struct buffer text = {0};
	int found;

	if (monitor_check(apt->build->monitor, err) < 0)
		return -1;
	monitor_progress(apt->build->monitor, "mirror", path, 0, 0);
	found = read_packages(apt, suite, stem, &text, err);
	if (found <= 0)
		return found;
	if (mirror_build_file(apt->build, suite->source, path, &text, err) < 0)
		return -1;
	if (packages_parse(text.data ? text.data : "", text.len, want_package, apt, err) < 0)
		return error_prefix(err, "%s", path);
	return 1;
}

/* "main/binary-amd64/Packages" of "main/binary-amd64/Packages.xz" when that is an index of packages
 * of a component; NULL otherwise.  Components of old security suites are called "updates/main" and
 * their paths "main/...". */
static char *packages_stem(const struct release *release, const char *path)
{
	const char *binary = strstr(path, "/binary-");
	const char *base = binary ? strchr(binary + 1, '/') : NULL;
	size_t component = binary ? (size_t)(binary - path) : 0;

	if (!base || strncmp(base, "/Packages", 9) != 0)
		return NULL;
	base += 9;
	for (size_t i = 0; i < N_FORMS; i++)
		if (strcmp(base, forms[i].suffix) == 0)
			goto known;
	return NULL;
known:
	for (size_t i = 0; i < release->n_components; i++) {
		const char *name = release->components[i];
		size_t len = strlen(name);

		if (len >= component && memcmp(name + len - component, path, component) == 0 &&
		    (len == component || name[len - component - 1] == '/'))
			return xstrndup(path, base - path);
	}
	return NULL;
}

static void list_stems(const struct release *release, struct beneath_list *ret)
{
	for (size_t i = 0; i < release->n_files; i++) {
		CLEANUP_FREE char *stem = packages_stem(release, release->files[i].path);

		if (stem && (!ret->n_paths || strcmp(ret->paths[ret->n_paths - 1], stem) != 0))
			*ARRAY_ADD(ret->paths, ret->n_paths) = steal(stem);
	}
}

static int incomplete(const struct suite *suite, const struct beneath_list *stems,
		      struct error *err)
{
	const char *stem;

	if (!stems->n_paths)
		return error_set(err, ERROR_MIRROR, "%s: lists no index of packages",
				 suite->index_path);
	stem = stems->paths[0];
	for (size_t i = stems->n_paths; i-- > 0;)
		if (strstr(stems->paths[i], "/binary-amd64/"))
			stem = stems->paths[i];
	return error_set(
		err, ERROR_MIRROR,
		"the mirror is incomplete: %s/%s.xz is missing, and so is every other index "
		"of packages that %s lists",
		suite->path, stem, suite->index_path);
}

static const char *architecture_of(const char *stem)
{
	return strstr(stem, "/binary-");
}

/* An architecture that is mirrored in one component only is a likely slip of whoever mirrors. */
static void warn_of_gaps(const struct apt *apt, const struct suite *suite,
			 const struct beneath_list *missing, const struct beneath_list *present)
{
	for (size_t i = 0; i < missing->n_paths; i++)
		for (size_t j = 0; j < present->n_paths; j++)
			if (strcmp(architecture_of(missing->paths[i]),
				   architecture_of(present->paths[j])) == 0) {
				monitor_log(apt->build->monitor, LOG_LEVEL_WARNING,
					    "%s/%s is not in the mirror, %s/%s is", suite->path,
					    missing->paths[i], suite->path, present->paths[j]);
				break;
			}
}

static int take_all_packages(struct apt *apt, struct suite *suite, struct error *err)
{
	CLEANUP_BENEATH_LIST struct beneath_list stems = {0}, missing = {0}, present = {0};

	list_stems(&suite->release, &stems);
	for (size_t i = 0; i < stems.n_paths; i++) {
		int found = take_packages(apt, suite, stems.paths[i], err);
		struct beneath_list *list = found > 0 ? &present : &missing;

		if (found < 0)
			return -1;
		*ARRAY_ADD(list->paths, list->n_paths) = xstrdup(stems.paths[i]);
	}
	warn_of_gaps(apt, suite, &missing, &present);
	return present.n_paths ? 0 : incomplete(suite, &stems, err);
}

/* ---- all of it ---- */

static int read_suite(struct apt *apt, const char *path, struct error *err)
{
	__attribute__((cleanup(suite_free))) struct suite suite = {.path = xstrdup(path)};

	monitor_progress(apt->build->monitor, "mirror", path, 0, 0);
	if (verify_suite(apt, &suite, err) < 0)
		return -1;
	if (release_parse(suite.text.data ? suite.text.data : "", suite.text.len, &suite.release,
			  err) < 0)
		return error_prefix(err, "%s", suite.index_path);
	suite.source = mirror_build_source(apt->build);
	describe(&suite);
	if (check_age(apt, &suite, err) < 0 || stage_index(apt, &suite, err) < 0)
		return -1;
	return take_all_packages(apt, &suite, err);
}

static int read_mirror(struct mirror_build *build, int root, const struct mirror_options *options,
		       struct error *err)
{
	CLEANUP_BENEATH_LIST struct beneath_list suites = {0};
	struct apt apt = {.build = build, .options = options, .root = root, .pool = {.root = root}};
	int result = list_suites(&apt, &suites, err);

	for (size_t i = 0; result == 0 && i < suites.n_paths; i++)
		result = read_suite(&apt, suites.paths[i], err);
	pool_free(&apt.pool);
	return result;
}

const struct mirror_layout mirror_layout_apt = {
	.name = "apt",
	.family = "deb",
	.detect = detect,
	.read = read_mirror,
};
