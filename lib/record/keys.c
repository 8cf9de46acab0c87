/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/keys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/directory.h"
#include "base/file.h"
#include "base/json.h"

enum { MAX_KEYS = 4096, MAX_GOOD = 1 << 20 };

struct good_head {
	char *template_name;
	uint64_t number;
	struct digest digest;
};

struct ending {
	bool ended;
	struct key_end end;
	struct good_head *good;
	size_t n_good;
};

struct record_keys {
	struct key **keys;
	char **paths;
	struct ending *endings; /* one per key */
	size_t n_keys;
};

static void ending_clear(struct ending *ending)
{
	for (size_t i = 0; i < ending->n_good; i++)
		free(ending->good[i].template_name);
	free(ending->good);
}

void record_keys_free(struct record_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->n_keys; i++) {
		key_free(keys->keys[i]);
		free(keys->paths[i]);
		ending_clear(&keys->endings[i]);
	}
	free(keys->keys);
	free(keys->paths);
	free(keys->endings);
	free(keys);
}

static int read_good(const char *path, const json_t *good, struct ending *ret, struct error *err)
{
	const char *name;
	json_t *value;

	if (json_object_size(good) > MAX_GOOD)
		return error_set(err, ERROR_CONFIG, "%s: more than %d templates", path, MAX_GOOD);
	json_object_foreach((json_t *)(uintptr_t)good, name, value)
	{
		struct json_reader reader = {value, path, ERROR_CONFIG, err, false};
		struct good_head *one = ARRAY_ADD(ret->good, ret->n_good);

		one->template_name = xstrdup(name);
		json_get_u64(&reader, "head", &one->number);
		json_get_digest(&reader, "digest", &one->digest);
		if (json_reader_result(&reader) < 0)
			return -1;
	}
	return 0;
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);

	return len > n && strcmp(text + len - n, suffix) == 0;
}

char *key_end_path(const char *path, bool revoked)
{
	size_t len = strlen(path);

	if (has_suffix(path, ".pub") || has_suffix(path, ".key"))
		len -= strlen(".pub");
	return xasprintf("%.*s.%s", (int)len, path, revoked ? "revoked" : "retired");
}

/* Something that cannot be read must not look like nothing. */
static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 || errno != ENOENT;
}

int key_check_signs(const char *path, struct error *err)
{
	for (int revoked = 1; revoked >= 0; revoked--) {
		CLEANUP_FREE char *file = key_end_path(path, revoked);

		if (is_there(file))
			return error_set(err, ERROR_DENIED,
					 "key %s: is %s and signs no more, says %s; sign with "
					 "another one",
					 path, revoked ? "revoked" : "retired", file);
	}
	return 0;
}

static int end_from_json(const json_t *json, const char *path, struct key_end_file *ret,
			 struct error *err)
{
	struct json_reader reader = {json, path, ERROR_CONFIG, err, false};
	const json_t *good = NULL;
	uint64_t seconds = 0;

	json_get_u64(&reader, ret->revoked ? "revoked" : "retired", &seconds);
	if (ret->revoked || json_object_get(json, "good"))
		good = json_get_object(&reader, "good");
	if (json_reader_result(&reader) < 0)
		return -1;
	ret->time = (int64_t)seconds;
	ret->good = good ? json_deep_copy(good) : NULL;
	return 0;
}

int key_end_read(const char *path, bool revoked, struct key_end_file *ret, struct error *err)
{
	CLEANUP_FREE char *file = key_end_path(path, revoked);
	struct key_end_file end = {.revoked = revoked};
	CLEANUP_JSON json_t *json = NULL;

	if (!is_there(file))
		return error_set(err, ERROR_MISSING, "%s: not there", file);
	json = json_read_file(file, ERROR_CONFIG, err);
	if (!json || end_from_json(json, file, &end, err) < 0)
		return -1;
	*ret = end;
	return 0;
}

int key_end_write(const char *path, const struct key_end_file *end, struct error *err)
{
	CLEANUP_FREE char *file = key_end_path(path, end->revoked);
	CLEANUP_JSON json_t *json = json_object();

	json_put_u64(json, end->revoked ? "revoked" : "retired", (uint64_t)end->time);
	if (end->good)
		json_object_set(json, "good", end->good);
	return json_write_file(file, json, 0644, err);
}

/* Revoked after it was retired is revoked. */
static int read_ending(const char *path, struct ending *ret, struct error *err)
{
	for (int revoked = 1; revoked >= 0 && !ret->ended; revoked--) {
		CLEANUP_FREE char *file = key_end_path(path, revoked);
		struct key_end_file end = {0};
		struct error problem = {0};
		int result;

		if (key_end_read(path, revoked, &end, &problem) < 0) {
			if (problem.kind == ERROR_MISSING)
				continue;
			*err = problem;
			return -1;
		}
		ret->ended = true;
		ret->end = (struct key_end){revoked, end.time, end.good != NULL};
		result = end.good ? read_good(file, end.good, ret, err) : 0;
		json_decref(end.good);
		if (result < 0)
			return -1;
	}
	return 0;
}

