/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/trial.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "mirror/beneath.h"
#include "mirror/build.h"
#include "mirror/manifest.h"
#include "mirror/store.h"

enum { MAX_TOLD = 100 };

struct trying {
	const char *store;
	struct mirror_build *build;
	struct mirror_trial *trial;
};

static void refuse(struct trying *trying, const struct error *problem)
{
	struct mirror_trial *trial = trying->trial;

	if (trial->n_refused < MAX_TOLD)
		*ARRAY_ADD(trial->refused, trial->n_refused) = *problem;
	else
		trial->n_more++;
}

/* Of what the user wants, not of a mirror. */
static bool ends_all(const struct error *problem)
{
	return problem->kind == ERROR_BUSY || problem->kind == ERROR_HOST ||
	       problem->kind == ERROR_CONFIG;
}

static int try_mirrors(struct trying *trying, const struct mirror_options *mirrors, size_t n,
		       struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct error problem = {0};

		if (mirror_build_read(trying->build, &mirrors[i], &problem) == 0)
			continue;
		if (ends_all(&problem)) {
			*err = problem;
			return -1;
		}
		refuse(trying, &problem);
	}
	mirror_build_sort(trying->build);
	return 0;
}

/* Where make takes it from: what the store has is not copied again.  The descriptor, or -1. */
static int open_package(const struct trying *trying, const struct mirror_wanted *wanted,
			bool *ret_new, struct error *err)
{
	CLEANUP_FREE char *name = store_package_name(&wanted->sha256);
	CLEANUP_FREE char *path = path_join(trying->store, name);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	*ret_new = fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		   (uint64_t)st.st_size != wanted->size;
	return *ret_new ? beneath_open(wanted->root, wanted->path, 0, err) : steal_fd(&fd);
}

static int check_package(const struct trying *trying, const struct mirror_wanted *wanted,
			 bool *ret_new, struct error *err)
{
	CLEANUP_CLOSE int fd = open_package(trying, wanted, ret_new, err);

	if (fd < 0)
		return error_prefix(err, "mirror %s", wanted->mirror);
	if ((*ret_new && stage_package_check(fd, &wanted->sha256, wanted->size,
					     trying->build->monitor, err) < 0) ||
	    (wanted->check && wanted->check->check(wanted->check, wanted, fd, err) < 0))
		return error_prefix(err, "mirror %s: %s", wanted->mirror, wanted->path);
	return 0;
}

static bool has_digest_before(const struct mirror_build *build, size_t i)
{
	return i && digest_equal(&build->wanted[i - 1].sha256, &build->wanted[i].sha256);
}

static int try_packages(struct trying *trying, struct error *err)
{
	const struct mirror_build *build = trying->build;

	for (size_t i = 0; i < build->n_wanted; i++) {
		const struct mirror_wanted *wanted = &build->wanted[i];
		struct error problem = {0};
		bool new = false;

		monitor_progress(build->monitor, "packages", wanted->path, i, build->n_wanted);
		if (monitor_check(build->monitor, err) < 0)
			return -1;
		if (mirror_build_is_repeated(build, i))
			continue;
		if (check_package(trying, wanted, &new, &problem) < 0) {
			refuse(trying, &problem);
		} else if (new && !has_digest_before(build, i)) {
			trying->trial->n_new++;
			trying->trial->new_bytes += wanted->size;
		}
	}
	return 0;
}

static void finish(struct trying *trying)
{
	struct mirror_trial *trial = trying->trial;
	CLEANUP_FREE char *path = NULL, *bytes = NULL;
	CLEANUP_JSON json_t *manifest = NULL;
	char hex[DIGEST_HEX_SIZE];

	mirror_build_finish(trying->build, trial->snapshot);
	manifest = manifest_to_json(trial->snapshot);
	bytes = json_to_bytes(manifest);
	digest_of(bytes, strlen(bytes), &trial->snapshot->digest);
	digest_to_hex(&trial->snapshot->digest, hex);
	path = xasprintf("%s/" STORE_SNAPSHOTS "/%s", trying->store, hex);
	trial->exists = access(path, F_OK) == 0;
}

int mirror_snapshot_try(const char *store, const char *scratch,
			const struct mirror_options *mirrors, size_t n_mirrors,
			const struct mirror_policy *policy, const struct monitor *monitor,
			struct mirror_trial *ret, struct error *err)
{
	CLEANUP_STAGE struct stage stage = {0};
	CLEANUP_MIRROR_BUILD struct mirror_build build = {
		.policy = policy, .monitor = monitor, .stage = &stage};
	CLEANUP_MIRROR_TRIAL struct mirror_trial trial = {
		.snapshot = xcalloc(1, sizeof *trial.snapshot)};
	struct trying trying = {store, &build, &trial};

	if (policy->high_water_file &&
	    highwater_read(policy->high_water_file, &build.before, err) < 0)
		return -1;
	if (stage_open(scratch, monitor, &stage, err) < 0 ||
	    try_mirrors(&trying, mirrors, n_mirrors, err) < 0 || try_packages(&trying, err) < 0)
		return -1;
	finish(&trying);
	*ret = trial;
	trial = (struct mirror_trial){0};
	return 0;
}

void mirror_trial_free(struct mirror_trial *trial)
{
	mirror_snapshot_free(trial->snapshot);
	free(trial->refused);
	*trial = (struct mirror_trial){0};
}

static json_t *refusal_to_json(const struct error *refusal)
{
	json_t *json = json_object();

	json_put_u64(json, "code", refusal->kind);
	json_put_bytes(json, "msg", refusal->msg);
	return json;
}

json_t *mirror_trial_to_json(const struct mirror_trial *trial)
{
	CLEANUP_JSON json_t *manifest = manifest_to_json(trial->snapshot);
	json_t *json = json_object(), *refused = json_array();

	for (size_t i = 0; i < trial->n_refused; i++)
		json_array_append_new(refused, refusal_to_json(&trial->refused[i]));
	json_put_bool(json, "dry_run", true);
	json_put(json, "digest", json_null());
	if (!trial->n_refused)
		json_put_digest(json, "digest", &trial->snapshot->digest);
	json_put_bool(json, "exists", !trial->n_refused && trial->exists);
	json_put(json, "sources", json_incref(json_object_get(manifest, "sources")));
	json_put(json, "packages", json_incref(json_object_get(manifest, "packages")));
	json_put_u64(json, "new_packages", trial->n_new);
	json_put_u64(json, "new_bytes", trial->new_bytes);
	json_put(json, "refused", refused);
	json_put_u64(json, "more_refused", trial->n_more);
	json_put_u64(json, "code", trial->n_refused ? trial->refused[0].kind : 0);
	return json;
}
