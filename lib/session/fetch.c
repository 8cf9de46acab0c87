/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bringing into a directory what want files ask for.
 *
 *     DIRECTORY/dists, pool             the mirror, in the vendor's layout
 *     DIRECTORY/.fetch/lock             held while somebody fetches
 *     DIRECTORY/.fetch/partial          what did not arrive whole
 *     DIRECTORY/.fetch/state            the newest signed indexes seen
 *     DIRECTORY/.fetch/index            the signed indexes of this call, until they are published
 *     DIRECTORY/.fetch/store            a mirror snapshot of them, to choose packages from
 *
 * Package files and the package indexes, which lie under the names of their digests, go to their
 * places as they come.  The signed index of a suite is what makes them a state of the mirror: it is
 * put there last, when all that it was needed for is there.  So the directory is always as whole as
 * it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "fetch/acquire.h"
#include "fetch/indexes.h"
#include "fetch/place.h"
#include "session/session.h"
#include "session/strings.h"
#include "session/task.h"

enum { DAY_S = 86400 };

struct fetch {
	struct coldpatch_session *session;
	const struct coldpatch_fetch_options *options;
	char *directory;
	char *work;  /* DIRECTORY/.fetch */
	char *stage; /* DIRECTORY/.fetch/index */
	char *store; /* DIRECTORY/.fetch/store */
	int lock;
	char **sources;	  /* URLs, and absolute paths of directories */
	json_t *wanted;	  /* what task want gave */
	json_t *suites;	  /* {"name", "architectures", "source"}: those that were found */
	json_t *missing;  /* names of the others */
	json_t *indexes;  /* {"suite", "path", "size", "sha256", "by_hash"} */
	json_t *snapshot; /* manifest */
	json_t *packages; /* path -> {"suite", "path", "size", "sha256"} */
	uint64_t n_fetched, fetched_bytes;
};

static void fetch_free(struct fetch *fetch)
{
	for (size_t i = 0; fetch->sources && i < fetch->options->n_sources; i++)
		free(fetch->sources[i]);
	free(fetch->sources);
	free(fetch->directory);
	free(fetch->work);
	free(fetch->stage);
	free(fetch->store);
	close_p(&fetch->lock);
	json_decref(fetch->wanted);
	json_decref(fetch->suites);
	json_decref(fetch->missing);
	json_decref(fetch->indexes);
	json_decref(fetch->snapshot);
	json_decref(fetch->packages);
}

/* ---- what the caller said ---- */

/* The text goes into apt's line-wise protocol with its methods. */
static bool is_url(const char *text)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

static char *read_source(const char *text, struct error *err)
{
	char *path;

	if (is_url(text))
		return xstrdup(text);
	if (strstr(text, "://"))
		return error_set(err, ERROR_USAGE,
				 "source %s: neither an http or https URL nor a directory", text),
		       NULL;
	path = realpath(text, NULL);
	if (!path)
		error_os(err, ERROR_MISSING, errno, "source %s", text);
	return path;
}

static int read_sources(struct fetch *fetch, struct error *err)
{
	const struct coldpatch_fetch_options *options = fetch->options;

	fetch->sources = xcalloc(options->n_sources, sizeof *fetch->sources);
	for (size_t i = 0; i < options->n_sources; i++) {
		fetch->sources[i] = read_source(options->sources[i], err);
		if (!fetch->sources[i])
			return -1;
	}
	if (options->proxy && !is_url(options->proxy))
		return error_set(err, ERROR_USAGE, "proxy %s: not an http or https URL",
				 options->proxy);
	return 0;
}

static int check_options(const struct coldpatch_fetch_options *options, struct error *err)
{
	if (!options->directory)
		return error_set(err, ERROR_USAGE, "no directory to fetch into was given");
	if (options->n_wants == 0)
		return error_set(err, ERROR_USAGE, "no want file was given");
	if (options->n_sources == 0)
		return error_set(err, ERROR_USAGE,
				 "no source was given: name the URL of an archive, or a directory");
	return 0;
}

/* ---- the directory ---- */

