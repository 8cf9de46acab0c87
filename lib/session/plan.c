/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan for a guest: its mirror snapshot, what is cached of earlier ones, and the verb. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "session/image.h"
#include "session/outputs.h"
#include "session/strings.h"
#include "session/task_image.h"

enum { STALE_SNAPSHOT_S = 45 * 86400 };

char *prepare_patchset_path(const struct coldpatch_session *session, const char *name)
{
	if (strchr(name, '/') || text_ends_with(name, ".yaml"))
		return xstrdup(name);
	return xasprintf("%s/%s.yaml", session->config.patchsets, name);
}

static const char *known(const char *name)
{
	return name ? name : "unknown";
}

static const char *release_of(const struct guest *guest)
{
	return known(guest->os.codename ? guest->os.codename : guest->os.version_id);
}

/* ERROR_MIRROR when the snapshot has nothing for the guest's release. */
static struct mirror_snapshot *open_suited(const struct coldpatch_session *session,
					   const char *name, const struct guest *guest,
					   struct error *err)
{
	const struct mirror_guest suited = package_mirror_guest(guest);
	CLEANUP(mirror_snapshot_free)
	struct mirror_snapshot *snapshot = mirror_snapshot_open(session->config.store, name, err);

	if (!snapshot)
		return NULL;
	for (size_t i = 0; i < snapshot->n_sources; i++)
		if (mirror_source_suits(&snapshot->sources[i], &suited))
			return steal(snapshot);
	error_set(err, ERROR_MIRROR,
		  "mirror snapshot %.12s has no %s repository for %s %s; make one of its mirror "
		  "with `coldpatch mirror snapshot`, or name another with --snapshot",
		  name, known(suited.layout), known(guest->os.id), release_of(guest));
	return NULL;
}

/* The newest that has something for the guest. */
static struct mirror_snapshot *open_newest(const struct coldpatch_session *session,
					   const struct guest *guest, struct error *err)
{
	struct mirror_snapshot *newest = NULL;
	char **names = NULL;
	size_t n = 0;

	if (mirror_snapshot_list(session->config.store, &names, &n, err) < 0)
		return NULL;
	if (n == 0)
		error_set(err, ERROR_MISSING,
			  "%s: no mirror snapshot yet; make one with `coldpatch mirror snapshot`",
			  session->config.store);
	for (size_t i = 0; i < n && !newest; i++) {
		newest = open_suited(session, names[i], guest, err);
		if (!newest && err->kind != ERROR_MIRROR)
			break;
	}
	strings_free(names, n);
	return newest;
}

static int open_snapshot(struct coldpatch_session *session, const char *name,
			 struct prepared *prepared, struct error *err)
{
	prepared->snapshot = name ? open_suited(session, name, prepared->guest, err)
				  : open_newest(session, prepared->guest, err);
	if (!prepared->snapshot)
		return -1;
	for (size_t i = 0; i < prepared->snapshot->n_sources; i++) {
		const struct mirror_source *source = &prepared->snapshot->sources[i];
		CLEANUP_FREE char *index = mirror_source_index(source);

		if (source->date + STALE_SNAPSHOT_S < time(NULL))
			monitor_log(&session->monitor, LOG_LEVEL_WARNING,
				    "mirror snapshot: %s is older than 45 days", index);
	}
	return 0;
}

/* Where the store keeps the plan for these inputs. */
static char *plan_cache_path(const struct coldpatch_session *session,
			     const struct prepared *prepared, const struct patchset *patchset)
{
	CLEANUP_JSON json_t *key = json_object();
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	json_put_digest(key, "state", &prepared->guest->packages.state);
	json_put_digest(key, "snapshot", &prepared->snapshot->digest);
	json_put_digest(key, "patchset", &patchset->digest);
	json_put_string(key, "os", prepared->guest->os.id);
	json_put_string(key, "os_version", prepared->guest->os.version_id);
	json_put_bytes(key, "codename", prepared->guest->os.codename);
	json_put_string(key, "coldpatch", COLDPATCH_VERSION);
	json_digest(key, &digest);
	digest_to_hex(&digest, hex);
	return xasprintf("%s/plans/%s.json", session->config.store, hex);
}

/* The index of a snapshot differs with the release that its sources must suit; what the guest calls
 * its release is no name for a directory. */
static char *resolver_cache_path(const struct coldpatch_session *session,
				 const struct prepared *prepared)
{
	const struct guest_os *os = &prepared->guest->os;
	CLEANUP_FREE char *release =
		xasprintf("%s %s %s", known(os->id), known(os->version_id), known(os->codename));
	char snapshot[DIGEST_HEX_SIZE], hex[DIGEST_HEX_SIZE];
	struct digest digest;

	digest_of(release, strlen(release), &digest);
	digest_to_hex(&digest, hex);
	digest_to_hex(&prepared->snapshot->digest, snapshot);
	return xasprintf("%s/resolver-cache/%s.%.16s", session->config.store, snapshot, hex);
}

