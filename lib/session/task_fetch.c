/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * want:    {"files": [PATH]} -> {"text", "blocks": [{"scope", "layout", "os_id"}], "suites":
 *          [{"name", "layout", "architectures"}]}
 * mirror-list: {"file"} -> {"urls": [URL]}
 * acquire: {"directory", "proxy"?, "local": [PATH], "files": [{"source", "remote", "path",
 *          "optional", "size"?, "checksum"?}]} -> {"files": ["absent" | "there" | "fetched"]}
 * indexes: {"mirror", "keyrings", "os_id"?, "trust_digests", "scratch", "suites": [{"name",
 *          "layout", "architectures"}], "now", "maximum_age", "high_water_file", "allow_digests"}
 *          -> {"files": [{"suite", "layout", "path", "size", "checksum", "by_hash"}]}
 * choose:  {"want", "block", "scope", "removals", "loose", "store", "snapshot", "cache_dir"} ->
 *          {"files": [{"suite", "path", "size", "checksum"}], "left"}
 *
 * "checksum" is a type and digits: "sha256:...".
 *
 * One talks with strangers and interprets nothing of what it gets; the others interpret and have no
 * network.  The last two run in a process for each call, since libapt-pkg keeps global state.
 */
#include <string.h>

#include "base/file.h"
#include "fetch/acquire.h"
#include "fetch/choose.h"
#include "fetch/indexes.h"
#include "fetch/layout.h"
#include "fetch/mirror_list.h"
#include "session/strings.h"
#include "session/task.h"

static const char *const scope_names[] = {
	[RESOLVE_ALL] = "all", [RESOLVE_SECURITY] = "security", [RESOLVE_NAMED] = "named"};

static void put_checksum(json_t *json, const struct checksum *checksum)
{
	CLEANUP_FREE char *text = checksum_to_text(checksum);

	json_put_string(json, "checksum", text);
}

/* ---- want ---- */

static int read_want(const char *path, struct want *want, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read(path, WANT_MAX_TEXT, &text, err) < 0)
		return -1;
	if (want_parse(text.data, text.len, want, err) < 0)
		return error_prefix(err, "%s", path);
	return 0;
}

static json_t *find_suite(json_t *suites, const char *name)
{
	json_t *suite;
	size_t i;

	json_array_foreach(suites, i,
			   suite) if (strcmp(string_member(suite, "name"), name) == 0) return suite;
	suite = json_object();
	json_put_string(suite, "name", name);
	json_put_string(suite, "layout", FETCH_APT);
	json_put(suite, "architectures", json_array());
	json_array_append_new(suites, suite);
	return suite;
}

static void add_architecture(json_t *suite, const char *name)
{
	json_t *list = json_object_get(suite, "architectures");
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) if (strcmp(json_string_value(item), name) == 0) return;
	json_array_append_new(list, json_string(name));
}

static json_t *describe_want(struct want *want)
{
	CLEANUP_FREE char *text = want_to_text(want);
	json_t *result = json_object(), *blocks = json_array(), *suites = json_array();

	for (size_t i = 0; i < want->n_guests; i++) {
		const struct want_guest *guest = &want->guests[i];
		json_t *block = json_object();

		json_put_string(block, "scope", scope_names[guest->scope]);
		json_put_string(block, "layout", guest->layout);
		json_put_string(block, "os_id", guest->os_id);
		json_array_append_new(blocks, block);
		for (size_t s = 0; s < guest->n_suites; s++)
			for (size_t a = 0; a < guest->n_architectures; a++)
				add_architecture(find_suite(suites, guest->suites[s]),
						 guest->architectures[a]);
	}
	json_put_string(result, "text", text);
	json_put(result, "blocks", blocks);
	json_put(result, "suites", suites);
	return result;
}

static int run_want(const json_t *input, const struct monitor *monitor, json_t **ret,
		    struct error *err)
{
	CLEANUP_WANT struct want want = {0};
	const json_t *file;
	size_t i;

