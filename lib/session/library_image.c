/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/library_image.h"

#include <string.h>

void resolved_image_free(struct resolved_image *resolved)
{
	for (size_t i = 0; i < resolved->n_backing; i++)
		free(resolved->backing[i]);
	free(resolved->backing);
	lineage_free(resolved->lineage);
	template_free(resolved->template);
	free(resolved->name);
	*resolved = (struct resolved_image){0};
}

int resolved_image_blame(const struct resolved_image *resolved, struct error *err)
{
	const char *name = resolved->name ? resolved->name : "image";
	size_t len = strlen(name);

	if (strncmp(err->msg, name, len) != 0 || (resolved->template && err->msg[len] != ':'))
		error_prefix(err, "%s", name);
	return -1;
}

const char *resolved_image_domain(const struct resolved_image *resolved)
{
	const char *said = resolved->template ? resolved->template->info.trust_domain : NULL;

	return said ? said : "own";
}

/* A caller that was built when there were no templates has a shorter struct. */
static const char *template_name_of(const struct coldpatch_image *image)
{
	size_t end = offsetof(struct coldpatch_image, template_name) + sizeof image->template_name;

	return image->size >= end ? image->template_name : NULL;
}

static int check_call(struct coldpatch_session *session, const struct coldpatch_image *image,
		      const char *reference, struct error *err)
{
	if (image->n_disks || image->n_backing)
		return error_set(err, ERROR_USAGE,
				 "%s: of a template, the library knows disks and backing files; a "
				 "path has a /",
				 reference);
	if (session->config.library)
		return 0;
	return error_set(err, ERROR_USAGE,
			 "%s is a template's name (a path has a /), and no library is given: -L "
			 "DIR",
			 reference);
}

static int resolve_template(struct coldpatch_session *session, const char *reference,
			    struct resolved_image *resolved, struct error *err)
{
	int64_t number;

	if (template_reference_parse(reference, &resolved->name, &number, err) < 0)
		return -1;
	resolved->template = session_template(session, resolved->name, err);
	if (!resolved->template)
		return -1;
	resolved->lineage = lineage_new(resolved->template, session->keys);
	resolved->generation = template_find(resolved->template, number, err);
	if (!resolved->generation)
		return -1;
	if (lineage_backing(session->library, resolved->lineage,
			    (int64_t)resolved->generation->number, &resolved->backing,
			    &resolved->n_backing, err) < 0)
		return -1;
	resolved->image = (struct coldpatch_image){
		.size = sizeof resolved->image,
		.disks = (const char *const *)resolved->generation->disks,
		.n_disks = resolved->generation->n_disks,
		.backing = (const char *const *)resolved->backing,
		.n_backing = resolved->n_backing,
	};
	return 0;
}

static void take_loose(const struct coldpatch_image *image, struct resolved_image *resolved)
{
	resolved->image = (struct coldpatch_image){
		.size = sizeof resolved->image,
		.disks = image->disks,
		.n_disks = image->n_disks,
		.backing = image->backing,
		.n_backing = image->n_backing,
	};
	resolved->name = xstrdup(image->n_disks ? image->disks[0] : "image");
}

/* The same of one that was built when there were no keys. */
static void take_keys(const struct coldpatch_image *image, struct coldpatch_image *ret)
{
	if (image->size < offsetof(struct coldpatch_image, n_disk_keys) + sizeof image->n_disk_keys)
		return;
	ret->disk_keys = image->disk_keys;
	ret->n_disk_keys = image->n_disk_keys;
}

int image_resolve(struct coldpatch_session *session, const struct coldpatch_image *image,
		  struct resolved_image *ret, struct error *err)
{
	const char *reference = template_name_of(image);

	if (session_check_library(session, err) < 0)
		return -1;
	if (!reference) {
		take_loose(image, ret);
		take_keys(image, &ret->image);
		return 0;
	}
	if (check_call(session, image, reference, err) == 0 &&
	    resolve_template(session, reference, ret, err) == 0) {
		take_keys(image, &ret->image);
		return 0;
	}
	return ret->name ? resolved_image_blame(ret, err) : -1;
}