static json_t *resolve_input(const struct coldpatch_session *session,
			     const struct prepared *prepared, const char *patchset,
			     const char *cache)
{
	json_t *input = json_object();
	char snapshot[DIGEST_HEX_SIZE];

	digest_to_hex(&prepared->snapshot->digest, snapshot);
	json_put(input, "guest", guest_to_json(prepared->guest));
	json_put_string(input, "state_dir", prepared->state_dir);
	json_put_string(input, "store", session->config.store);
	json_put_string(input, "snapshot", snapshot);
	json_put_string(input, "patchset", patchset);
	json_put_string(input, "cache_dir", cache);
	return input;
}

static int make_cache(const char *path, struct error *err)
{
	if (directory_make(path, 0755, err) < 0)
		return -1;
	return access(path, W_OK) == 0 ? 0 : error_os(err, ERROR_IO, errno, "%s", path);
}

/* Caches only save time: in a library that is mounted read-only, or is somebody else's, what they
 * would hold is made in the workspace and kept nowhere.  A link that was planted is another matter.
 */
static int prepare_caches(struct coldpatch_session *session, const struct prepared *prepared,
			  char **ret_resolver_cache, bool *ret_kept, struct error *err)
{
	CLEANUP_FREE char *plans = path_join(session->config.store, "plans");
	CLEANUP_FREE char *resolver = resolver_cache_path(session, prepared);
	struct error problem = {0};

	*ret_kept = session_prepare(session, &problem) == 0 && make_cache(plans, &problem) == 0 &&
		    make_cache(resolver, &problem) == 0;
	if (*ret_kept) {
		*ret_resolver_cache = steal(resolver);
		return 0;
	}
	if (problem.os_errno != EROFS && problem.os_errno != EACCES && problem.os_errno != EPERM) {
		*err = problem;
		return -1;
	}
	monitor_log(&session->monitor, LOG_LEVEL_INFO, "the plan is not kept: %s", problem.msg);
	*ret_resolver_cache = path_join(prepared->workspace->path, "resolver-cache");
	return directory_make(*ret_resolver_cache, 0700, err);
}

static int resolve(struct coldpatch_session *session, const char *patchset_file,
		   const char *cache_path, struct prepared *prepared, struct error *err)
{
	CLEANUP_JSON json_t *input = NULL, *result = NULL;
	CLEANUP_FREE char *resolver_cache = NULL;
	const json_t *plan;
	bool kept;

	if (prepare_caches(session, prepared, &resolver_cache, &kept, err) < 0)
		return -1;
	input = resolve_input(session, prepared, patchset_file, resolver_cache);
	if (task_run(session, "resolve", input, &result, err) < 0)
		return -1;
	plan = json_object_get(result, "plan");
	prepared->plan = plan_from_json(plan, err);
	if (!prepared->plan)
		return -1;
	return kept ? json_write_file(cache_path, plan, 0644, err) : 0;
}

/* Prune takes an old plan that no record names: what is in use is not old.  A library of somebody
 * else stays as it is. */
