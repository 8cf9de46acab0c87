/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/keys.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"

enum { MAX_KEYS = 4096, MAX_GOOD = 1 << 20 };

struct good_head {
	char *template_name;
	uint64_t number;
	struct digest digest;
};

struct record_keys {
	struct key **keys;
	size_t n_keys;
	struct revocation {
		bool revoked;
		struct good_head *good;
		size_t n_good;
	} * revocations; /* one per key */
};

static void revocation_clear(struct revocation *revocation)
{
	for (size_t i = 0; i < revocation->n_good; i++)
		free(revocation->good[i].template_name);
	free(revocation->good);
}

void record_keys_free(struct record_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->n_keys; i++) {
		key_free(keys->keys[i]);
		revocation_clear(&keys->revocations[i]);
	}
	free(keys->keys);
	free(keys->revocations);
	free(keys);
}

static int read_good(const char *path, const json_t *good, struct revocation *ret,
		     struct error *err)
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

/* The key's file has been there, so a revocation that cannot be read must not look like none. */
static int read_revocation(const char *path, struct revocation *ret, struct error *err)
{
	struct json_reader reader = {NULL, path, ERROR_CONFIG, err, false};
	CLEANUP_JSON json_t *json = NULL;
	const json_t *good;
	uint64_t revoked;
	struct stat st;

	if (lstat(path, &st) < 0 && errno == ENOENT)
		return 0;
	json = json_read_file(path, ERROR_CONFIG, err);
	if (!json)
		return -1;
	ret->revoked = true;
	reader.object = json;
	json_get_u64(&reader, "revoked", &revoked);
	good = json_get_object(&reader, "good");
	if (json_reader_result(&reader) < 0)
		return -1;
	return read_good(path, good, ret, err);
}

static bool is_public_key_name(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && name[0] != '.' && strcmp(name + len - 4, ".pub") == 0;
}

static char *revocation_path(const char *path)
{
	size_t len = strlen(path);

	if (len > 4 && strcmp(path + len - 4, ".pub") == 0)
		len -= 4;
	return xasprintf("%.*s.revoked", (int)len, path);
}

static int add_key(struct record_keys *keys, const char *path, struct error *err)
{
	CLEANUP_FREE char *revoked = revocation_path(path);
	struct revocation revocation = {0};
	struct key *key;
	size_t n = keys->n_keys;

	if (n >= MAX_KEYS)
		return error_set(err, ERROR_CONFIG, "%s: more than %d keys", path, MAX_KEYS);
	key = key_open_public(path, err);
	if (!key)
		return -1;
	if (read_revocation(revoked, &revocation, err) < 0) {
		revocation_clear(&revocation);
		key_free(key);
		return -1;
	}
	*ARRAY_ADD(keys->revocations, n) = revocation;
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
	while (result == 0 && (entry = readdir(dir))) {
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

/* A key may be there twice, by two paths: revoked by either is revoked. */
static const struct revocation *find_revocation(const struct record_keys *keys, const char *key_id)
{
	for (size_t i = 0; i < keys->n_keys; i++)
		if (keys->revocations[i].revoked && !strcmp(key_get_id(keys->keys[i]), key_id))
			return &keys->revocations[i];
	return NULL;
}

bool record_keys_is_revoked(const struct record_keys *keys, const char *key_id)
{
	return find_revocation(keys, key_id) != NULL;
}

bool record_keys_good_head(const struct record_keys *keys, const char *key_id,
			   const char *template_name, uint64_t *ret_number,
			   struct digest *ret_digest)
{
	const struct revocation *revocation = find_revocation(keys, key_id);

	for (size_t i = 0; revocation && i < revocation->n_good; i++) {
		if (strcmp(revocation->good[i].template_name, template_name) != 0)
			continue;
		*ret_number = revocation->good[i].number;
		*ret_digest = revocation->good[i].digest;
		return true;
	}
	return false;
}

bool record_keys_may_have_signed(const struct record_keys *keys, const char *key_id,
				 const char *template_name, uint64_t number)
{
	struct digest digest;
	uint64_t last;

	if (!record_keys_is_revoked(keys, key_id))
		return true;
	return record_keys_good_head(keys, key_id, template_name, &last, &digest) && number <= last;
}