	(void)monitor;
	json_array_foreach(json_object_get(input, "files"), i,
			   file) if (read_want(json_string_value(file), &want, err) < 0) return -1;
	*ret = describe_want(&want);
	return 0;
}

/* ---- mirror-list ---- */

static int run_mirror_list(const json_t *input, const struct monitor *monitor, json_t **ret,
			   struct error *err)
{
	CLEANUP_MIRROR_LIST struct mirror_list list = {0};
	CLEANUP_BUFFER struct buffer text = {0};

	(void)monitor;
	if (file_read(string_member(input, "file"), MIRROR_LIST_MAX_TEXT, &text, err) < 0 ||
	    mirror_list_parse(text.len ? text.data : "", text.len, &list, err) < 0)
		return -1;
	*ret = json_object();
	json_put(*ret, "urls", strings_to_json((const char *const *)list.urls, list.n));
	return 0;
}

/* ---- acquire ---- */

static int read_file(const json_t *json, struct acquire_file *ret, struct error *err)
{
	struct json_reader reader = {json, "file to fetch", ERROR_BUG, err, false};

	ret->source = string_member(json, "source");
	ret->remote = string_member(json, "remote");
	ret->path = string_member(json, "path");
	ret->known = json_object_get(json, "checksum");
	json_get_bool(&reader, "optional", &ret->optional);
	if (ret->known) {
		json_get_u64(&reader, "size", &ret->size);
		if (!checksum_from_text(string_member(json, "checksum"), &ret->checksum))
			return error_set(err, ERROR_BUG, "a file to fetch without a checksum");
	}
	return json_reader_result(&reader);
}

static json_t *tell_files(const struct acquire_file *files, size_t n)
{
	json_t *list = json_array(), *result = json_object();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(files[i].fetched ? "fetched"
							: files[i].found ? "there"
									 : "absent"));
	json_put(result, "files", list);
	return result;
}

static int run_acquire(const json_t *input, const struct monitor *monitor, json_t **ret,
		       struct error *err)
{
	const json_t *list = json_object_get(input, "files"), *item;
	CLEANUP_FREE struct acquire_file *files = xcalloc(json_array_size(list), sizeof *files);
	size_t i;

	json_array_foreach(list, i, item) if (read_file(item, &files[i], err) < 0) return -1;
	if (acquire_files(string_member(input, "directory"),
			  json_string_value(json_object_get(input, "proxy")), files,
			  json_array_size(list), monitor, err) < 0)
		return -1;
	*ret = tell_files(files, json_array_size(list));
	return 0;
}

/* ---- indexes ---- */

static json_t *tell_indexes(const struct indexes *indexes)
{
	json_t *list = json_array(), *result = json_object();

	for (size_t i = 0; i < indexes->n_files; i++) {
		const struct index_file *file = &indexes->files[i];
		json_t *json = json_object();

		json_put_string(json, "suite", file->suite);
		json_put_string(json, "layout", file->layout);
		json_put_string(json, "path", file->path);
		json_put_u64(json, "size", file->size);
		put_checksum(json, &file->checksum);
		json_put_bool(json, "by_hash", file->by_hash);
		json_array_append_new(list, json);
	}
	json_put(result, "files", list);
	return result;
}

static int list_suite(const json_t *suite, struct indexes_request *request,
		      const struct monitor *monitor, struct indexes *indexes, struct error *err)
{
	CLEANUP_FREE const char **architectures =
		strings_of_json(json_object_get(suite, "architectures"), &request->n_architectures);

	request->suite = string_member(suite, "name");
	request->layout = string_member(suite, "layout");
	request->architectures = architectures;
	return indexes_list(request, monitor, indexes, err);
}

