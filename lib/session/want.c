/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests want to have brought into an air gap: read from their images, written as a file. */
#include "fetch/want.h"

#include <string.h>

#include "base/file.h"
#include "session/image.h"
#include "session/outputs.h"
#include "session/session.h"

static int check_options(const struct coldpatch_want_options *options, struct error *err)
{
	if (options->n_images == 0)
		return error_set(err, ERROR_USAGE, "no image was given");
	if (options->output && access(options->output, F_OK) == 0)
		return error_set(err, ERROR_USAGE, "%s: is there already; name another file",
				 options->output);
	return options->output ? outputs_check_outside(options->output, err) : 0;
}

static int add_image(struct coldpatch_session *session, const struct coldpatch_image *image,
		     const struct patchset *patchset, struct want *want, struct error *err)
{
	CLEANUP_PREPARED struct prepared prepared = {0};

	if (prepare_guest(session, image, &prepared, err) < 0 ||
	    want_add(want, prepared.guest, patchset, err) < 0)
		return prepare_name_image(image, err);
	return 0;
}

static int collect(struct coldpatch_session *session, const struct coldpatch_want_options *options,
		   struct want *want, struct error *err)
{
	CLEANUP(patchset_free)
	struct patchset *patchset = NULL;

	if (options->patchset) {
		CLEANUP_FREE char *path = prepare_patchset_path(session, options->patchset);

		patchset = patchset_read(path, err);
		if (!patchset)
			return -1;
	}
	for (size_t i = 0; i < options->n_images; i++)
		if (add_image(session, &options->images[i], patchset, want, err) < 0)
			return -1;
	return 0;
}

static json_t *describe(const struct coldpatch_want_options *options, const struct want *want,
			const char *text)
{
	json_t *json = json_object();
	size_t n_packages = 0;

	for (size_t i = 0; i < want->n_guests; i++)
		n_packages += want->guests[i].n_packages;
	json_put_u64(json, "images", options->n_images);
	json_put_u64(json, "blocks", want->n_guests);
	json_put_u64(json, "packages", n_packages);
	json_put_string(json, "file", options->output);
	json_put_string(json, "want", text);
	return json;
}

int coldpatch_mirror_want(struct coldpatch_session *session,
			  const struct coldpatch_want_options *options, char **ret_json,
			  struct coldpatch_error *ret_err)
{
	CLEANUP_WANT struct want want = {0};
	CLEANUP_FREE char *text = NULL;
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (check_options(options, &err) < 0 || collect(session, options, &want, &err) < 0)
		return session_fail(ret_err, &err);
	text = want_to_text(&want);
	if (options->output && file_replace(options->output, text, strlen(text), 0644, &err) < 0)
		return session_fail(ret_err, &err);
	json = describe(options, &want, text);
	*ret_json = session_text(json);
	return 0;
}
