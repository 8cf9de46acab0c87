/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A binary header with a checksum over all of it, and JSON behind it.  One segment is taken, as
 * cryptsetup makes it; what else the format can say is refused by name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "disk/luks.h"

enum { CHECKSUM = 448, CHECKSUM_SIZE = 64, MIN_SIZE = 16384 };

int luks2_size(const uint8_t *data, size_t len, size_t *ret, struct error *err)
{
	uint64_t size = 0;

	if (len < LUKS2_HEADER)
		return error_set(err, ERROR_IMAGE, "its LUKS header is cut off");
	for (int i = 0; i < 8; i++)
		size = size << 8 | data[8 + i];
	if (size < MIN_SIZE || size > LUKS2_MAX)
		return error_set(err, ERROR_IMAGE, "its LUKS header claims a size of %llu bytes",
				 (unsigned long long)size);
	*ret = (size_t)size;
	return 0;
}

/* The sum is over the header with zeros in its place. */
static int check_sum(const uint8_t *data, size_t len, struct error *err)
{
	CLEANUP_FREE uint8_t *copy = xmemdup(data, len);
	struct digest digest;

	if (strncmp((const char *)data + 72, "sha256", 32) != 0)
		return error_set(err, ERROR_IMAGE,
				 "its LUKS header has another checksum than "
				 "SHA-256");
	memset(copy + CHECKSUM, 0, CHECKSUM_SIZE);
	digest_of(copy, len, &digest);
	if (memcmp(digest.bytes, data + CHECKSUM, DIGEST_SIZE) != 0)
		return error_set(err, ERROR_IMAGE, "the checksum of its LUKS header is wrong");
	return 0;
}

/* 64-bit numbers are decimal strings there. */
static void get_number(struct json_reader *reader, const char *name, uint64_t *ret)
{
	CLEANUP_FREE char *text = NULL;
	char *end = NULL;

	json_get_string(reader, name, &text);
	if (!text)
		return;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	if ((errno || *text < '0' || *text > '9' || *end) && !reader->failed) {
		reader->failed = true;
		error_set(reader->err, reader->kind, "%s: member %s is no number", reader->what,
			  name);
	}
}

static void get_name(struct json_reader *reader, const char *name, char *ret, size_t size)
{
	CLEANUP_FREE char *text = NULL;

	json_get_string(reader, name, &text);
	if (!text)
		return;
	if (strlen(text) >= size && !reader->failed) {
		reader->failed = true;
		error_set(reader->err, reader->kind, "%s: member %s is too long", reader->what,
			  name);
	}
	snprintf(ret, size, "%s", text);
}

static void get_binary(struct json_reader *reader, const char *name, uint8_t *ret, size_t limit,
		       size_t *ret_size)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_BUFFER struct buffer bytes = {0};

	json_get_string(reader, name, &text);
	if (!text || reader->failed)
		return;
	if (!base64_decode(text, strlen(text), &bytes) || bytes.len > limit) {
		reader->failed = true;
		error_set(reader->err, reader->kind, "%s: member %s is not base64 of a few bytes",
			  reader->what, name);
		return;
	}
	memcpy(ret, bytes.data, bytes.len);
	*ret_size = bytes.len;
}

static struct json_reader below(struct json_reader *reader, const char *name)
{
	struct json_reader inner = *reader;

	inner.object = json_get_object(reader, name);
	inner.failed = reader->failed;
	return inner;
}

static void read_kdf(struct json_reader *kdf, struct luks_kdf *ret)
{
	CLEANUP_FREE char *type = NULL;

	json_get_string(kdf, "type", &type);
	get_binary(kdf, "salt", ret->salt, sizeof ret->salt, &ret->salt_size);
	if (type && strcmp(type, "pbkdf2") == 0) {
		ret->kdf = KDF_PBKDF2;
		get_name(kdf, "hash", ret->hash, sizeof ret->hash);
		json_get_u64(kdf, "iterations", &ret->iterations);
	} else if (type && (strcmp(type, "argon2id") == 0 || strcmp(type, "argon2i") == 0)) {
		ret->kdf = type[7] ? KDF_ARGON2ID : KDF_ARGON2I;
		json_get_u64(kdf, "time", &ret->iterations);
		json_get_u64(kdf, "memory", &ret->memory_kib);
		json_get_u64(kdf, "cpus", &ret->lanes);
	} else if (!kdf->failed) {
		kdf->failed = true;
		error_set(kdf->err, kdf->kind, "%s: key derivation %.32s is not known", kdf->what,
			  type);
	}
}

