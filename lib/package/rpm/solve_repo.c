/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A repository is parsed once into a pool of its own and written as a cache; every resolve then
 * loads that cache, the first one too, so that there is one way for all.  File lists are a second
 * cache, which libsolv asks for only when something needs a file that primary does not name.
 */
#include "package/rpm/solve.h"

#include <solv/repo_repomdxml.h>
#include <solv/repo_rpmmd.h>
#include <solv/repo_solv.h>
#include <solv/repo_updateinfoxml.h>
#include <solv/repo_write.h>
#include <solv/solvversion.h>
#include <string.h>

#include "base/decompress.h"
#include "base/file.h"
#include "base/memory.h"
#include "mirror/repomd/index.h"

/* Counts with the keys of caches: another number, and they are made again. */
#define CACHE_FORMAT "coldpatch-2 libsolv-" LIBSOLV_VERSION_STRING

struct solve_repo {
	struct solve *solve;
	const struct mirror_source *source;
	struct digest key;
};

static const struct mirror_file *find_file(const struct mirror_source *source, const char *path)
{
	for (size_t i = 0; i < source->n_files; i++)
		if (strcmp(source->files[i].path, path) == 0)
			return &source->files[i];
	return NULL;
}

static int unreadable(const struct mirror_source *source, const char *path, const char *why,
		      struct error *err)
{
	return error_set(err, ERROR_MIRROR,
			 "%s/%s: it cannot be read: %s; make the mirror snapshot again",
			 source->directory, path, why);
}

/* What was written a moment ago. */
static int lost(const struct solve *solve, struct error *err)
{
	return error_set(err, ERROR_IO, "%s: a cache cannot be read back", solve->work_dir);
}

typedef int parse_function(Repo *repo, FILE *file, void *opaque);

/* Unpacked as it was when the mirror snapshot was made: libsolv's own unpacking ends with the first
 * of several streams. */
static FILE *open_file(const struct mirror_source *source, const char *path, struct error *err)
{
	CLEANUP_FREE char *full = path_join(source->directory, path);
	struct error why = {0};
	FILE *file = decompress_open(full, repomd_compression(path), ERROR_MIRROR, &why);

	if (!file)
		unreadable(source, path, why.msg, err);
	return file;
}

static int parse_file(Repo *repo, const struct mirror_source *source, const char *path,
		      parse_function *parse, void *opaque, struct error *err)
{
	CLEANUP_FCLOSE FILE *file = NULL;
	int status;

	if (!find_file(source, path))
		return error_set(err, ERROR_MIRROR,
				 "%s names %s, which the mirror snapshot does not have: the mirror "
				 "is incomplete",
				 source->index_path, path);
	file = open_file(source, path, err);
	if (!file)
		return -1;
	status = parse(repo, file, opaque);
	if (ferror(file))
		return unreadable(source, path, "it cannot be decompressed", err);
	if (status != 0)
		return unreadable(source, path, pool_errstr(repo->pool), err);
	return 0;
}

static int parse_repomd(Repo *repo, FILE *file, void *opaque)
{
	(void)opaque;
	return repo_add_repomdxml(repo, file, 0);
}

static int parse_primary(Repo *repo, FILE *file, void *opaque)
{
	(void)opaque;
	return repo_add_rpmmd(repo, file, NULL, 0);
}

static int parse_updateinfo(Repo *repo, FILE *file, void *opaque)
{
	(void)opaque;
	return repo_add_updateinfoxml(repo, file, 0);
}

static int parse_filelists(Repo *repo, FILE *file, void *opaque)
{
	(void)opaque;
	return repo_add_rpmmd(repo, file, "FL",
			      REPO_USE_LOADING | REPO_EXTEND_SOLVABLES | REPO_LOCALPOOL);
}

/* Where repomd.xml says the file of this type is; allocated, or NULL. */
static char *location_of(Repo *repo, const char *type)
{
	Dataiterator di;
	const char *found = NULL;
	char *result;

	dataiterator_init(&di, repo->pool, repo, SOLVID_META, REPOSITORY_REPOMD_TYPE, type,
			  SEARCH_STRING);
	dataiterator_prepend_keyname(&di, REPOSITORY_REPOMD);
	if (dataiterator_step(&di)) {
		dataiterator_setpos_parent(&di);
		found = pool_lookup_str(repo->pool, SOLVID_POS, REPOSITORY_REPOMD_LOCATION);
	}
	result = found ? xstrdup(found) : NULL;
	dataiterator_free(&di);
	return result;
}

