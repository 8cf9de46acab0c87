/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/payloads.h"

#include <string.h>

#include "base/file.h"
#include "package/payload.h"
#include "session/background.h"
#include "session/strings.h"

struct payloads {
	struct coldpatch_session *session;
	json_t *known;		      /* as the result */
	json_t *wanted;		      /* names of the packages that nobody has read yet */
	struct background_task *task; /* for these; NULL: there are none, or they are known */
};

static char *cache_path(const struct payloads *payloads, const char *package)
{
	return xasprintf("%s/payloads/%s.json", payloads->session->config.store, package);
}

static bool is_sound(const char *package, json_t *files)
{
	CLEANUP_JSON json_t *alone = json_object();
	struct package_payloads payloads = {0};
	struct error ignored;
	int status;

	if (!json_is_array(files))
		return false;
	json_object_set(alone, package, files);
	status = package_payloads_from_json(alone, &payloads, &ignored);
	package_payloads_free(&payloads);
	return status == 0;
}

static bool read_cached(const struct payloads *payloads, const char *package)
{
	CLEANUP_FREE char *path = cache_path(payloads, package);
	struct error ignored;
	CLEANUP_JSON json_t *cached = json_read_file(path, ERROR_BUG, &ignored);
	const char *version = json_string_value(json_object_get(cached, "coldpatch"));
	json_t *files = json_object_get(cached, "files");
	struct digest said, found;

	if (!version || strcmp(version, COLDPATCH_VERSION) != 0 || !is_sound(package, files) ||
	    !digest_from_hex(string_member(cached, "digest"), &said))
		return false;
	json_digest(files, &found);
	if (!digest_equal(&said, &found))
		return false;
	json_object_set(payloads->known, package, files);
	return true;
}

static void look_up(struct payloads *payloads, const struct plan *plan)
{
	for (size_t i = 0; i < plan->resolution.n_changes; i++) {
		const struct package_change *change = &plan->resolution.changes[i];
		char package[DIGEST_HEX_SIZE];

		digest_to_hex(&change->sha256, package);
		if (change->to && !read_cached(payloads, package))
			json_array_append_new(payloads->wanted, json_string(package));
	}
}

static json_t *task_input(const struct payloads *payloads, const struct plan *plan,
			  const struct digest *snapshot)
{
	json_t *input = json_object();

	json_put(input, "plan", plan_to_json(plan));
	json_put_string(input, "store", payloads->session->config.store);
	json_put_digest(input, "snapshot", snapshot);
	json_put(input, "packages", json_incref(payloads->wanted));
	return input;
}

struct payloads *payloads_start(struct coldpatch_session *session, const struct plan *plan,
				const struct digest *snapshot)
{
	struct payloads *payloads = xcalloc(1, sizeof *payloads);

	payloads->session = session;
	payloads->known = json_object();
	payloads->wanted = json_array();
	look_up(payloads, plan);
	if (json_array_size(payloads->wanted))
		payloads->task = background_task_start(session, "payload",
						       task_input(payloads, plan, snapshot));
	return payloads;
}

/* It only saves time: nothing is said where that cannot be. */
static void keep(const struct payloads *payloads, const char *package, json_t *files)
{
	CLEANUP_FREE char *directory = path_join(payloads->session->config.store, "payloads");
	CLEANUP_FREE char *path = cache_path(payloads, package);
	CLEANUP_JSON json_t *cached = json_object();
	struct digest digest;
	struct error ignored;

	json_digest(files, &digest);
	json_put_string(cached, "coldpatch", COLDPATCH_VERSION);
	json_put_digest(cached, "digest", &digest);
	json_put(cached, "files", json_incref(files));
	if (directory_make(directory, 0755, &ignored) == 0)
		json_write_file(path, cached, 0644, &ignored);
}

/* The worker may have been taken over by what it read: what it says of other packages than it was
 * asked of is no name of a file, and counts for nothing. */
static void take(struct payloads *payloads, const json_t *found)
{
	const json_t *name;
	size_t i;

	json_array_foreach(payloads->wanted, i, name)
	{
		const char *package = json_string_value(name);
		json_t *files = json_object_get(found, package);

		if (!is_sound(package, files))
			continue;
		keep(payloads, package, files);
		json_object_set(payloads->known, package, files);
	}
}

int payloads_wait(struct payloads *payloads, const json_t **ret, struct error *err)
{
	const json_t *result;

	if (payloads->task) {
		if (background_task_wait(payloads->task, &result, err) < 0)
			return -1;
		take(payloads, json_object_get(result, "payloads"));
		background_task_free(steal(payloads->task));
	}
	*ret = payloads->known;
	return 0;
}

void payloads_free(struct payloads *payloads)
{
	if (!payloads)
		return;
	background_task_free(payloads->task);
	json_decref(payloads->known);
	json_decref(payloads->wanted);
	free(payloads);
}
