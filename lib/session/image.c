/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/image.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "session/strings.h"
#include "session/task_image.h"

char *run_id_new(void)
{
	time_t now = time(NULL);
	struct tm utc;
	char stamp[32];
	uint32_t random = 0;

	gmtime_r(&now, &utc);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		random = (uint32_t)getpid();
	return xasprintf("%s-%06x", stamp, random & 0xffffff);
}

void prepared_free(struct prepared *prepared)
{
	plan_free(prepared->plan);
	fit_free(&prepared->fit);
	patchset_free(prepared->patchset);
	mirror_snapshot_free(prepared->snapshot);
	guest_free(prepared->guest);
	json_decref(prepared->image);
	free(prepared->state_dir);
	workspace_free(prepared->workspace);
	resolved_image_free(&prepared->resolved);
	free(prepared->run);
	*prepared = (struct prepared){0};
}

static int make_workspace(struct coldpatch_session *session, struct prepared *prepared,
			  struct error *err)
{
	CLEANUP_FREE char *janitor = session_program(session, "coldpatch-janitor");

	if (directory_make(session->config.scratch, 0700, err) < 0)
		return error_prefix(err, "scratch");
	prepared->run = run_id_new();
	prepared->workspace = workspace_new(session->config.scratch, WORKSPACE_PREFIX,
					    prepared->run, janitor, err);
	if (!prepared->workspace)
		return -1;
	prepared->state_dir = path_join(prepared->workspace->path, "state");
	return directory_make(prepared->state_dir, 0700, err);
}

static json_t *image_input(const struct coldpatch_image *image, const char *work_dir)
{
	json_t *input = json_object(), *disks = json_array(), *backing = json_array();

	for (size_t i = 0; i < image->n_disks; i++)
		json_array_append_new(disks, json_string(image->disks[i]));
	for (size_t i = 0; i < image->n_backing; i++)
		json_array_append_new(backing, json_string(image->backing[i]));
	json_put(input, "disks", disks);
	json_put(input, "backing", backing);
	json_put(input, "disk_keys", strings_to_json(image->disk_keys, image->n_disk_keys));
	json_put_string(input, "work_dir", work_dir);
	return input;
}

static int inspect(struct coldpatch_session *session, struct prepared *prepared, struct error *err)
{
	CLEANUP_JSON json_t *input = json_object(), *result = NULL;

	json_put(input, "image", json_incref(prepared->image));
	json_put_string(input, "state_dir", prepared->state_dir);
	if (task_run_on_image(session, "inspect", input, &result, err) < 0)
		return -1;
	prepared->guest = guest_from_json(json_object_get(result, "guest"), err);
	if (!prepared->guest)
		return -1;
	json_put(prepared->image, "files", json_incref(json_object_get(result, "files")));
	return 0;
}

/* The real names of the disks too: an overlay names its backing file so. */
static int check_image(const struct coldpatch_image *image, struct error *err)
{
	if (image->n_disks == 0)
		return error_set(err, ERROR_USAGE, "no image was given");
	if (strings_check(image->disks, image->n_disks, "image", err) < 0 ||
	    strings_check(image->backing, image->n_backing, "backing file", err) < 0 ||
	    strings_check(image->disk_keys, image->n_disk_keys, "disk key", err) < 0)
		return -1;
	for (size_t i = 0; i < image->n_disks; i++) {
		CLEANUP_FREE char *real = realpath(image->disks[i], NULL);

		if (strings_check((const char *const *)&real, 1, "image", err) < 0)
			return -1;
	}
	return 0;
}

int prepare_guest(struct coldpatch_session *session, const struct coldpatch_image *image,
		  struct prepared *prepared, struct error *err)
{
	if (image_resolve(session, image, &prepared->resolved, err) < 0 ||
	    check_image(&prepared->resolved.image, err) < 0 ||
	    make_workspace(session, prepared, err) < 0)
		return -1;
	prepared->image = image_input(&prepared->resolved.image, prepared->workspace->path);
	task_put_appliance(session, prepared->image);
	return inspect(session, prepared, err);
}

int prepare_name_image(const struct coldpatch_image *image, struct error *err)
{
	const char *name = image->n_disks	  ? image->disks[0]
			   : image->template_name ? image->template_name
						  : "image";
	/* Of "NAME@N" the name says enough. */
	size_t len = image->n_disks ? strlen(name) : strcspn(name, "@");

	if (strncmp(err->msg, name, len))
		error_prefix(err, "%s", name);
	return -1;
}

int coldpatch_image_inspect(struct coldpatch_session *session, const struct coldpatch_image *image,
			    char **ret_json, struct coldpatch_error *ret_err)
{
	CLEANUP_PREPARED struct prepared prepared = {0};
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (prepare_guest(session, image, &prepared, &err) < 0) {
		prepare_name_image(image, &err);
		return session_fail(ret_err, &err);
	}
	json = guest_to_json(prepared.guest);
	*ret_json = session_text(json);
	return 0;
}