/* Says that file lists are to be had, and that they are asked for by load_filelists. */
static void announce_filelists(Repo *repo)
{
	CLEANUP_FREE char *path = location_of(repo, "filelists");
	Repodata *data = repo_add_repodata(repo, 0);
	Id handle;

	repodata_extend_block(data, repo->start, repo->end - repo->start);
	if (path) {
		handle = repodata_new_handle(data);
		repodata_set_poolstr(data, handle, REPOSITORY_REPOMD_TYPE, "filelists");
		repodata_set_str(data, handle, REPOSITORY_REPOMD_LOCATION, path);
		repodata_add_idarray(data, handle, REPOSITORY_KEYS, SOLVABLE_FILELIST);
		repodata_add_idarray(data, handle, REPOSITORY_KEYS, REPOKEY_TYPE_DIRSTRARRAY);
		repodata_add_flexarray(data, SOLVID_META, REPOSITORY_EXTERNAL, handle);
	}
	repodata_internalize(data);
}

static int parse_metadata(Repo *repo, const struct mirror_source *source, struct error *err)
{
	CLEANUP_FREE char *primary = NULL, *updateinfo = NULL;

	if (parse_file(repo, source, source->index_path, parse_repomd, NULL, err) < 0)
		return -1;
	primary = location_of(repo, "primary");
	if (!primary)
		return error_set(err, ERROR_MIRROR, "%s/%s names no primary index",
				 source->directory, source->index_path);
	if (parse_file(repo, source, primary, parse_primary, NULL, err) < 0)
		return -1;
	updateinfo = location_of(repo, "updateinfo");
	if (updateinfo && parse_file(repo, source, updateinfo, parse_updateinfo, NULL, err) < 0)
		return -1;
	announce_filelists(repo);
	return 0;
}

static int write_repo(void *opaque, FILE *to)
{
	return repo_write(opaque, to);
}

static Pool *new_pool(void)
{
	Pool *pool = pool_create();

	pool_setdisttype(pool, DISTTYPE_RPM);
	return pool;
}

static int make_cache(const struct solve_repo *it, struct error *err)
{
	Pool *pool = new_pool();
	Repo *repo = repo_create(pool, "parsed");
	int result = parse_metadata(repo, it->source, err);

	if (result == 0)
		result = solve_cache_write(it->solve->work_dir, &it->key, "solv", write_repo, repo,
					   err);
	pool_free(pool);
	return result;
}

/* What the cache depends on; the digest of repomd.xml stands for all that it names. */
static void make_key(const struct mirror_source *source, struct digest *ret)
{
	CLEANUP(digest_free)
	struct digest_context *context = digest_new();

	digest_update(context, CACHE_FORMAT, sizeof CACHE_FORMAT);
	digest_update(context, &source->index, sizeof source->index);
	for (size_t i = 0; i < source->n_files; i++)
		digest_update(context, &source->files[i].sha256, sizeof source->files[i].sha256);
	digest_finish(steal(context), ret);
}

static int load_repo(struct solve *solve, size_t index, struct error *err)
{
	struct solve_repo *it = &solve->sources[index];
	CLEANUP_FCLOSE FILE *cache = NULL;
	Repo *repo;

	it->solve = solve;
	it->source = &solve->snapshot->sources[index];
	make_key(it->source, &it->key);
	cache = solve_cache_open(solve->work_dir, &it->key, "solv");
	if (!cache && make_cache(it, err) < 0)
		return -1;
	if (!cache)
		cache = solve_cache_open(solve->work_dir, &it->key, "solv");
	repo = repo_create(solve->pool, it->source->directory);
	solve->repos[index] = repo;
	repo->appdata = it;
	/* libsolv prefers the greater number */
	repo->priority = -(int)(it->source->priority < 1000000 ? it->source->priority : 1000000);
	if (!cache || repo_add_solv(repo, cache, 0) != 0)
		return lost(solve, err);
	return 0;
}

static int write_filelists(void *opaque, FILE *to)
{
	return repodata_write(opaque, to);
}

static int make_filelists(struct solve_repo *it, Repodata *data, struct error *err)
{
	const char *path = repodata_lookup_str(data, SOLVID_META, REPOSITORY_REPOMD_LOCATION);

	if (!path)
		return error_set(err, ERROR_BUG, "file lists without a location");
	if (parse_file(data->repo, it->source, path, parse_filelists, NULL, err) < 0)
		return -1;
	return solve_cache_write(it->solve->work_dir, &it->key, "solvx", write_filelists, data,
				 err);
}

/* libsolv's callback: fills the announced data.  It cannot be told of an error: that waits. */
static int load_filelists(Pool *pool, Repodata *data, void *opaque)
{
	struct solve *solve = opaque;
	struct solve_repo *it = data->repo->appdata;
	CLEANUP_FCLOSE FILE *cache = solve_cache_open(solve->work_dir, &it->key, "solvx");

	(void)pool;
	if (cache)
		return repo_add_solv(data->repo, cache,
				     REPO_USE_LOADING | REPO_EXTEND_SOLVABLES | REPO_LOCALPOOL) ==
		       0;
	if (solve->late.kind)
		return 0;
	return make_filelists(it, data, &solve->late) == 0;
}

