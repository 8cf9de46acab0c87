/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signed index of a repository.  It is read once; what is parsed is what was verified. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "mirror/beneath.h"
#include "mirror/freshness.h"
#include "mirror/repomd/cpe.h"
#include "mirror/repomd/repomd.h"

enum { MAX_INDEX = 16 << 20, MAX_SIGNATURE = 1 << 20 };

void repository_free(struct repository *repository)
{
	free(repository->path);
	free(repository->index_path);
	buffer_free(&repository->bytes);
	buffer_free(&repository->signature);
	repomd_index_free(&repository->index);
	signers_free(&repository->signers);
}

/* ---- the signature ---- */

static bool is_trusted(const struct mirror_options *options, const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	return repomd_is_trusted(options->trust_digests, options->n_trust_digests, hex);
}

static int not_signed(const struct repository *repository, struct error *err)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&repository->digest, hex);
	return error_set(err, ERROR_TRUST,
			 "%s: is not signed; sign it with a key of your own (gpg --armor "
			 "--detach-sign), or, where you know by other means that it is the "
			 "vendor's, trust digest %s",
			 repository->index_path, hex);
}

static int check_signature(const struct repomd *repomd, struct repository *repository,
			   struct error *err)
{
	CLEANUP_FREE char *directory =
		directory_make_temporary(repomd->build->stage->directory, "gpgv", err);
	const struct gpgv gpgv = {
		.directory = directory,
		.keyrings = repomd->options->keyrings,
		.n_keyrings = repomd->options->n_keyrings,
		.monitor = repomd->build->monitor,
	};

	if (!directory)
		return -1;
	return gpgv_verify_detached(&gpgv, repository->index_path, &repository->bytes,
				    &repository->signature, &repository->signers, err);
}

static int verify(const struct repomd *repomd, struct repository *repository, struct error *err)
{
	CLEANUP_FREE char *path = repository_place(repository->path, REPOMD_SIGNATURE);

	repository->index_path = repository_place(repository->path, REPOMD_INDEX);
	if (beneath_read(repomd->root, repository->index_path, MAX_INDEX, &repository->bytes, err) <
	    0)
		return -1;
	digest_of(repository->bytes.len ? repository->bytes.data : "", repository->bytes.len,
		  &repository->digest);
	if (is_trusted(repomd->options, &repository->digest))
		return 0;
	if (beneath_read(repomd->root, path, MAX_SIGNATURE, &repository->signature, err) < 0)
		return err->kind == ERROR_MISSING ? not_signed(repository, err) : -1;
	return check_signature(repomd, repository, err);
}

/* ---- what it says of itself ---- */

static int describe_system(const struct repomd *repomd, const struct repository *repository,
			   struct error *err)
{
	struct mirror_source *source = repository->source;
	const char *cpe = repository->index.cpe;

	if (repomd->options->os_id) {
		source->origin = xstrdup(repomd->options->os_id);
		return 0;
	}
	if (!cpe || !cpe_read(cpe, &source->os_id, &source->os_version))
		return error_set(err, ERROR_CONFIG,
				 "%s: does not say for which distribution it is; say it with --os "
				 "ID:VERSION, or os: in the configuration, as the os-release of "
				 "the guests has them",
				 repository->index_path);
	source->origin = xstrdup(source->os_id);
	return 0;
}

static int describe(const struct repomd *repomd, struct repository *repository, struct error *err)
{
	struct mirror_source *source = repository->source;
	const struct mirror_options *options = repomd->options;

	if (describe_system(repomd, repository, err) < 0)
		return -1;
	source->path = xstrdup(repository->path);
	source->suite = strcmp(repository->path, ".") ? xstrdup(repository->path) : NULL;
	source->architectures = steal(repository->index.architectures);
	source->n_architectures = repository->index.n_architectures;
	repository->index.n_architectures = 0;
	source->index = repository->digest;
	source->index_path = xstrdup(REPOMD_INDEX);
	source->signer = repository->signers.n_fingerprints
				 ? xstrdup(repository->signers.fingerprints[0])
				 : NULL;
	source->date = repository->index.date;
	if (options->priority)
		source->priority = options->priority;
	source->module_hotfixes = options->module_hotfixes;
	for (size_t i = 0; i < options->n_excludes; i++)
		*ARRAY_ADD(source->excludes, source->n_excludes) = xstrdup(options->excludes[i]);
	return 0;
}

/* ---- its age ---- */

/* No two repositories are called alike by anything that is signed, so the marks are of places.  A
 * state signed by several keys is held to the marks of each. */
static int check_marks(const struct repomd *repomd, const struct repository *repository,
		       struct error *err)
{
	CLEANUP_FREE char *root = realpath(repomd->options->path, NULL);
	CLEANUP_FREE char *place = path_join(root ? root : repomd->options->path, repository->path);

	for (size_t i = 0; i < repository->signers.n_fingerprints; i++) {
		const struct highwater_mark mark = {
			.origin = repository->source->origin,
			.suite = place,
			.signer = repository->signers.fingerprints[i],
			.date = repository->source->date,
			.index = repository->digest,
		};

		if (freshness_check_mark(repository->index_path, &repomd->build->before, &mark,
					 repomd->build->policy, err) < 0)
			return -1;
		highwater_raise(&repomd->build->seen, &mark);
	}
	return 0;
}

/* Who names a digest wants that state, however old. */
static int check_age(const struct repomd *repomd, const struct repository *repository,
		     struct error *err)
{
	int64_t maximum_age = repository->signers.n_fingerprints ? repomd->options->maximum_age : 0;

	if (freshness_check(repository->index_path, repository->source, repomd->build->policy,
			    maximum_age, err) < 0)
		return -1;
	return check_marks(repomd, repository, err);
}

static int stage_index(const struct repomd *repomd, struct repository *repository,
		       struct error *err)
{
	if (mirror_build_file(repomd->build, repository->source, REPOMD_INDEX, &repository->bytes,
			      err) < 0)
		return -1;
	if (!repository->signature.len)
		return 0;
	return mirror_build_file(repomd->build, repository->source, REPOMD_SIGNATURE,
				 &repository->signature, err);
}

int repository_read(const struct repomd *repomd, struct repository *repository, struct error *err)
{
	if (verify(repomd, repository, err) < 0)
		return -1;
	if (repomd_index_parse(repository->bytes.len ? repository->bytes.data : "",
			       repository->bytes.len, &repository->index, err) < 0)
		return error_prefix(err, "%s", repository->index_path);
	repository->source = mirror_build_source(repomd->build);
	if (describe(repomd, repository, err) < 0 || check_age(repomd, repository, err) < 0)
		return -1;
	return stage_index(repomd, repository, err);
}
