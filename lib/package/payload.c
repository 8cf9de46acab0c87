/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "package/payload.h"

static void payload_clear(struct package_payload *payload)
{
	for (size_t i = 0; i < payload->n_files; i++)
		free(payload->files[i].path);
	free(payload->files);
}

void package_payloads_free(struct package_payloads *payloads)
{
	for (size_t i = 0; i < payloads->n_items; i++)
		payload_clear(&payloads->items[i]);
	free(payloads->items);
	*payloads = (struct package_payloads){0};
}

static int add_file(void *opaque, const char *path, const struct digest *sha256, bool config,
		    struct error *err)
{
	struct package_payload *payload = opaque;

	(void)err;
	*ARRAY_ADD(payload->files, payload->n_files) =
		(struct package_file){.path = xstrdup(path), .sha256 = *sha256, .config = config};
	return 0;
}

int package_payloads_add(struct package_payloads *payloads, const struct package_manager *manager,
			 const char *path, const struct digest *package, struct error *err)
{
	struct package_payload payload = {.package = *package};

	if (manager->payload(path, add_file, &payload, err) < 0) {
		payload_clear(&payload);
		return -1;
	}
	*ARRAY_ADD(payloads->items, payloads->n_items) = payload;
	return 0;
}

const struct package_payload *package_payloads_find(const struct package_payloads *payloads,
						    const struct digest *package)
{
	for (size_t i = 0; i < payloads->n_items; i++)
		if (digest_equal(&payloads->items[i].package, package))
			return &payloads->items[i];
	return NULL;
}

static json_t *file_to_json(const struct package_file *file)
{
	json_t *json = json_array();
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&file->sha256, hex);
	json_array_append_new(json, json_bytes(file->path));
	json_array_append_new(json, json_string(hex));
	json_array_append_new(json, json_boolean(file->config));
	return json;
}

json_t *package_payloads_to_json(const struct package_payloads *payloads)
{
	json_t *json = json_object();

	for (size_t i = 0; i < payloads->n_items; i++) {
		const struct package_payload *payload = &payloads->items[i];
		json_t *files = json_array();
		char hex[DIGEST_HEX_SIZE];

		for (size_t j = 0; j < payload->n_files; j++)
			json_array_append_new(files, file_to_json(&payload->files[j]));
		digest_to_hex(&payload->package, hex);
		json_put(json, hex, files);
	}
	return json;
}

static int file_from_json(const json_t *json, struct package_payload *payload, struct error *err)
{
	CLEANUP_JSON json_t *named = json_object();
	struct json_reader reader = {named, "payload", ERROR_BUG, err, false};
	struct package_file file = {0};

	json_object_set(named, "path", json_array_get(json, 0));
	json_object_set(named, "sha256", json_array_get(json, 1));
	json_object_set(named, "config", json_array_get(json, 2));
	json_get_digest(&reader, "sha256", &file.sha256);
	json_get_bool(&reader, "config", &file.config);
	json_get_bytes(&reader, "path", &file.path);
	if (json_reader_result(&reader) < 0)
		return -1;
	*ARRAY_ADD(payload->files, payload->n_files) = file;
	return 0;
}

static int payload_from_json(const char *package, const json_t *files,
			     struct package_payloads *payloads, struct error *err)
{
	struct package_payload *payload = ARRAY_ADD(payloads->items, payloads->n_items);
	const json_t *file;
	size_t i;

	*payload = (struct package_payload){0};
	if (!digest_from_hex(package, &payload->package) || !json_is_array(files))
		return error_set(err, ERROR_BUG, "payload: %.64s is no list of files", package);
	json_array_foreach(files, i, file)
	{
		if (file_from_json(file, payload, err) < 0)
			return -1;
	}
	return 0;
}

int package_payloads_from_json(const json_t *json, struct package_payloads *ret, struct error *err)
{
	struct package_payloads payloads = {0};
	const char *package;
	json_t *files;

	if (!json_is_object(json))
		return error_set(err, ERROR_BUG, "payload: it is no object");
	json_object_foreach((json_t *)(uintptr_t)json, package, files)
	{
		if (payload_from_json(package, files, &payloads, err) < 0) {
			package_payloads_free(&payloads);
			return -1;
		}
	}
	*ret = payloads;
	return 0;
}
