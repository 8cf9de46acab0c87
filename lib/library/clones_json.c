/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was found, on its way from the worker that looked. */
#include <string.h>

#include "library/clones.h"

static json_t *use_to_json(const struct clone_use *use)
{
	json_t *json = json_object();

	json_put_bytes(json, "path", use->path);
	json_put_u64(json, "place", use->place);
	json_put_bytes(json, "own_template", use->own_template);
	json_put_u64(json, "own_number", use->own_number);
	json_put_u64(json, "target", use->target);
	json_put_bytes(json, "template", use->template_name);
	json_put_u64(json, "number", use->number);
	json_put_digest(json, "base", &use->base);
	return json;
}

static json_t *unknown_to_json(const struct clone_unknown *unknown)
{
	json_t *json = json_object();

	json_put_bytes(json, "path", unknown->path);
	json_put_bytes(json, "why", unknown->why);
	json_put_bool(json, "denied", unknown->denied);
	return json;
}

json_t *clones_to_json(const struct clones *clones)
{
	json_t *json = json_object(), *uses = json_array(), *unknown = json_array();

	for (size_t i = 0; i < clones->n_uses; i++)
		json_array_append_new(uses, use_to_json(&clones->uses[i]));
	for (size_t i = 0; i < clones->n_unknown; i++)
		json_array_append_new(unknown, unknown_to_json(&clones->unknown[i]));
	json_put(json, "uses", uses);
	json_put(json, "unknown", unknown);
	return json;
}

static int use_from_json(const json_t *json, struct clone_use *use, struct error *err)
{
	struct json_reader reader = {json, "clones", ERROR_BUG, err, false};
	uint64_t place = 0, target = 0;

	json_get_bytes(&reader, "path", &use->path);
	json_get_u64(&reader, "place", &place);
	json_get_u64(&reader, "target", &target);
	json_get_u64(&reader, "own_number", &use->own_number);
	json_get_u64(&reader, "number", &use->number);
	json_get_digest(&reader, "base", &use->base);
	if (json_reader_result(&reader) < 0)
		return -1;
	use->own_template = json_bytes_value(json_object_get(json, "own_template"));
	use->template_name = json_bytes_value(json_object_get(json, "template"));
	if (place > CLONE_IN_TRASH || target > CLONE_OF_FILE ||
	    (target < CLONE_OF_BASE && !use->template_name) ||
	    (place == CLONE_IN_TEMPLATE && !use->own_template))
		return error_set(err, ERROR_BUG, "clones: %s is not told well", use->path);
	use->place = (enum clone_place)place;
	use->target = (enum clone_target)target;
	return 0;
}

static int unknown_from_json(const json_t *json, struct clone_unknown *unknown, struct error *err)
{
	struct json_reader reader = {json, "clones", ERROR_BUG, err, false};

	json_get_bytes(&reader, "path", &unknown->path);
	json_get_bytes(&reader, "why", &unknown->why);
	json_get_bool(&reader, "denied", &unknown->denied);
	return json_reader_result(&reader);
}

static int read_all(const json_t *json, struct clones *clones, struct error *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(json, "uses"), i, item)
	{
		if (use_from_json(item, ARRAY_ADD(clones->uses, clones->n_uses), err) < 0)
			return -1;
	}
	json_array_foreach(json_object_get(json, "unknown"), i, item)
	{
		if (unknown_from_json(item, ARRAY_ADD(clones->unknown, clones->n_unknown), err) < 0)
			return -1;
	}
	return 0;
}

int clones_from_json(const json_t *json, struct clones *ret, struct error *err)
{
	if (read_all(json, ret, err) == 0)
		return 0;
	clones_free(ret);
	return -1;
}
