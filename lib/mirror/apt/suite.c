/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signed index of a suite.  It is read once; what is parsed is what gpgv says was signed. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "mirror/apt/apt.h"
#include "mirror/beneath.h"
#include "mirror/freshness.h"

enum { MAX_RELEASE = 64 << 20 };

void apt_suite_free(struct apt_suite *suite)
{
	free(suite->path);
	free(suite->index_path);
	buffer_free(&suite->index);
	buffer_free(&suite->signature);
	buffer_free(&suite->text);
	release_free(&suite->release);
	signers_free(&suite->signers);
}

bool apt_has_file(int root, const char *directory, const char *name)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	struct error problem;
	CLEANUP_CLOSE int fd = beneath_open(root, path, 0, &problem);

	return fd >= 0 || problem.kind != ERROR_MISSING;
}

static int read_index(const struct apt *apt, struct apt_suite *suite, const char *name,
		      struct buffer *ret, struct error *err)
{
	CLEANUP_FREE char *path = path_join(suite->path, name);

	return beneath_read(apt->root, path, MAX_RELEASE, ret, err);
}

static int verify_inline(const struct gpgv *gpgv, const struct apt *apt, struct apt_suite *suite,
			 struct error *err)
{
	suite->index_path = path_join(suite->path, "InRelease");
	if (read_index(apt, suite, "InRelease", &suite->index, err) < 0)
		return -1;
	return gpgv_verify_inline(gpgv, suite->index_path, &suite->index, &suite->text,
				  &suite->signers, err);
}

static int verify_detached(const struct gpgv *gpgv, const struct apt *apt, struct apt_suite *suite,
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

static int verify_suite(const struct apt *apt, struct apt_suite *suite, struct error *err)
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
	if (apt_has_file(apt->root, suite->path, "InRelease"))
		return verify_inline(&gpgv, apt, suite, err);
	if (!apt_has_file(apt->root, suite->path, "Release"))
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

/* Where a component's files lie: suites of the security archive call theirs "updates/main" and keep
 * them in "main/". */
static const char *component_directory(const struct release *release, const char *component)
{
	const char *slash = strrchr(component, '/');
	size_t len = strlen(component);

	for (size_t i = 0; i < release->n_files; i++)
		if (strncmp(release->files[i].path, component, len) == 0 &&
		    release->files[i].path[len] == '/')
			return component;
	return slash ? slash + 1 : component;
}

/* Takes from the release what the source says of itself. */
static void describe(struct apt_suite *suite)
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
			xstrdup(component_directory(release, release->components[i]));
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

static bool is_pocket_name(const char *name)
{
	return name && (text_ends_with(name, "-security") || text_ends_with(name, "-updates"));
}

/* Suites that a vendor writes to all the time. */
static bool is_pocket(const struct mirror_source *source)
{
	return is_pocket_name(source->suite) || is_pocket_name(source->codename);
}

static int64_t maximum_age(const struct apt *apt, const struct mirror_source *source)
{
	if (apt->options->maximum_age)
		return apt->options->maximum_age;
	return is_pocket(source) ? apt->build->policy->maximum_age : 0;
}

/* A state signed by several keys is held to the marks of each. */
static int check_age(const struct apt *apt, const struct apt_suite *suite, struct error *err)
{
	const struct mirror_source *source = suite->source;
	const char *name = source->codename ? source->codename : source->suite;
	struct mirror_build *build = apt->build;

	if (freshness_check(suite->index_path, source, build->policy, maximum_age(apt, source),
			    err) < 0)
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

static int stage_index(const struct apt *apt, struct apt_suite *suite, struct error *err)
{
	CLEANUP_FREE char *signature = path_join(suite->path, "Release.gpg");

	if (mirror_build_file(apt->build, suite->source, suite->index_path, &suite->index, err) < 0)
		return -1;
	if (!suite->signature.len)
		return 0;
	return mirror_build_file(apt->build, suite->source, signature, &suite->signature, err);
}

int apt_suite_read(const struct apt *apt, struct apt_suite *suite, struct error *err)
{
	if (verify_suite(apt, suite, err) < 0)
		return -1;
	if (release_parse(suite->text.data ? suite->text.data : "", suite->text.len,
			  &suite->release, err) < 0)
		return error_prefix(err, "%s", suite->index_path);
	suite->source = mirror_build_source(apt->build);
	describe(suite);
	if (check_age(apt, suite, err) < 0)
		return -1;
	return stage_index(apt, suite, err);
}