static bool is_public_key_name(const char *name)
{
	return has_suffix(name, ".pub") && name[0] != '.';
}

static int add_key(struct record_keys *keys, const char *path, struct error *err)
{
	struct ending ending = {0};
	struct key *key;
	size_t n = keys->n_keys, m = n;

	if (n >= MAX_KEYS)
		return error_set(err, ERROR_CONFIG, "%s: more than %d keys", path, MAX_KEYS);
	key = key_open_public(path, err);
	if (!key)
		return -1;
	if (read_ending(path, &ending, err) < 0) {
		ending_clear(&ending);
		key_free(key);
		return -1;
	}
	*ARRAY_ADD(keys->endings, n) = ending;
	*ARRAY_ADD(keys->paths, m) = xstrdup(path);
	*ARRAY_ADD(keys->keys, keys->n_keys) = key;
	return 0;
}

static int add_directory(struct record_keys *keys, const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int result = 0;

	if (!dir)
		return error_os(err, ERROR_CONFIG, errno, "%s", path);
	while (result == 0 && (entry = directory_next(dir, path, &result, err))) {
		CLEANUP_FREE char *file = path_join(path, entry->d_name);

		if (is_public_key_name(entry->d_name))
			result = add_key(keys, file, err);
	}
	closedir(dir);
	return result;
}

struct record_keys *record_keys_open(const char *const *paths, size_t n_paths, struct error *err)
{
	CLEANUP(record_keys_free)
	struct record_keys *keys = xcalloc(1, sizeof *keys);

	for (size_t i = 0; i < n_paths; i++) {
		struct stat st;
		bool directory = stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode);

		if ((directory ? add_directory : add_key)(keys, paths[i], err) < 0)
			return NULL;
	}
	return steal(keys);
}

const struct key *const *record_keys_all(const struct record_keys *keys, size_t *ret_n)
{
	*ret_n = keys->n_keys;
	return (const struct key *const *)keys->keys;
}

const char *record_keys_path(const struct record_keys *keys, size_t n)
{
	return keys->paths[n];
}

/* A key may be there twice, by two paths; the worst that is said of it counts. */
static const struct ending *find_ending(const struct record_keys *keys, const char *key_id)
{
	const struct ending *found = NULL;

	for (size_t i = 0; i < keys->n_keys; i++) {
		const struct ending *one = &keys->endings[i];

		if (!one->ended || strcmp(key_get_id(keys->keys[i]), key_id) != 0)
			continue;
		if (!found || (one->end.revoked && !found->end.revoked))
			found = one;
	}
	return found;
}

const struct key_end *record_keys_end(const struct record_keys *keys, const char *key_id)
{
	const struct ending *ending = find_ending(keys, key_id);

	return ending ? &ending->end : NULL;
}

bool record_keys_is_revoked(const struct record_keys *keys, const char *key_id)
{
	const struct key_end *end = record_keys_end(keys, key_id);

	return end && end->revoked;
}

int record_keys_check_time(const struct record_keys *keys, const char *key_id, int64_t time,
			   const char *what, struct error *err)
{
	const struct key_end *end = record_keys_end(keys, key_id);

	if (!end || (!end->revoked && time <= end->time))
		return 0;
	if (end->revoked)
		return error_set(err, ERROR_TRUST,
				 "%s: signed by key %s, which is revoked, and no head from before "
				 "vouches for it",
				 what, key_id);
	return error_set(err, ERROR_TRUST, "%s: signed by key %s after that key was retired", what,
			 key_id);
}

bool record_keys_good_head(const struct record_keys *keys, const char *key_id,
			   const char *template_name, uint64_t *ret_number,
			   struct digest *ret_digest)
{
	const struct ending *ending = find_ending(keys, key_id);

	for (size_t i = 0; ending && i < ending->n_good; i++) {
		if (strcmp(ending->good[i].template_name, template_name) != 0)
			continue;
		*ret_number = ending->good[i].number;
		*ret_digest = ending->good[i].digest;
		return true;
	}
	return false;
}

void record_keys_forget_good(struct record_keys *keys, const char *key_id)
{
	for (size_t i = 0; i < keys->n_keys; i++)
		if (!keys->endings[i].end.revoked && !strcmp(key_get_id(keys->keys[i]), key_id))
			keys->endings[i].end.has_good = false;
}