static int lock_directory(struct fetch *fetch, struct error *err)
{
	CLEANUP_FREE char *path = path_join(fetch->work, "lock");

	fetch->lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fetch->lock < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (flock(fetch->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, ERROR_BUSY, "%s: somebody else fetches into it",
				 fetch->directory);
	return 0;
}

/* What a call leaves that has ended, however it ended. */
static void clear(const struct fetch *fetch)
{
	CLEANUP_FREE char *partial = path_join(fetch->work, "partial");
	struct error ignored;

	directory_remove(fetch->stage, &ignored);
	directory_remove(fetch->store, &ignored);
	rmdir(partial);
}

static int open_directory(struct fetch *fetch, struct error *err)
{
	if (directory_make(fetch->options->directory, 0755, err) < 0)
		return -1;
	fetch->directory = realpath(fetch->options->directory, NULL);
	if (!fetch->directory)
		return error_os(err, ERROR_IO, errno, "%s", fetch->options->directory);
	fetch->work = path_join(fetch->directory, FETCH_DIRECTORY);
	fetch->stage = path_join(fetch->work, "index");
	fetch->store = path_join(fetch->work, "store");
	if (directory_make(fetch->work, 0755, err) < 0 || lock_directory(fetch, err) < 0)
		return -1;
	clear(fetch);
	return directory_make(fetch->stage, 0755, err);
}

/* ---- asking a worker to bring files ---- */

static json_t *file_json(const char *source, const char *remote, const char *path,
			 const json_t *like, bool optional)
{
	json_t *json = json_object();

	json_put_string(json, "source", source);
	json_put_string(json, "remote", remote);
	json_put_string(json, "path", path);
	json_put_bool(json, "optional", optional);
	if (like) {
		json_put(json, "size", json_incref(json_object_get(like, "size")));
		json_put(json, "sha256", json_incref(json_object_get(like, "sha256")));
	}
	return json;
}

/* Steals `files`; *ret_states is an array of "absent", "there" and "fetched". */
static int acquire(struct fetch *fetch, json_t *files, json_t **ret_states, struct error *err)
{
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;
	json_t *local = json_array(), *states;

	json_put_string(input, "directory", fetch->directory);
	if (fetch->options->proxy)
		json_put_string(input, "proxy", fetch->options->proxy);
	for (size_t i = 0; i < fetch->options->n_sources; i++)
		if (*fetch->sources[i] == '/')
			json_array_append_new(local, json_string(fetch->sources[i]));
	json_put(input, "local", local);
	json_put(input, "files", files);
	if (task_run(fetch->session, "acquire", input, &result, err) < 0)
		return -1;
	states = json_object_get(result, "files");
	if (json_array_size(states) != json_array_size(files))
		return error_set(err, ERROR_BUG, "the acquire worker told of other files");
	*ret_states = json_incref(states);
	return 0;
}

static bool state_is(const json_t *states, size_t i, const char *state)
{
	const char *text = json_string_value(json_array_get(states, i));

	return text && strcmp(text, state) == 0;
}

/* ---- suites ---- */

static int find_at(struct fetch *fetch, const char *source, json_t *unfound, struct error *err)
{
	CLEANUP_JSON json_t *states = NULL;
	json_t *files = json_array(), *suite;
	size_t i;

	json_array_foreach(unfound, i, suite)
	{
		CLEANUP_FREE char *remote =
			xasprintf("dists/%s/InRelease", string_member(suite, "name"));
		CLEANUP_FREE char *path = xasprintf(FETCH_DIRECTORY "/index/%s", remote);

		json_array_append_new(files, file_json(source, remote, path, NULL, true));
	}
	if (acquire(fetch, files, &states, err) < 0)
		return -1;
	for (i = json_array_size(unfound); i-- > 0;) {
		suite = json_array_get(unfound, i);
		if (state_is(states, i, "absent"))
			continue;
		json_put_string(suite, "source", source);
		json_array_append(fetch->suites, suite);
		json_array_remove(unfound, i);
	}
	return 0;
}

static int tell_unfound(struct fetch *fetch, const json_t *unfound, struct error *err)
{
	CLEANUP_BUFFER struct buffer names = {0};
	const json_t *suite;
	size_t i;

	json_array_foreach(unfound, i, suite)
	{
		json_array_append(fetch->missing, json_object_get(suite, "name"));
		buffer_printf(&names, "%s%s", i ? ", " : "", string_member(suite, "name"));
	}
	if (json_array_size(fetch->suites) == 0)
		return error_set(err, ERROR_MIRROR,
				 "no source has any of the suites that are wanted: %s", names.data);
	if (names.len)
		monitor_log(&fetch->session->monitor, LOG_LEVEL_WARNING,
			    "no source has %s: nothing is fetched of that", names.data);
	return 0;
}

/* The first source that has a suite is where it is taken from. */
static int find_suites(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *unfound = json_deep_copy(json_object_get(fetch->wanted, "suites"));

	for (size_t i = 0; i < fetch->options->n_sources && json_array_size(unfound); i++)
		if (find_at(fetch, fetch->sources[i], unfound, err) < 0)
			return -1;
	return tell_unfound(fetch, unfound, err);
}

/* ---- indexes ---- */

static json_t *keyrings_of(const struct fetch *fetch)
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

static int list_indexes(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *input = trust_input(fetch), *result = NULL;

	json_put_string(input, "mirror", fetch->stage);
	json_put(input, "keyrings", keyrings_of(fetch));
	json_put_string(input, "scratch", fetch->store);
	json_put(input, "suites", json_incref(fetch->suites));
	if (task_run(fetch->session, "indexes", input, &result, err) < 0)
		return -1;
	fetch->indexes = json_incref(json_object_get(result, "files"));
	return 0;
}

static const char *source_of(const struct fetch *fetch, const char *name)
{
	const json_t *suite;
	size_t i;

	json_array_foreach(fetch->suites, i,
			   suite) if (strcmp(string_member(suite, "name"), name) ==
				      0) return string_member(suite, "source");
	return "";
}

static char *index_place(const json_t *index, bool by_hash)
{
	const char *path = string_member(index, "path");
	struct digest digest;
	CLEANUP_FREE char *name = NULL;

	if (by_hash && !digest_from_hex(string_member(index, "sha256"), &digest))
		by_hash = false;
	name = by_hash ? index_by_hash(path, &digest) : xstrdup(path);
	return xasprintf("dists/%s/%s", string_member(index, "suite"), name);
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
		CLEANUP_FREE char *remote = index_place(index, by_hash);
		CLEANUP_FREE char *place = index_place(index, true);

		if (json_object_get(index, "there") ||
		    (by_hash && !json_is_true(json_object_get(index, "by_hash"))))
			continue;
		json_array_append(asked, index);
		json_array_append_new(files,
				      file_json(source_of(fetch, string_member(index, "suite")),
						remote, place, index, true));
	}
	if (acquire(fetch, files, &states, err) < 0)
		return -1;
	json_array_foreach(asked, i, index) if (!state_is(states, i, "absent"))
		json_put_bool(index, "there", true);
	return 0;
}

