/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "library/commit.h"
#include "library/inside.h"
#include "record/keys.h"
#include "session/strings.h"

enum { MAX_MACHINE_ID = 64, HOST_NAME_SIZE = 256, HOST_ID_DIGITS = 12 };

/* Hosts that were cloned may share one of the two.  The machine-id itself is nobody else's business
 * (machine-id(5)), so a part of its digest. */
static char *host_id_new(const struct config *config)
{
	CLEANUP_BUFFER struct buffer text = {0};
	char name[HOST_NAME_SIZE] = "localhost", hex[DIGEST_HEX_SIZE];
	struct digest digest;
	struct error ignored;

	if (config->host_id)
		return xstrdup(config->host_id);
	gethostname(name, sizeof name - 1);
	if (file_read("/etc/machine-id", MAX_MACHINE_ID, &text, &ignored) < 0 || text.len == 0)
		return xstrdup(name);
	digest_of(text.data, text.len, &digest);
	digest_to_hex(&digest, hex);
	return xasprintf("%s-%.*s", name, HOST_ID_DIGITS, hex);
}

const struct library *session_library(struct coldpatch_session *session, struct error *err)
{
	CLEANUP_FREE char *host = NULL;

	if (session->library)
		return session->library;
	if (!session->config.library) {
		error_set(err, ERROR_USAGE,
			  "no library is given: -L DIR, COLDPATCH_LIBRARY, or `library:` in the "
			  "configuration");
		return NULL;
	}
	host = host_id_new(&session->config);
	session->library = library_open(session->config.library, host, err);
	return session->library;
}

int session_check_library(struct coldpatch_session *session, struct error *err)
{
	return !session->config.library || session_library(session, err) ? 0 : -1;
}

struct record_keys *session_open_keys(const struct coldpatch_session *session, struct error *err)
{
	struct record_keys *keys =
		record_keys_open((const char *const *)session->config.public_keys,
				 session->config.n_public_keys, err);

	if (!keys && err->kind == ERROR_MISSING)
		err->kind = ERROR_CONFIG;
	return keys;
}

const struct record_keys *session_keys(struct coldpatch_session *session, struct error *err)
{
	if (session->keys)
		return session->keys;
	if (session->config.n_public_keys == 0) {
		error_set(err, ERROR_CONFIG,
			  "no public key to verify the library with: `public-keys:` in the "
			  "configuration");
		return NULL;
	}
	session->keys = session_open_keys(session, err);
	return session->keys;
}

struct template *session_template(struct coldpatch_session *session, const char *name,
				  struct error *err)
{
	const struct library *library = session_library(session, err);
	const struct record_keys *keys = library ? session_keys(session, err) : NULL;

	if (!keys || template_name_check(name, err) < 0)
		return NULL;
	return template_load(library, name, keys, err);
}

int template_prepare_change(struct coldpatch_session *session, const char *name, struct error *err)
{
	const struct library *library = session_library(session, err);
	const struct record_keys *keys = library ? session_keys(session, err) : NULL;
	struct error problem = {0};

	if (!keys || template_name_check(name, err) < 0 || session_prepare(session, err) < 0 ||
	    library_recover(library, err) < 0)
		return -1;
	if (template_recover(library, name, keys, &problem) == 0 || problem.kind == ERROR_MISSING)
		return 0;
	*err = problem;
	return -1;
}

const char *session_signing_key(const struct coldpatch_session *session, const char *given,
				struct error *err)
{
	const char *key = given ? given : session->config.key;

	if (!key) {
		error_set(err, ERROR_CONFIG,
			  "no key to sign with: --key FILE, or `key:` in the configuration; "
			  "make one with `coldpatch key generate`");
		return NULL;
	}
	if (strings_check(&key, 1, "key", err) < 0 || key_check_signs(key, err) < 0)
		return NULL;
	if (access(key, R_OK) == 0)
		return key;
	error_os(err, ERROR_CONFIG, errno, "signing key %s", key);
	return NULL;
}

static bool allows(const struct library_policy *policy, const char *executor)
{
	for (unsigned i = 0; i < policy->n_executors; i++)
		if (!strcmp(policy->executors[i], executor))
			return true;
	return policy->n_executors == 0;
}

const char *library_executor(const struct library *library, const char *wanted, bool sandbox_ok,
			     struct error *err)
{
	const struct library_policy *policy = &library->policy;

	if (policy->n_executors == 0 || allows(policy, wanted))
		return wanted;
	if (!strcmp(wanted, "auto") && allows(policy, "appliance"))
		return "appliance";
	if (!strcmp(wanted, "auto") && allows(policy, "sandbox") && sandbox_ok)
		return "sandbox";
	error_set(err, ERROR_DENIED, "executor %s: not allowed by %s/coldpatch.yaml", wanted,
		  library->path);
	return NULL;
}

/* ERROR_TRUST when a link was planted there; absence is fine. */
static int check_no_link(const struct library *library, const char *relative, struct error *err)
{
	struct error problem = {0};
	CLEANUP_CLOSE int fd =
		library_openat(library, relative, O_RDONLY | O_DIRECTORY, 0, &problem);

	if (fd >= 0 || problem.kind == ERROR_MISSING)
		return 0;
	*err = problem;
	return -1;
}

char *library_run_directory(const struct library *library, const char *run, const char *name,
			    struct error *err)
{
	CLEANUP_FREE char *path = library_path(library, "runs/%s/%s", run, name);

	if (check_no_link(library, "runs", err) < 0 || directory_make(path, 0750, err) < 0)
		return NULL;
	return steal(path);
}

void library_keep_outcome(const struct library *library, const char *run, const char *name,
			  const json_t *summary, const struct error *error)
{
	struct error ignored;
	CLEANUP_FREE char *directory = library_run_directory(library, run, name, &ignored);
	CLEANUP_FREE char *path = NULL;
	char text[ERROR_TEXT_SIZE];

	if (!directory)
		return;
	path = path_join(directory, error ? "error" : "summary.json");
	if (!error) {
		json_write_file(path, summary, 0640, &ignored);
		return;
	}
	error_text(error, text);
	file_replace(path, text, strlen(text), 0640, &ignored);
}

static int init(struct coldpatch_session *session, bool dry_run, bool *ret_changed,
		struct error *err)
{
	struct error problem = {0};

	if (session_library(session, &problem)) {
		*ret_changed = false;
		return 0;
	}
	if (problem.kind != ERROR_MISSING) {
		*err = problem;
		return -1;
	}
	if (path_is_in_library(session->config.library))
		return error_set(err, ERROR_USAGE, "%s: lies in a library; name a place outside",
				 session->config.library);
	*ret_changed = true;
	if (dry_run)
		return 0;
	if (library_init(session->config.library, err) < 0)
		return -1;
	return session_library(session, err) ? 0 : -1;
}

int coldpatch_library_init(struct coldpatch_session *session, bool dry_run, char **ret_json,
			   struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *json = json_object();
	struct error err = {0};
	bool changed = false;

	if (init(session, dry_run, &changed, &err) < 0)
		return session_fail(ret_err, &err);
	json_put_bytes(json, "library",
		       session->library ? session->library->path : session->config.library);
	json_put_bool(json, "changed", changed);
	*ret_json = session_text(json);
	return 0;
}
