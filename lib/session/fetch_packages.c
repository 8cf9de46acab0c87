/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/file.h"
#include "session/fetch.h"
#include "session/strings.h"
#include "session/task.h"

static int add_package(struct fetch *fetch, json_t *package, struct error *err)
{
	const char *path = string_member(package, "path"), *suite = string_member(package, "suite");
	CLEANUP_FREE char *place = fetch_layout_of(fetch, suite)->package_place(suite, path);
	const json_t *known = json_object_get(fetch->packages, place);

	if (!known) {
		json_object_set(fetch->packages, place, package);
		return 0;
	}
	if (strcmp(string_member(known, "checksum"), string_member(package, "checksum")) == 0)
		return 0;
	return error_set(err, ERROR_MIRROR,
			 "%s is one file in suite %s and another in %s: fetch them into two "
			 "directories",
			 path, string_member(known, "suite"), string_member(package, "suite"));
}

static json_t *choose_input(const struct fetch *fetch, size_t block, const char *scope,
			    bool removals)
{
	CLEANUP_FREE char *cache = path_join(fetch->store, "resolver-cache");
	json_t *input = json_object();

	json_put_string(input, "want", string_member(fetch->wanted, "text"));
	json_put_u64(input, "block", block);
	json_put_string(input, "scope", scope);
	json_put_bool(input, "removals", removals);
	json_put_string(input, "store", fetch->store);
	json_put_string(input, "snapshot", string_member(fetch->snapshot, "digest"));
	json_put_string(input, "cache_dir", cache);
	return input;
}

/* What is installed may not fit together by what the indexes say, as something comes from
 * elsewhere; then less is taken for known. */
static int run_choose(struct fetch *fetch, json_t *input, json_t **ret, struct error *err)
{
	json_put_bool(input, "loose", false);
	if (task_run(fetch->session, "choose", input, ret, err) == 0)
		return 0;
	if (err->kind != ERROR_IMAGE)
		return -1;
	json_put_bool(input, "loose", true);
	return task_run(fetch->session, "choose", input, ret, err);
}

/* *ret_left: how many packages would be left behind. */
static int choose(struct fetch *fetch, size_t block, const char *scope, bool removals,
		  json_int_t *ret_left, struct error *err)
{
	CLEANUP_JSON json_t *input = choose_input(fetch, block, scope, removals), *result = NULL;
	json_t *package;
	size_t i;

	if (run_choose(fetch, input, &result, err) < 0)
		return -1;
	json_array_foreach(json_object_get(result, "files"), i, package)
	{
		if (add_package(fetch, package, err) < 0)
			return -1;
	}
	*ret_left = json_integer_value(json_object_get(result, "left"));
	return 0;
}

/* For whatever patchset the guest may meet within its scope: one that allows removals too, where
 * that makes a difference, and security updates where they are not the newest. */
static int choose_block(struct fetch *fetch, size_t block, const char *scope, struct error *err)
{
	json_int_t left = 0, ignored;

	if (choose(fetch, block, scope, false, &left, err) < 0)
		return -1;
	if (left && choose(fetch, block, scope, true, &ignored, err) < 0)
		return -1;
	return strcmp(scope, "all") ? 0 : choose(fetch, block, "security", false, &ignored, err);
}

int fetch_choose(struct fetch *fetch, struct error *err)
{
	const json_t *blocks = json_object_get(fetch->wanted, "blocks"), *block;
	size_t i;

	json_array_foreach(blocks, i, block)
	{
		monitor_progress(&fetch->session->monitor, "choose", NULL, i,
				 json_array_size(blocks));
		if (choose_block(fetch, i, string_member(block, "scope"), err) < 0)
			return -1;
	}
	return 0;
}

static void count(struct fetch *fetch, const json_t *files, const json_t *states)
{
	const json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		if (!fetch_is(states, i, "fetched"))
			continue;
		fetch->n_fetched++;
		fetch->fetched_bytes += (uint64_t)json_integer_value(json_object_get(file, "size"));
	}
}

int fetch_bring_packages(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *files = json_array(), *states = NULL;
	const char *place;
	json_t *package;

	json_object_foreach(fetch->packages, place, package)
	{
		const char *suite = string_member(package, "suite");
		const char *source = fetch_source_of(fetch, suite);
		CLEANUP_FREE char *remote =
			fetch_layout_of(fetch, suite)
				->package_remote(source, string_member(package, "path"));

		json_array_append_new(files, fetch_file(source, remote, place, package, false));
	}
	if (fetch_acquire(fetch, json_incref(files), &states, err) < 0)
		return -1;
	count(fetch, files, states);
	return 0;
}