static void touch(const char *path)
{
	utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

static int find_or_resolve(struct coldpatch_session *session, const char *patchset_file,
			   const struct patchset *patchset, struct prepared *prepared,
			   struct error *err)
{
	CLEANUP_FREE char *cache_path = plan_cache_path(session, prepared, patchset);
	CLEANUP_JSON json_t *cached = NULL;
	struct error ignored;

	if (session_check_store(session, err) < 0)
		return -1;
	cached = json_read_file(cache_path, ERROR_BUG, &ignored);
	prepared->plan = cached ? plan_from_json(cached, &ignored) : NULL;
	if (prepared->plan) {
		touch(cache_path);
		return 0;
	}
	return resolve(session, patchset_file, cache_path, prepared, err);
}

/* Nothing is planned for an image that could not be patched anyway. */
static int refuse_blocked(const struct guest *guest, struct error *err)
{
	if (guest->n_blockers == 0)
		return 0;
	return error_set(err, ERROR_IMAGE, "%s", guest->blockers[0].msg);
}

int prepare_check_options(const struct coldpatch_plan_options *options, struct error *err)
{
	const char *const names[] = {options->patchset, options->snapshot};

	if (!options->patchset)
		return error_set(err, ERROR_USAGE, "no patchset was given");
	return strings_check(names, 2, "patchset or mirror snapshot", err);
}

int prepare_plan(struct coldpatch_session *session, const struct coldpatch_plan_options *options,
		 struct prepared *prepared, struct error *err)
{
	CLEANUP_FREE char *patchset_file = NULL;

	if (refuse_blocked(prepared->guest, err) < 0)
		return -1;
	patchset_file = prepare_patchset_path(session, options->patchset);
	prepared->patchset = patchset_read(patchset_file, err);
	if (!prepared->patchset)
		return -1;
	if (patchset_check_guest(prepared->patchset, prepared->guest->os.id,
				 prepared->guest->os.version_id, err) < 0)
		return -1;
	if (open_snapshot(session, options->snapshot, prepared, err) < 0)
		return -1;
	return find_or_resolve(session, patchset_file, prepared->patchset, prepared, err);
}

/* `plan` prints the digest beside the plan: a plan that was edited by hand does not have it any
 * more. */
static int check_plan_digest(const json_t *document, const struct plan *plan, const char *path,
			     struct error *err)
{
	const char *said = json_string_value(json_object_get(document, "digest"));
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	plan_digest(plan, &digest);
	digest_to_hex(&digest, hex);
	if (!said || !strcmp(said, hex))
		return 0;
	return error_set(err, ERROR_TRUST, "%s: the plan is not the one that its digest names",
			 path);
}

/* Else the run would come to an end that nothing can check. */
static int check_plan_family(const struct plan *plan, const struct guest *guest, const char *path,
			     struct error *err)
{
	const char *family = guest->packages.family ? guest->packages.family : "(none)";

	if (!strcmp(plan->family, family))
		return 0;
	return error_set(err, ERROR_CONFIG,
			 "%s: the plan is for packages of family %s, and the guest's are of %s",
			 path, plan->family, family);
}

int prepare_plan_from_file(struct coldpatch_session *session, const char *path,
			   struct prepared *prepared, struct error *err)
{
	CLEANUP_JSON json_t *document = json_read_file(path, ERROR_CONFIG, err);
	const json_t *plan;
	char snapshot[DIGEST_HEX_SIZE];

	if (!document)
		return -1;
	if (refuse_blocked(prepared->guest, err) < 0)
		return -1;
	plan = json_object_get(document, "plan");
	prepared->plan = plan_from_json(plan ? plan : document, err);
	if (!prepared->plan)
		return error_prefix(err, "%s", path);
	if (check_plan_digest(document, prepared->plan, path, err) < 0 ||
	    check_plan_family(prepared->plan, prepared->guest, path, err) < 0)
		return -1;
	digest_to_hex(&prepared->plan->snapshot, snapshot);
	return open_snapshot(session, snapshot, prepared, err);
}

int prepare_fit(struct prepared *prepared, struct error *err)
{
	if (fit_check(prepared->plan, prepared->guest, &prepared->fit, err) < 0)
		return -1;
	if (prepared->patchset)
		fit_add_absent(prepared->patchset, prepared->guest, &prepared->fit);
	return 0;
}

int plan_code(const struct plan *plan)
{
	return plan->resolution.n_left ? COLDPATCH_LEFT_BEHIND : COLDPATCH_OK;
}

static json_t *plan_document(const struct prepared *prepared)
{
	json_t *document = json_object();
	struct digest digest;

	plan_digest(prepared->plan, &digest);
	json_put(document, "plan", plan_to_json(prepared->plan));
	json_put(document, "fit", fit_to_json(&prepared->fit));
	json_put_digest(document, "digest", &digest);
	json_put_u64(document, "code", plan_code(prepared->plan));
	return document;
}

/* In place of a device, or of a link to one, nobody wants a file. */
static int check_output(const char *path, struct error *err)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return error_set(err, ERROR_USAGE,
				 "-: name a file; on standard output --json prints the plan");
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, ERROR_USAGE,
				 "%s: is there and is not a file, so it is not replaced", path);
	return outputs_check_outside(path, err);
}

static int write_plan(const char *path, const char *text, struct error *err)
{
	CLEANUP_FREE char *line = xasprintf("%s\n", text);

	return file_replace(path, line, strlen(line), 0644, err);
}

int coldpatch_image_plan(struct coldpatch_session *session, const struct coldpatch_image *image,
			 const struct coldpatch_plan_options *options, char **ret_json,
			 struct coldpatch_error *ret_err)
{
	CLEANUP_PREPARED struct prepared prepared = {0};
	CLEANUP_JSON json_t *json = NULL;
	CLEANUP_FREE char *text = NULL;
	struct error err = {0};

	if (options->output && check_output(options->output, &err) < 0)
		return session_fail(ret_err, &err);
	if (prepare_check_options(options, &err) < 0 ||
	    prepare_guest(session, image, &prepared, &err) < 0 ||
	    prepare_plan(session, options, &prepared, &err) < 0 ||
	    prepare_fit(&prepared, &err) < 0) {
		prepare_name_image(image, &err);
		return session_fail(ret_err, &err);
	}
	json = plan_document(&prepared);
	text = session_text(json);
	if (options->output && write_plan(options->output, text, &err) < 0)
		return session_fail(ret_err, &err);
	*ret_json = steal(text);
	return 0;
}
