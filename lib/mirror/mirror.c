/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A snapshot is made in a stage: layouts read the mirrors into it, the packages they want are
 * copied, and only when all of it is verified is anything moved into the store.  The high-water
 * mark is raised last.
 */
#include "mirror/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "mirror/beneath.h"
#include "mirror/build.h"
#include "mirror/manifest.h"
#include "mirror/store.h"

/* ---- copying the packages ---- */

/* Each time: what lies in the store already may have been put there under other keys. */
static int check_package(const struct mirror_build *build, const struct mirror_wanted *wanted,
			 struct error *err)
{
	CLEANUP_CLOSE int fd = -1;

	if (!wanted->check)
		return 0;
	fd = stage_package_open(build->stage, &wanted->sha256, err);
	return fd < 0 ? -1 : wanted->check->check(wanted->check, wanted, fd, err);
}

static int copy_package(const struct mirror_build *build, const struct mirror_wanted *wanted,
			struct error *err)
{
	CLEANUP_CLOSE int fd = beneath_open(wanted->root, wanted->path, 0, err);

	if (fd < 0)
		return error_prefix(err, "mirror %s", wanted->mirror);
	if (stage_package(build->stage, fd, &wanted->sha256, wanted->size, err) < 0 ||
	    check_package(build, wanted, err) < 0)
		return error_prefix(err, "mirror %s: %s", wanted->mirror, wanted->path);
	return 0;
}

static int copy_packages(struct mirror_build *build, struct error *err)
{
	const struct mirror_wanted *wanted = build->wanted;

	for (size_t i = 0; i < build->n_wanted; i++) {
		monitor_progress(build->monitor, "packages", wanted[i].path, i, build->n_wanted);
		if (mirror_build_is_repeated(build, i))
			continue;
		if (monitor_check(build->monitor, err) < 0 ||
		    copy_package(build, &wanted[i], err) < 0)
			return -1;
	}
	return 0;
}

/* ---- the manifest ---- */

/* Gives the sources their final numbers. */
static int place_sources(struct mirror_build *build, struct error *err)
{
	const char *stage = build->stage->directory;
	CLEANUP_FREE char *parent = path_join(stage, "snapshot/sources");

	if (directory_make(parent, 0755, err) < 0)
		return -1;
	for (size_t i = 0; i < build->n_sources; i++) {
		CLEANUP_FREE char *from = path_join(stage, build->sources[i].directory);
		CLEANUP_FREE char *to = xasprintf("%s/%zu", parent, i);

		if (rename(from, to) < 0)
			return error_os(err, ERROR_IO, errno, "%s", to);
	}
	return 0;
}

static int write_manifest(const struct mirror_build *build, const struct mirror_snapshot *snapshot,
			  char hex[static DIGEST_HEX_SIZE], struct error *err)
{
	CLEANUP_JSON json_t *json = manifest_to_json(snapshot);
	CLEANUP_FREE char *bytes = json_to_bytes(json);
	CLEANUP_FREE char *made = xasprintf("%" PRId64 "\n", snapshot->made);
	struct digest digest;

	digest_of(bytes, strlen(bytes), &digest);
	digest_to_hex(&digest, hex);
	if (stage_write(build->stage, "snapshot/manifest.json", bytes, strlen(bytes), err) < 0)
		return -1;
	return stage_write(build->stage, "snapshot/made", made, strlen(made), err);
}

static int publish(struct mirror_build *build, char hex[static DIGEST_HEX_SIZE], struct error *err)
{
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = xcalloc(1, sizeof *snapshot);

	if (place_sources(build, err) < 0)
		return -1;
	snapshot->made = build->policy->now;
	mirror_build_finish(build, snapshot);
	if (write_manifest(build, snapshot, hex, err) < 0)
		return -1;
	return stage_publish(build->stage, hex, err);
}

/* ---- the interface ---- */

static int read_mirrors(struct mirror_build *build, const struct mirror_options *mirrors, size_t n,
			struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (mirror_build_read(build, &mirrors[i], err) < 0)
			return -1;
	mirror_build_sort(build);
	return n ? 0 : error_set(err, ERROR_CONFIG, "no mirror is given");
}

static int make(struct mirror_build *build, const struct mirror_options *mirrors, size_t n,
		char hex[static DIGEST_HEX_SIZE], struct error *err)
{
	const char *marks = build->policy->high_water_file;

	if (marks && highwater_read(marks, &build->before, err) < 0)
		return -1;
	if (read_mirrors(build, mirrors, n, err) < 0 || copy_packages(build, err) < 0 ||
	    publish(build, hex, err) < 0)
		return -1;
	return marks ? highwater_update(marks, &build->seen, err) : 0;
}

int mirror_snapshot_make(const char *store, const struct mirror_options *mirrors, size_t n_mirrors,
			 const struct mirror_policy *policy, const struct monitor *monitor,
			 struct mirror_snapshot **ret, struct error *err)
{
	CLEANUP_STAGE struct stage stage = {0};
	CLEANUP_MIRROR_BUILD struct mirror_build build = {
		.policy = policy, .monitor = monitor, .stage = &stage};
	char hex[DIGEST_HEX_SIZE];
	struct mirror_snapshot *snapshot;

	if (stage_open(store, monitor, &stage, err) < 0 ||
	    make(&build, mirrors, n_mirrors, hex, err) < 0)
		return -1;
	snapshot = mirror_snapshot_open(store, hex, err);
	if (!snapshot)
		return -1;
	*ret = snapshot;
	return 0;
}