/* Into the stage, beside the signed indexes. */
static int stage_indexes(struct fetch *fetch, struct error *err)
{
	const json_t *index;
	size_t i;

	json_array_foreach(fetch->indexes, i, index)
	{
		CLEANUP_FREE char *place = index_place(index, true);
		CLEANUP_FREE char *staged = xasprintf(FETCH_DIRECTORY "/index/%s", place);

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
	json_put(mirror, "keyrings", keyrings_of(fetch));
	json_array_append_new(mirrors, mirror);
	json_put(input, "mirrors", mirrors);
	json_put_string(input, "store", fetch->store);
	return task_run(fetch->session, "snapshot", input, &fetch->snapshot, err);
}

static int bring_indexes(struct fetch *fetch, struct error *err)
{
	if (list_indexes(fetch, err) < 0 || ask_indexes(fetch, true, err) < 0 ||
	    ask_indexes(fetch, false, err) < 0 || stage_indexes(fetch, err) < 0)
		return -1;
	return verify_indexes(fetch, err);
}

/* ---- packages ---- */

static int add_package(struct fetch *fetch, json_t *package, struct error *err)
{
	const char *path = string_member(package, "path");
	const json_t *known = json_object_get(fetch->packages, path);

	if (!known) {
		json_object_set(fetch->packages, path, package);
		return 0;
	}
	if (strcmp(string_member(known, "sha256"), string_member(package, "sha256")) == 0)
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

static int choose_packages(struct fetch *fetch, struct error *err)
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
		if (!state_is(states, i, "fetched"))
			continue;
		fetch->n_fetched++;
		fetch->fetched_bytes += (uint64_t)json_integer_value(json_object_get(file, "size"));
	}
}

