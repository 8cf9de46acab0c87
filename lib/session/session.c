/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/session.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/temporary.h"
#include "base/text.h"
#include "library/library.h"
#include "record/keys.h"
#include "session/strings.h"
#include "session/workspace.h"

static void pass_log(void *opaque, enum log_level level, const char *msg)
{
	const struct coldpatch_session *session = opaque;

	CLEANUP_FREE char *text = text_escape_controls(msg);

	if (session->callbacks.log)
		session->callbacks.log(session->callbacks.opaque, (enum coldpatch_log_level)level,
				       text);
}

static void pass_progress(void *opaque, const struct progress *progress)
{
	struct coldpatch_session *session = opaque;
	CLEANUP_FREE char *object =
		progress->object ? text_escape_controls(progress->object) : NULL;
	struct coldpatch_progress copy = {.stage = progress->stage,
					  .object = object,
					  .done = progress->done,
					  .total = progress->total};

	stages_enter(&session->stages, progress->stage);
	if (session->callbacks.progress)
		session->callbacks.progress(session->callbacks.opaque, &copy);
}

static bool pass_cancelled(void *opaque)
{
	const struct coldpatch_session *session = opaque;

	return session->callbacks.cancelled &&
	       session->callbacks.cancelled(session->callbacks.opaque);
}

static void replace_string(char **string, const char *value)
{
	if (!value)
		return;
	free(*string);
	*string = xstrdup(value);
}

/* Workers and tools run elsewhere, so every place is named from the root. */
static void make_absolute(char **path)
{
	CLEANUP_FREE char *here = NULL;
	char *absolute;

	if (!*path || **path == '/')
		return;
	here = getcwd(NULL, 0);
	absolute = path_join(here ? here : "/", *path);
	free(*path);
	*path = absolute;
}

static void set_places(struct config *config, const struct coldpatch_settings *settings)
{
	replace_string(&config->library, settings->library);
	replace_string(&config->store, settings->store ? settings->store : config->library);
	replace_string(&config->scratch, settings->scratch);
	if (!config->patchsets)
		config->patchsets = xstrdup(settings->patchsets ? settings->patchsets
								: COLDPATCH_DATADIR "/patchsets");
	make_absolute(&config->library);
	make_absolute(&config->store);
	make_absolute(&config->scratch);
	make_absolute(&config->state);
}

static int check_settings(const struct coldpatch_settings *settings, struct error *err)
{
	const char *const strings[] = {settings->config_path, settings->libexec_dir,
				       settings->store,	      settings->scratch,
				       settings->patchsets,   settings->library};

	return strings_check(strings, sizeof strings / sizeof *strings, "setting", err);
}

/* Made absolute they may go through a directory that is called anything. */
static int check_places(const struct config *config, struct error *err)
{
	const char *const places[] = {config->store, config->scratch, config->state,
				      config->library};

	return strings_check(places, sizeof places / sizeof *places, "directory", err);
}

struct coldpatch_session *coldpatch_session_new(const struct coldpatch_settings *settings,
						const struct coldpatch_callbacks *callbacks,
						struct coldpatch_error *ret_err)
{
	struct coldpatch_session *session;
	struct config config;
	struct error err = {0};

	if (check_settings(settings, &err) < 0 ||
	    config_read(settings->config_path, &config, &err) < 0) {
		session_fail(ret_err, &err);
		return NULL;
	}
	set_places(&config, settings);
	if (check_places(&config, &err) < 0) {
		config_free(&config);
		session_fail(ret_err, &err);
		return NULL;
	}
	session = xcalloc(1, sizeof *session);
	session->config = config;
	session->libexec_dir =
		xstrdup(settings->libexec_dir ? settings->libexec_dir : COLDPATCH_LIBEXECDIR);
	if (callbacks)
		session->callbacks = *callbacks;
	session->monitor = (struct monitor){.log = pass_log,
					    .progress = pass_progress,
					    .cancelled = pass_cancelled,
					    .opaque = session};
	return session;
}

void coldpatch_session_free(struct coldpatch_session *session)
{
	if (!session)
		return;
	library_free(session->library);
	record_keys_free(session->keys);
	config_free(&session->config);
	free(session->libexec_dir);
	free(session->change_run);
	free(session->change_name);
	free(session);
}

const char *coldpatch_code_name(int code)
{
	if (code == COLDPATCH_FOUND)
		return "found";
	if (code == COLDPATCH_LEFT_BEHIND)
		return "left-behind";
	if (code == COLDPATCH_SOME_FAILED)
		return "some-failed";
	return error_kind_name((enum error_kind)code);
}

const char *coldpatch_version(void)
{
	return COLDPATCH_VERSION;
}

int session_fail(struct coldpatch_error *ret, const struct error *err)
{
	*ret = (struct coldpatch_error){.code = err->kind, .os_errno = err->os_errno};
	_Static_assert(sizeof ret->msg == ERROR_TEXT_SIZE, "as long as the library's own");
	error_text(err, ret->msg);
	return -1;
}

int session_fail_change(struct coldpatch_error *ret, const struct error *err, const char *run,
			const char *image, const struct digest *plan)
{
	CLEANUP_FREE char *shown = image ? text_escape(image) : NULL;

	session_fail(ret, err);
	if (run)
		snprintf(ret->run, sizeof ret->run, "%s", run);
	if (shown && strlen(shown) < sizeof ret->image)
		strcpy(ret->image, shown);
	if (plan)
		digest_to_hex(plan, ret->plan);
	return -1;
}

char *session_text(const json_t *json)
{
	return json_to_bytes(json);
}

char *session_program(const struct coldpatch_session *session, const char *name)
{
	return path_join(session->libexec_dir, name);
}

static void sweep_each(const char *parent)
{
	DIR *dir = opendir(parent);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_FREE char *path = path_join(parent, entry->d_name);

		temporary_sweep(path);
	}
	if (dir)
		closedir(dir);
}

/* What killed commands left in the store. */
static void sweep_store(const char *store)
{
	static const char *const places[] = {"", "layers", "payloads", "plans", "resolver-cache"};
	CLEANUP_FREE char *caches = path_join(store, "resolver-cache");

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		CLEANUP_FREE char *path = path_join(store, places[i]);

		temporary_sweep(path);
	}
	sweep_each(caches);
}

/* In a library somebody may have planted a link; a store of the host's own may lie on several
 * disks.
 */
int session_check_store(const struct coldpatch_session *session, struct error *err)
{
	const struct config *config = &session->config;
	static const char *const names[] = {"layers", "mirror-snapshots", "packages", "payloads",
					    "plans",  "resolver-cache",	  "runs"};
	struct stat st;

	if (!config->library || strcmp(config->library, config->store) != 0)
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CLEANUP_FREE char *path = path_join(config->store, names[i]);

		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
			return error_set(err, ERROR_TRUST, "%s: is a link; nothing in a library is",
					 path);
	}
	return 0;
}

int session_prepare(struct coldpatch_session *session, struct error *err)
{
	if (session_check_store(session, err) < 0)
		return -1;
	if (directory_make(session->config.store, 0755, err) < 0)
		return error_prefix(err, "store");
	/* Public keys may lie there, for everybody who verifies. */
	if (directory_make(session->config.state, 0755, err) < 0)
		return error_prefix(err, "state");
	sweep_store(session->config.store);
	temporary_sweep(session->config.state);
	workspaces_sweep(session->config.scratch);
	return 0;
}