static int read_slot(struct json_reader *reader, const char *number, struct luks *luks)
{
	struct luks_slot slot = {.number = (unsigned)strtoul(number, NULL, 10)};
	struct json_reader area = below(reader, "area"), kdf = below(reader, "kdf"),
			   af = below(reader, "af");
	uint64_t key_size = 0, area_key_size = 0;

	json_get_u64(reader, "key_size", &key_size);
	get_number(&area, "offset", &slot.offset);
	get_number(&area, "size", &slot.size);
	get_name(&area, "encryption", slot.cipher, sizeof slot.cipher);
	json_get_u64(&area, "key_size", &area_key_size);
	json_get_u64(&af, "stripes", &slot.stripes);
	get_name(&af, "hash", slot.af_hash, sizeof slot.af_hash);
	read_kdf(&kdf, &slot.kdf);
	if (reader->failed || area.failed || af.failed || kdf.failed)
		return -1;
	if (key_size == 0 || key_size > ENCRYPTED_MAX_KEY || area_key_size == 0 ||
	    area_key_size > ENCRYPTED_MAX_KEY)
		return error_set(reader->err, ERROR_IMAGE, "LUKS keys of %llu bytes are not known",
				 (unsigned long long)key_size);
	slot.key_size = (size_t)key_size;
	slot.area_key_size = (size_t)area_key_size;
	luks->slots[luks->n_slots++] = slot;
	return 0;
}

/* Those of other types (of a re-encryption) hold no key. */
static int read_slots(struct json_reader *root, struct luks *luks)
{
	const json_t *slots = json_get_object(root, "keyslots"), *slot;
	const char *number;

	json_object_foreach((json_t *)(uintptr_t)slots, number, slot)
	{
		struct json_reader reader = *root;
		const char *type = json_string_value(json_object_get(slot, "type"));

		if (!type || strcmp(type, "luks2") != 0 || luks->n_slots == LUKS_MAX_SLOTS)
			continue;
		reader.object = slot;
		if (read_slot(&reader, number, luks) < 0)
			return -1;
	}
	return json_reader_result(root);
}

/* The one of the content. */
static int read_digest(struct json_reader *root, struct luks *luks)
{
	const json_t *digests = json_get_object(root, "digests"), *digest, *segment;
	const char *number;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)digests, number, digest)
	{
		struct json_reader reader = *root;
		bool used = false;

		json_array_foreach(json_object_get(digest, "segments"), i, segment) used |=
			json_is_string(segment) && strcmp(json_string_value(segment), "0") == 0;
		if (!used)
			continue;
		reader.object = digest;
		read_kdf(&reader, &luks->digest);
		get_binary(&reader, "digest", luks->expected, sizeof luks->expected,
			   &luks->expected_size);
		return json_reader_result(&reader);
	}
	return error_set(root->err, root->kind, "%s: no digest of the key", root->what);
}

static int refuse(const struct json_reader *reader, const char *what)
{
	return error_set(reader->err, ERROR_IMAGE, "%s: %s is not supported", reader->what, what);
}

static int read_size(struct json_reader *segment, uint64_t *ret)
{
	const char *size = json_string_value(json_object_get(segment->object, "size"));

	if (size && strcmp(size, "dynamic") == 0)
		return 0;
	get_number(segment, "size", ret);
	return *ret || segment->failed ? json_reader_result(segment)
				       : refuse(segment, "a segment without bytes");
}

static int read_segment(struct json_reader *root, struct luks *luks)
{
	const json_t *segments = json_get_object(root, "segments");
	struct json_reader segment = *root;
	struct encrypted_content *content = &luks->content;
	const char *type;
	uint64_t sector_size = 0;

	segment.object = json_object_get(segments, "0");
	type = json_string_value(json_object_get(segment.object, "type"));
	if (json_object_size(segments) != 1 || !segment.object)
		return refuse(root, "more than one segment (an unfinished re-encryption)");
	if (!type || strcmp(type, "crypt") != 0)
		return refuse(root, "a segment that is not encrypted by dm-crypt alone");
	if (json_object_get(segment.object, "integrity"))
		return refuse(root, "a segment with integrity tags (dm-integrity)");
	get_number(&segment, "offset", &content->offset);
	get_number(&segment, "iv_tweak", &content->first_number);
	get_name(&segment, "encryption", content->cipher, sizeof content->cipher);
	json_get_u64(&segment, "sector_size", &sector_size);
	content->sector_size = (unsigned)sector_size;
	return json_reader_result(&segment) < 0 ? -1 : read_size(&segment, &content->size);
}

static int read_requirements(struct json_reader *root)
{
	const json_t *config = json_object_get(root->object, "config");
	const json_t *mandatory =
		json_object_get(json_object_get(config, "requirements"), "mandatory");

	return json_array_size(mandatory) ? refuse(root, "a requirement in it (an unfinished "
							 "re-encryption)")
					  : 0;
}

int luks2_parse(const uint8_t *data, size_t len, struct luks *ret, struct error *err)
{
	const char *text = (const char *)data + LUKS2_HEADER;
	CLEANUP_JSON json_t *json = NULL;
	struct json_reader root = {.what = "its LUKS header", .kind = ERROR_IMAGE, .err = err};
	CLEANUP_FREE struct luks *luks = xcalloc(1, sizeof *luks);

	if (len <= LUKS2_HEADER)
		return error_set(err, ERROR_IMAGE, "its LUKS header is cut off");
	if (check_sum(data, len, err) < 0)
		return -1;
	json = json_parse(text, strnlen(text, len - LUKS2_HEADER), root.what, ERROR_IMAGE, err);
	if (!json)
		return -1;
	root.object = json;
	if (read_requirements(&root) < 0 || read_segment(&root, luks) < 0 ||
	    read_slots(&root, luks) < 0 || read_digest(&root, luks) < 0)
		return -1;
	*ret = *luks;
	return 0;
}