static int bring_packages(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *files = json_array(), *states = NULL;
	const char *path;
	json_t *package;

	json_object_foreach(fetch->packages, path, package) json_array_append_new(
		files, file_json(source_of(fetch, string_member(package, "suite")), path, path,
				 package, false));
	if (acquire(fetch, json_incref(files), &states, err) < 0)
		return -1;
	count(fetch, files, states);
	return 0;
}

/* ---- publishing ---- */

static int publish_index(struct fetch *fetch, const json_t *index, struct error *err)
{
	CLEANUP_FREE char *place = index_place(index, true), *plain = index_place(index, false);

	if (!json_object_get(index, "there") || json_is_true(json_object_get(index, "by_hash")))
		return 0;
	return place_copy(fetch->directory, place, plain, err);
}

static int publish(struct fetch *fetch, struct error *err)
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
		CLEANUP_FREE char *path =
			xasprintf("dists/%s/InRelease", string_member(item, "name"));
		CLEANUP_FREE char *staged = path_join(fetch->stage, path);

		if (place_move(fetch->directory, staged, path, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it ---- */

static int read_wants(struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *input = json_object();

	json_put(input, "files", strings_to_json(fetch->options->wants, fetch->options->n_wants));
	return task_run(fetch->session, "want", input, &fetch->wanted, err);
}

static int check_keyrings(const struct fetch *fetch, struct error *err)
{
	CLEANUP_JSON json_t *keyrings = keyrings_of(fetch);

	if (json_array_size(keyrings))
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "no keyring: the keys that may sign an archive are yours to name "
			 "(--keyring)");
}

static int run(struct fetch *fetch, struct error *err)
{
	int result;

	if (check_options(fetch->options, err) < 0 || read_sources(fetch, err) < 0 ||
	    check_keyrings(fetch, err) < 0 || read_wants(fetch, err) < 0 ||
	    open_directory(fetch, err) < 0)
		return -1;
	result = find_suites(fetch, err);
	if (result == 0)
		result = bring_indexes(fetch, err);
	if (result == 0)
		result = choose_packages(fetch, err);
	if (result == 0)
		result = bring_packages(fetch, err);
	if (result == 0)
		result = publish(fetch, err);
	clear(fetch);
	return result;
}

static json_t *describe_suite(const struct fetch *fetch, const json_t *found)
{
	CLEANUP_FREE char *path = path_join("dists", string_member(found, "name"));
	json_t *suite = json_object();
	const json_t *source;
	size_t i;

	json_put(suite, "name", json_incref(json_object_get(found, "name")));
	json_put(suite, "source", json_incref(json_object_get(found, "source")));
	json_array_foreach(json_object_get(fetch->snapshot, "sources"), i, source)
	{
		const char *index = string_member(source, "index_path");

		if (strncmp(index, path, strlen(path)) ||
		    strcmp(index + strlen(path), "/InRelease"))
			continue;
		json_put(suite, "date", json_incref(json_object_get(source, "date")));
		json_put(suite, "index", json_incref(json_object_get(source, "index")));
		json_put(suite, "signer", json_incref(json_object_get(source, "signer")));
	}
	return suite;
}

static json_t *describe(const struct fetch *fetch)
{
	json_t *json = json_object(), *suites = json_array();
	const json_t *found;
	size_t i;

	json_array_foreach(fetch->suites, i, found)
		json_array_append_new(suites, describe_suite(fetch, found));
	json_put_string(json, "directory", fetch->directory);
	json_put(json, "suites", suites);
	json_put(json, "missing", json_incref(fetch->missing));
	json_put_u64(json, "packages", json_object_size(fetch->packages));
	json_put_u64(json, "fetched", fetch->n_fetched);
	json_put_u64(json, "fetched_bytes", fetch->fetched_bytes);
	return json;
}

int coldpatch_mirror_fetch(struct coldpatch_session *session,
			   const struct coldpatch_fetch_options *options, char **ret_json,
			   struct coldpatch_error *ret_err)
{
	__attribute__((cleanup(fetch_free))) struct fetch fetch = {
		.session = session,
		.options = options,
		.lock = -1,
		.suites = json_array(),
		.missing = json_array(),
		.packages = json_object(),
	};
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (run(&fetch, &err) < 0)
		return session_fail(ret_err, &err);
	json = describe(&fetch);
	*ret_json = session_text(json);
	return 0;
}