int solve_add_repos(struct solve *solve, struct error *err)
{
	size_t n = solve->snapshot->n_sources;

	solve->repos = xcalloc(n + 1, sizeof *solve->repos);
	solve->sources = xcalloc(n + 1, sizeof *solve->sources);
	if (directory_make(solve->work_dir, 0755, err) < 0)
		return -1;
	pool_setloadcallback(solve->pool, load_filelists, solve);
	for (size_t i = 0; i < n; i++)
		if (load_repo(solve, i, err) < 0)
			return -1;
	return 0;
}

struct conversion {
	Repo *repo;
	const struct mirror_source *source;
	const char *path;
	FILE *to;
	char *why;
	struct error *err;
};

static int parse_modules(Repo *repo, FILE *file, void *opaque)
{
	struct conversion *it = opaque;
	int result = rpm_modules_convert(file, it->to, &it->why);

	return result < 0 ? pool_error(repo->pool, -1, "%s", it->why) : 0;
}

static int write_modules(void *opaque, FILE *to)
{
	struct conversion *it = opaque;
	int result;

	it->to = to;
	result = parse_file(it->repo, it->source, it->path, parse_modules, it, it->err);
	free(it->why);
	return result;
}

static int read_modules(const struct solve *solve, const struct solve_repo *it, Repo *repo,
			struct rpm_modules *ret, struct error *err)
{
	CLEANUP_FREE char *path = location_of(repo, "modules");
	CLEANUP_FCLOSE FILE *cache = NULL;
	struct conversion conversion = {
		.repo = repo, .source = it->source, .path = path, .err = err};

	if (!path)
		return 0;
	cache = solve_cache_open(solve->work_dir, &it->key, "modules");
	if (!cache && solve_cache_write(solve->work_dir, &it->key, "modules", write_modules,
					&conversion, err) < 0)
		return -1;
	if (!cache)
		cache = solve_cache_open(solve->work_dir, &it->key, "modules");
	if (!cache)
		return lost(solve, err);
	rpm_modules_add(ret, cache);
	return 0;
}

int solve_read_modules(struct solve *solve, struct rpm_modules *ret, struct error *err)
{
	for (size_t i = 0; i < solve->snapshot->n_sources; i++)
		if (read_modules(solve, &solve->sources[i], solve->repos[i], ret, err) < 0)
			return -1;
	return 0;
}

/* Adds to `ids` those of `more` that are not among them; were there any? */
static bool unite(Queue *ids, const Queue *more)
{
	int before = ids->count;

	for (int i = 0; i < more->count; i++)
		queue_pushunique(ids, more->elements[i]);
	return ids->count > before;
}

static bool has_only_stubs(Repo *repo)
{
	for (int i = 2; i < repo->nrepodata; i++)
		if (!repo_id2repodata(repo, i)->loadcallback &&
		    repo_id2repodata(repo, i)->state != REPODATA_AVAILABLE)
			return false;
	return repo->nrepodata >= 2;
}

/* What came after the first repodata are the file lists, which have a cache of their own. */
static int write_first(void *opaque, FILE *to)
{
	Repo *repo = opaque;
	int n = repo->nrepodata, result;

	repo->nrepodata = 2;
	result = repo_write(repo, to);
	repo->nrepodata = n;
	return result;
}

static int keep_file_provides(struct solve *solve, Repo *repo, const Queue *added,
			      struct error *err)
{
	const struct solve_repo *it = repo->appdata;
	Repodata *data = repo_id2repodata(repo, 1);
	int result = 0;
	Queue known;

	if (!has_only_stubs(repo))
		return 0;
	queue_init(&known);
	repodata_lookup_idarray(data, SOLVID_META, REPOSITORY_ADDEDFILEPROVIDES, &known);
	if (unite(&known, added)) {
		repodata_set_idarray(data, SOLVID_META, REPOSITORY_ADDEDFILEPROVIDES, &known);
		repodata_internalize(data);
		result = solve_cache_write(solve->work_dir, &it->key, "solv", write_first, repo,
					   err);
	}
	queue_free(&known);
	return result;
}

int solve_keep_file_provides(struct solve *solve, Queue *added, struct error *err)
{
	for (size_t i = 0; i < solve->snapshot->n_sources; i++)
		if (keep_file_provides(solve, solve->repos[i], added, err) < 0)
			return -1;
	return 0;
}

void solve_free_repos(struct solve *solve)
{
	free(solve->repos);
	free(solve->sources);
}
