/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "fetch/acquire.h"
#include "fetch/indexes.h"
#include "fetch/place.h"
#include "session/fetch.h"
#include "session/strings.h"
#include "session/task.h"

enum { DAY_S = 86400 };

json_t *fetch_keyrings(const struct fetch *fetch)
{
	const struct config *config = &fetch->session->config;
	json_t *keyrings = strings_to_json(fetch->options->keyrings, fetch->options->n_keyrings);

	for (unsigned m = 0; !fetch->options->n_keyrings && m < config->n_mirrors; m++)
		for (unsigned k = 0; k < config->mirrors[m].n_keyrings; k++)
			json_array_append_new(keyrings,
					      json_string(config->mirrors[m].keyrings[k]));
	return keyrings;
}

/* The same for the two tasks that judge signed indexes. */
static json_t *trust_input(const struct fetch *fetch)
{
	const struct coldpatch_fetch_options *options = fetch->options;
	CLEANUP_FREE char *marks = path_join(fetch->work, "state/high-water.json");
	json_t *input = json_object();

	json_put_u64(input, "now", time(NULL));
	json_put_u64(input, "maximum_age", fetch->session->config.maximum_age_days * DAY_S);
	json_put_string(input, "high_water_file", marks);
	json_put(input, "allow_digests",
		 strings_to_json(options->allow_digests, options->n_allow_digests));
	return input;
}

/* Whose signatures count, and of whom a repository is that does not say it. */
static void put_trust(const struct fetch *fetch, json_t *mirror)
{
	const struct coldpatch_fetch_options *options = fetch->options;

	json_put(mirror, "keyrings", fetch_keyrings(fetch));
	if (!fetch->os_id)
		return;
	json_put_string(mirror, "os_id", fetch->os_id);
	json_put(mirror, "trust_digests",
		 strings_to_json(options->trust_digests, options->n_trust_digests));
}

static int list_indexes(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *input = trust_input(fetch), *result = NULL;

	json_put_string(input, "mirror", fetch->stage);
	put_trust(fetch, input);
	json_put_string(input, "scratch", fetch->store);
	json_put(input, "suites", json_incref(fetch->suites));
	if (task_run(fetch->session, "indexes", input, &result, err) < 0)
		return -1;
	fetch->indexes = json_incref(json_object_get(result, "files"));
	return 0;
}

static const struct fetch_layout *layout_of(const json_t *index)
{
	const struct fetch_layout *layout = fetch_layout_find(string_member(index, "layout"));

	return layout ? layout : fetch_layout_find(FETCH_APT);
}

/* Of the suite. */
static char *index_path(const json_t *index, bool by_hash)
{
	const char *path = string_member(index, "path");
	struct checksum checksum;

	if (!by_hash || !checksum_from_text(string_member(index, "checksum"), &checksum))
		return xstrdup(path);
	return layout_of(index)->path_by_hash(path, &checksum);
}

static char *index_remote(const json_t *index, bool by_hash)
{
	CLEANUP_FREE char *path = index_path(index, by_hash);

	return layout_of(index)->remote(string_member(index, "suite"), path);
}

static char *index_place(const json_t *index, bool by_hash)
{
	CLEANUP_FREE char *path = index_path(index, by_hash);

	return layout_of(index)->place(string_member(index, "suite"), path);
}

/* Asks for the indexes that are still not there: where their suite has them under the names of
 * their digests, or under their own. */
static int ask_indexes(struct fetch *fetch, bool by_hash, struct error *err)
{
	CLEANUP_JSON json_t *asked = json_array(), *states = NULL;
	json_t *files = json_array(), *index;
	size_t i;

	json_array_foreach(fetch->indexes, i, index)
	{
		CLEANUP_FREE char *remote = index_remote(index, by_hash);
		CLEANUP_FREE char *place = index_place(index, true);

		if (json_object_get(index, "there") ||
		    (by_hash && !json_is_true(json_object_get(index, "by_hash"))))
			continue;
		json_array_append(asked, index);
		json_array_append_new(
			files, fetch_file(fetch_source_of(fetch, string_member(index, "suite")),
					  remote, place, index, true));
	}
	if (fetch_acquire(fetch, files, &states, err) < 0)
		return -1;
	json_array_foreach(asked, i, index) if (!fetch_is(states, i, "absent"))
		json_put_bool(index, "there", true);
	return 0;
}

/* Is it read by the name of its digest? */
static bool is_by_hash(const json_t *index)
{
	return strcmp(string_member(index, "layout"), FETCH_APT) == 0;
}

/* Into the stage, beside the signed indexes. */
static int stage_indexes(struct fetch *fetch, struct error *err)
{
	const json_t *index;
	size_t i;

	json_array_foreach(fetch->indexes, i, index)
	{
		CLEANUP_FREE char *place = index_place(index, true);
		CLEANUP_FREE char *named = index_place(index, is_by_hash(index));
		CLEANUP_FREE char *staged = xasprintf(FETCH_DIRECTORY "/index/%s", named);

		if (json_object_get(index, "there") &&
		    place_copy(fetch->directory, place, staged, err) < 0)
			return -1;
	}
	return 0;
}

/* The verdict on all of it is that of a mirror snapshot. */
static int verify_indexes(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *input = trust_input(fetch);
	json_t *mirror = json_object(), *mirrors = json_array();

	json_put_string(mirror, "path", fetch->stage);
	json_put(mirror, "suites", json_array());
	put_trust(fetch, mirror);
	json_array_append_new(mirrors, mirror);
	json_put(input, "mirrors", mirrors);
	json_put_string(input, "store", fetch->store);
	return task_run(fetch->session, "snapshot", input, &fetch->snapshot, err);
}

int fetch_bring_indexes(struct fetch *fetch, struct error *err)
{
	if (list_indexes(fetch, err) < 0 || ask_indexes(fetch, true, err) < 0 ||
	    ask_indexes(fetch, false, err) < 0 || stage_indexes(fetch, err) < 0)
		return -1;
	return verify_indexes(fetch, err);
}

/* ---- publishing ---- */

static int publish_index(struct fetch *fetch, const json_t *index, struct error *err)
{
	CLEANUP_FREE char *place = index_place(index, true), *plain = index_place(index, false);

	if (!json_object_get(index, "there") || json_is_true(json_object_get(index, "by_hash")) ||
	    strcmp(place, plain) == 0)
		return 0;
	return place_copy(fetch->directory, place, plain, err);
}

static int publish_signed(struct fetch *fetch, const char *name, const char *file,
			  struct error *err)
{
	CLEANUP_FREE char *path = fetch_layout_of(fetch, name)->place(name, file);
	CLEANUP_FREE char *staged = path_join(fetch->stage, path);

	return place_move(fetch->directory, staged, path, err);
}

static int publish_suite(struct fetch *fetch, const char *name, struct error *err)
{
	const struct fetch_layout *layout = fetch_layout_of(fetch, name);
	bool is_signed = json_is_true(json_object_get(fetch_suite_of(fetch, name), "signature"));

	if (is_signed && publish_signed(fetch, name, layout->signature, err) < 0)
		return -1;
	return publish_signed(fetch, name, layout->index, err);
}

int fetch_publish(struct fetch *fetch, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(fetch->indexes, i, item)
	{
		if (publish_index(fetch, item, err) < 0)
			return -1;
	}
	json_array_foreach(fetch->suites, i, item)
	{
		if (publish_suite(fetch, string_member(item, "name"), err) < 0)
			return -1;
	}
	return 0;
}
