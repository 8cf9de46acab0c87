/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/bundle.h"

#include <string.h>

#include "base/base64.h"
#include "base/json.h"

#define MEDIA_TYPE "application/vnd.dev.sigstore.bundle.v0.3+json"

/* DSSE v1.0: what is signed is the pre-authentication encoding of type and payload. */
static void put_pae(struct buffer *to, const void *payload, size_t len)
{
	buffer_printf(to, "DSSEv1 %zu %s %zu ", strlen(BUNDLE_PAYLOAD_TYPE), BUNDLE_PAYLOAD_TYPE,
		      len);
	buffer_append(to, payload, len);
}

static json_t *envelope_to_json(const struct buffer *payload, const struct buffer *signature,
				const char *id)
{
	CLEANUP_FREE char *payload_text = base64_encode(payload->data, payload->len);
	CLEANUP_FREE char *signature_text = base64_encode(signature->data, signature->len);
	json_t *envelope = json_object(), *one = json_object(), *signatures = json_array();

	json_put_string(one, "keyid", id);
	json_put_string(one, "sig", signature_text);
	json_array_append_new(signatures, one);
	json_put_string(envelope, "payload", payload_text);
	json_put_string(envelope, "payloadType", BUNDLE_PAYLOAD_TYPE);
	json_put(envelope, "signatures", signatures);
	return envelope;
}

static void put_bundle(struct buffer *to, const struct buffer *payload,
		       const struct buffer *signature, const char *id)
{
	CLEANUP_JSON json_t *bundle = json_object();
	CLEANUP_FREE char *text = NULL;
	json_t *material = json_object(), *hint = json_object();

	json_put_string(hint, "hint", id);
	json_put(material, "publicKey", hint);
	json_put(material, "tlogEntries", json_array());
	json_put_string(bundle, "mediaType", MEDIA_TYPE);
	json_put(bundle, "verificationMaterial", material);
	json_put(bundle, "dsseEnvelope", envelope_to_json(payload, signature, id));
	text = json_to_bytes(bundle);
	buffer_puts(to, text);
	buffer_putc(to, '\n');
}

int bundle_make(const struct key *key, const void *payload, size_t len, struct buffer *ret,
		struct error *err)
{
	CLEANUP_BUFFER struct buffer pae = {0};
	CLEANUP_BUFFER struct buffer signature = {0};
	CLEANUP_BUFFER struct buffer copy = {0};

	put_pae(&pae, payload, len);
	if (key_sign(key, pae.data, pae.len, &signature, err) < 0)
		return -1;
	buffer_append(&copy, payload, len);
	put_bundle(ret, &copy, &signature, key_get_id(key));
	return 0;
}

static int decode(const char *text, const char *member, const char *what, struct buffer *ret,
		  struct error *err)
{
	if (base64_decode(text, strlen(text), ret))
		return 0;
	return error_set(err, ERROR_TRUST, "%s: %s is not base64", what, member);
}

/* What a bundle holds, before anything in it is believed. */
struct bundle_parts {
	struct buffer payload, signature;
	char *id;
};

static void bundle_parts_free(struct bundle_parts *parts)
{
	buffer_free(&parts->payload);
	buffer_free(&parts->signature);
	free(parts->id);
}

static int read_parts(const json_t *bundle, const char *what, struct bundle_parts *ret,
		      struct error *err)
{
	struct json_reader reader = {bundle, what, ERROR_TRUST, err, false};
	CLEANUP_FREE char *payload = NULL;
	CLEANUP_FREE char *signature = NULL;
	const json_t *signatures;

	reader.object = json_get_object(&reader, "dsseEnvelope");
	json_get_string(&reader, "payload", &payload);
	signatures = json_get_array(&reader, "signatures");
	if (json_reader_result(&reader) < 0)
		return -1;
	if (json_array_size(signatures) != 1)
		return error_set(err, ERROR_TRUST, "%s: has %zu signatures instead of one", what,
				 json_array_size(signatures));
	reader.object = json_array_get(signatures, 0);
	json_get_string(&reader, "keyid", &ret->id);
	json_get_string(&reader, "sig", &signature);
	if (json_reader_result(&reader) < 0)
		return -1;
	if (decode(payload, "payload", what, &ret->payload, err) < 0)
		return -1;
	return decode(signature, "sig", what, &ret->signature, err);
}

static const struct key *find_key(const char *id, const struct key *const *keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++)
		if (strcmp(key_get_id(keys[i]), id) == 0)
			return keys[i];
	return NULL;
}

static int check_parts(const struct bundle_parts *parts, const struct buffer *file,
		       const char *what, const struct key *key, struct error *err)
{
	CLEANUP_BUFFER struct buffer pae = {0};
	CLEANUP_BUFFER struct buffer again = {0};

	put_pae(&pae, parts->payload.data, parts->payload.len);
	if (!key_verify(key, pae.data, pae.len, parts->signature.data, parts->signature.len))
		return error_set(err, ERROR_TRUST, "%s: the signature is not valid", what);
	put_bundle(&again, &parts->payload, &parts->signature, parts->id);
	if (again.len != file->len || memcmp(again.data, file->data, file->len) != 0)
		return error_set(err, ERROR_TRUST, "%s: changed outside of what is signed", what);
	return 0;
}

static int parse_parts(const struct buffer *file, const char *what, struct bundle_parts *ret,
		       struct error *err)
{
	CLEANUP_JSON json_t *bundle =
		json_parse(file->data ? file->data : "", file->len, what, ERROR_TRUST, err);

	return bundle ? read_parts(bundle, what, ret, err) : -1;
}

int bundle_open(const struct buffer *file, const char *what, const struct record_keys *keys,
		struct buffer *ret_payload, const char **ret_key_id, struct error *err)
{
	__attribute__((cleanup(bundle_parts_free))) struct bundle_parts parts = {0};
	size_t n_keys;
	const struct key *const *all = record_keys_all(keys, &n_keys);
	const struct key *key;

	if (parse_parts(file, what, &parts, err) < 0)
		return -1;
	key = find_key(parts.id, all, n_keys);
	if (!key)
		return error_set(err, ERROR_TRUST,
				 "%s: signed by key %s, which is none of the %zu known public keys",
				 what, parts.id, n_keys);
	if (check_parts(&parts, file, what, key, err) < 0)
		return -1;
	buffer_append(ret_payload, parts.payload.data, parts.payload.len);
	*ret_key_id = key_get_id(key);
	return 0;
}

int bundle_peek(const struct buffer *file, const char *what, struct buffer *ret_payload,
		struct error *err)
{
	__attribute__((cleanup(bundle_parts_free))) struct bundle_parts parts = {0};

	if (parse_parts(file, what, &parts, err) < 0)
		return -1;
	buffer_append(ret_payload, parts.payload.data, parts.payload.len);
	return 0;
}
