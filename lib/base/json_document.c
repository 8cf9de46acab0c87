/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of json.h, what needs files and digests: not part of the static runner. */
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/json.h"

enum { MAX_DOCUMENT = 64 << 20 };

void json_digest(const json_t *json, struct digest *ret)
{
	CLEANUP_FREE char *bytes = json_to_bytes(json);

	digest_of(bytes, strlen(bytes), ret);
}

json_t *json_read_file(const char *path, enum error_kind kind, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};

	if (file_read_document(path, MAX_DOCUMENT, kind, &text, err) < 0)
		return NULL;
	return json_parse(text.data ? text.data : "", text.len, path, kind, err);
}

int json_write_file(const char *path, const json_t *json, unsigned mode, struct error *err)
{
	CLEANUP_FREE char *bytes = json_to_bytes(json);

	return file_replace(path, bytes, strlen(bytes), mode, err);
}

void json_get_digest(struct json_reader *reader, const char *name, struct digest *ret)
{
	CLEANUP_FREE char *hex = NULL;

	json_get_string(reader, name, &hex);
	if (!hex || digest_from_hex(hex, ret))
		return;
	reader->failed = true;
	error_set(reader->err, reader->kind, "%s: member %s is not a sha256 digest", reader->what,
		  name);
}

void json_put_digest(json_t *object, const char *name, const struct digest *value)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(value, hex);
	json_put_string(object, name, hex);
}
