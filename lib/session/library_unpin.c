/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a pin.  The generation need not be sound, or there: what keeps it goes all the same.
 */
#include <string.h>

#include "session/change_summary.h"
#include "session/image.h"
#include "session/strings.h"

struct unpinning {
	const struct library *library;
	const struct template *template;
	int64_t number; /* -1: of all generations */
	const char *who;
	bool dry_run;
	json_t *unpinned;
};

static int remove_pin(const struct unpinning *unpinning, const struct template_pin *pin,
		      struct error *err)
{
	json_t *json;

	if (!unpinning->dry_run &&
	    template_pin_remove(unpinning->library, unpinning->template->name, pin, err) < 0)
		return -1;
	json = json_object();
	json_put_u64(json, "generation", pin->generation);
	json_put_bytes(json, "pin", pin->path);
	json_array_append_new(unpinning->unpinned, json);
	return 0;
}

static int remove_pins(const struct unpinning *unpinning, struct error *err)
{
	for (size_t i = 0; i < unpinning->template->n_pins; i++) {
		const struct template_pin *pin = &unpinning->template->pins[i];

		if ((unpinning->number >= 0 && pin->generation != (uint64_t)unpinning->number) ||
		    strcmp(pin->who, unpinning->who) != 0)
			continue;
		if (remove_pin(unpinning, pin, err) < 0)
			return -1;
	}
	return 0;
}

static json_t *summarise(const struct unpinning *unpinning)
{
	CLEANUP_FREE char *run = run_id_new();
	bool changed = json_array_size(unpinning->unpinned) > 0;
	bool dry_run = unpinning->dry_run;
	json_t *summary = change_summary(run, unpinning->template->name, changed && !dry_run,
					 !changed  ? "has no such pin"
					 : dry_run ? "would be unpinned"
						   : "unpinned",
					 NULL, NULL);

	json_put(summary, "unpinned", json_incref(unpinning->unpinned));
	if (changed && !dry_run)
		library_keep_outcome(unpinning->library, run, unpinning->template->name, summary,
				     NULL);
	return summary;
}

static int unpin(struct coldpatch_session *session, const struct coldpatch_path_options *options,
		 json_t **ret, struct error *err)
{
	CLEANUP_JSON json_t *unpinned = json_array();
	struct unpinning unpinning = {
		.who = options->unpin, .dry_run = options->dry_run, .unpinned = unpinned};
	CLEANUP_FREE char *name = NULL;
	CLEANUP(template_free)
	struct template *template = NULL;
	const char *const strings[] = {options->reference, options->unpin};

	if (strings_check(strings, 2, "argument", err) < 0)
		return -1;
	unpinning.library = session_library(session, err);
	if (!unpinning.library ||
	    template_reference_parse(options->reference, &name, &unpinning.number, err) < 0)
		return -1;
	unpinning.template = template = session_template(session, name, err);
	if (!template || remove_pins(&unpinning, err) < 0)
		return error_name(err, name);
	*ret = summarise(&unpinning);
	return 0;
}

int coldpatch_template_unpin(struct coldpatch_session *session,
			     const struct coldpatch_path_options *options, char **ret_json,
			     struct coldpatch_error *ret_err)
{
	CLEANUP_JSON json_t *json = NULL;
	struct error err = {0};

	if (unpin(session, options, &json, &err) < 0)
		return session_fail_change(ret_err, &err, NULL, options->reference, NULL);
	*ret_json = session_text(json);
	return 0;
}