static int run_indexes(const json_t *input, const struct monitor *monitor, json_t **ret,
		       struct error *err)
{
	CLEANUP_INDEXES struct indexes indexes = {0};
	struct mirror_policy policy = {
		.now = json_integer_value(json_object_get(input, "now")),
		.maximum_age = json_integer_value(json_object_get(input, "maximum_age")),
		.high_water_file = string_member(input, "high_water_file"),
	};
	struct indexes_request request = {
		.mirror.path = string_member(input, "mirror"),
		.mirror.os_id = json_string_value(json_object_get(input, "os_id")),
		.policy = &policy,
		.scratch = string_member(input, "scratch")};
	CLEANUP_FREE const char **allowed =
		strings_of_json(json_object_get(input, "allow_digests"), &policy.n_allow_digests);
	CLEANUP_FREE const char **keyrings =
		strings_of_json(json_object_get(input, "keyrings"), &request.mirror.n_keyrings);
	CLEANUP_FREE const char **trusted = strings_of_json(json_object_get(input, "trust_digests"),
							    &request.mirror.n_trust_digests);
	const json_t *suite;
	size_t i;

	policy.allow_digests = allowed;
	request.mirror.keyrings = keyrings;
	request.mirror.trust_digests = trusted;
	json_array_foreach(json_object_get(input, "suites"), i,
			   suite) if (list_suite(suite, &request, monitor, &indexes, err) <
				      0) return -1;
	*ret = tell_indexes(&indexes);
	return 0;
}

/* ---- choose ---- */

static json_t *tell_choices(const struct choices *choices)
{
	json_t *list = json_array(), *result = json_object();

	for (size_t i = 0; i < choices->n_items; i++) {
		const struct choice *choice = &choices->items[i];
		json_t *json = json_object();

		json_put_string(json, "suite", choice->suite);
		json_put_string(json, "path", choice->path);
		json_put_u64(json, "size", choice->size);
		put_checksum(json, &choice->checksum);
		json_array_append_new(list, json);
	}
	json_put(result, "files", list);
	json_put_u64(result, "left", choices->n_left);
	return result;
}

static enum resolve_scope scope_of(const char *name)
{
	for (size_t i = 0; i < sizeof scope_names / sizeof *scope_names; i++)
		if (strcmp(scope_names[i], name) == 0)
			return (enum resolve_scope)i;
	return RESOLVE_ALL;
}

static int choose(const json_t *input, const struct want *want, struct choices *ret,
		  struct error *err)
{
	const struct choose_request request = {
		.scope = scope_of(string_member(input, "scope")),
		.allow_removals = json_is_true(json_object_get(input, "removals")),
		.loose = json_is_true(json_object_get(input, "loose")),
		.cache_dir = string_member(input, "cache_dir"),
	};
	size_t block = (size_t)json_integer_value(json_object_get(input, "block"));
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = mirror_snapshot_open(
		string_member(input, "store"), string_member(input, "snapshot"), err);

	if (!snapshot)
		return -1;
	if (block >= want->n_guests)
		return error_set(err, ERROR_BUG, "no block %zu in what is wanted", block);
	if (strcmp(want->guests[block].layout, FETCH_REPOMD) == 0)
		return choose_newer(&want->guests[block], snapshot, ret, err);
	return choose_packages(&want->guests[block], snapshot, &request, ret, err);
}

static int run_choose(const json_t *input, const struct monitor *monitor, json_t **ret,
		      struct error *err)
{
	CLEANUP_WANT struct want want = {0};
	CLEANUP_CHOICES struct choices choices = {0};
	const char *text = string_member(input, "want");

	monitor_progress(monitor, "choose", NULL, 0, 0);
	if (want_parse(text, strlen(text), &want, err) < 0)
		return error_prefix(err, "what is wanted");
	if (choose(input, &want, &choices, err) < 0)
		return -1;
	*ret = tell_choices(&choices);
	return 0;
}

const struct task task_want = {.name = "want", .run = run_want};
const struct task task_mirror_list = {.name = "mirror-list", .run = run_mirror_list};
const struct task task_acquire = {.name = "acquire", .run = run_acquire};
const struct task task_indexes = {.name = "indexes", .run = run_indexes};
const struct task task_choose = {.name = "choose", .run = run_choose};
