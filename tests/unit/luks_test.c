/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LUKS headers, each with one thing of it wrong: what is said of it.  That real ones open is
 * tests/image/luks.sh. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../fuzz/fs_walk.h"
#include "base/digest.h"
#include "disk/luks.h"
#include "suite.h"

enum { HEADER = 16384, CONTAINER = 1 << 20 };

#define KDF(members) "\"kdf\": {\"salt\": \"MDEyMzQ1Njc4OWFiY2RlZg==\", " members "}"
#define PBKDF2	     KDF("\"type\": \"pbkdf2\", \"hash\": \"sha256\", \"iterations\": 1000")
#define SLOT                                                                                       \
	"{\"type\": \"luks2\", \"key_size\": 64, \"area\": {\"offset\": \"32768\", \"size\": "     \
	"\"258048\", \"encryption\": \"aes-xts-plain64\", \"key_size\": 64}, \"af\": "             \
	"{\"stripes\": 4000, \"hash\": \"sha256\"}, " PBKDF2 "}"
#define SEGMENT                                                                                    \
	"{\"type\": \"crypt\", \"offset\": \"524288\", \"iv_tweak\": \"0\", \"size\": "            \
	"\"dynamic\", \"encryption\": \"aes-xts-plain64\", \"sector_size\": 512}"
#define DIGEST                                                                                     \
	"{\"segments\": [\"0\"], \"type\": \"pbkdf2\", \"hash\": \"sha256\", \"iterations\": "     \
	"1000, \"salt\": \"MDEyMzQ1Njc4OWFiY2RlZg==\", \"digest\": "                               \
	"\"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"}"

static const char whole[] = "{\"keyslots\": {\"0\": " SLOT "}, \"segments\": {\"0\": " SEGMENT
			    "}, \"digests\": {\"0\": " DIGEST "}, \"config\": {}}";

/* What of the JSON is replaced, at its first place, by what. */
static const struct change {
	const char *from, *to, *words;
} changes[] = {
	{"\"config\": {}", "\"config\": {\"requirements\": {\"mandatory\": [\"x\"]}}",
	 "its LUKS header: a requirement in it (an unfinished re-encryption) is not supported"},
	{SEGMENT, SEGMENT ", \"1\": " SEGMENT,
	 "its LUKS header: more than one segment (an unfinished re-encryption) is not supported"},
	{"\"type\": \"crypt\"", "\"type\": \"linear\"",
	 "its LUKS header: a segment that is not encrypted by dm-crypt alone is not supported"},
	{"\"type\": \"crypt\"", "\"type\": \"crypt\", \"integrity\": {}",
	 "its LUKS header: a segment with integrity tags (dm-integrity) is not supported"},
	{"\"dynamic\"", "\"0\"", "its LUKS header: a segment without bytes is not supported"},
	{"\"dynamic\"", "\"1 MiB\"", "its LUKS header: member size is no number"},
	{"\"dynamic\"", "\"4096000\"", "what its LUKS header tells of lies outside"},
	{"\"524288\"", "\"1048576\"", "what its LUKS header tells of lies outside"},
	{"\"aes-xts-plain64\"",
	 "\"aes-xts-plain64-and-more-than-seventy-two-bytes-of-what-a-cipher-can-be-called\"",
	 "its LUKS header: member encryption is too long"},
	{"\"key_size\": 64, \"area\"", "\"key_size\": 65, \"area\"",
	 "LUKS keys of 65 bytes are not known"},
	{"MDEyMzQ1Njc4OWFiY2RlZg==", "a salt",
	 "its LUKS header: member salt is not base64 of a few bytes"},
	{"\"pbkdf2\"", "\"scrypt\"", "its LUKS header: key derivation scrypt is not known"},
	{"[\"0\"]", "[\"1\"]", "its LUKS header: no digest of the key"},
	{"\"iterations\": 1000", "\"iterations\": 0", "PBKDF2 with 0 iterations is out of bounds"},
	{"\"iterations\": 1000", "\"iterations\": 4294967295",
	 "PBKDF2 with 4294967295 iterations is out of bounds"},
	{"\"sha256\", \"iterations\"", "\"md9\", \"iterations\"", "hash md9 is not known"},
	{PBKDF2, KDF("\"type\": \"argon2id\", \"time\": 4, \"memory\": 999999999, \"cpus\": 4"),
	 "Argon2 with 4 passes over 999999999 KiB in 4 lanes is out of bounds"},
	{PBKDF2, KDF("\"type\": \"argon2i\", \"time\": 4, \"memory\": 4, \"cpus\": 4"),
	 "Argon2 over 4 KiB: Memory cost is too small"},
	{"\"stripes\": 4000", "\"stripes\": 0",
	 "its LUKS slot 0 has 0 stripes, which do not fit into it"},
	{"\"stripes\": 4000", "\"stripes\": 4100",
	 "its LUKS slot 0 has 4100 stripes, which do not fit into it"},
	{"4000, \"hash\": \"sha256\"", "4000, \"hash\": \"md9\"", "hash md9 is not known"},
	{"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "MDEyMw==",
	 "the digest in its LUKS header is too short"},
};

static int open_container(const uint8_t *container, struct error *err)
{
	struct memory_block block = {.base = {.ops = &memory_ops, .size = CONTAINER},
				     .data = container};
	const struct passphrase key = {(const uint8_t *)"secret", 6};
	struct encrypted_content content;

	return encrypted_open(&block.base, &key, 1, &content, err);
}

static void sign_header(uint8_t *container)
{
	struct digest digest;

	memset(container + 448, 0, 64);
	digest_of(container, HEADER, &digest);
	memcpy(container + 448, digest.bytes, sizeof digest.bytes);
}

static uint8_t *make_container(const char *json)
{
	uint8_t *container = xcalloc(1, CONTAINER);

	ck_assert_uint_lt(strlen(json), HEADER - LUKS2_HEADER);
	memcpy(container, "LUKS\xba\xbe\0\2", 8);
	container[14] = HEADER >> 8;
	strcpy((char *)container + 72, "sha256");
	strcpy((char *)container + LUKS2_HEADER, json);
	sign_header(container);
	return container;
}

static void refused(const uint8_t *container, const char *words)
{
	struct error err = {0};

	ck_assert_int_eq(open_container(container, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, words);
}

START_TEST(the_key_of_another_does_not_open_it)
{
	CLEANUP_FREE uint8_t *container = make_container(whole);
	struct error err = {0};

	ck_assert_msg(open_container(container, &err) == 0, "%s", err.msg);
}
END_TEST

START_TEST(a_header_of_version_2_is_refused)
{
	const struct change *change = &changes[_i];
	const char *at = strstr(whole, change->from);
	CLEANUP_FREE char *json = NULL;
	CLEANUP_FREE uint8_t *container = NULL;

	ck_assert_ptr_nonnull(at);
	json = xasprintf("%.*s%s%s", (int)(at - whole), whole, change->to,
			 at + strlen(change->from));
	container = make_container(json);
	refused(container, change->words);
}
END_TEST

START_TEST(its_checksum_is_sha256)
{
	CLEANUP_FREE uint8_t *container = make_container(whole);

	strcpy((char *)container + 72, "sha512");
	sign_header(container);
	refused(container, "its LUKS header has another checksum than SHA-256");
	container[0] = 'X';
	refused(container, "no LUKS header");
}
END_TEST

START_TEST(a_header_of_version_1_is_refused)
{
	CLEANUP_FREE uint8_t *container = xcalloc(1, CONTAINER);

	memcpy(container, "LUKS\xba\xbe\0\1", 8);
	memset(container + 8, 'x', 96);
	refused(container, "a name in its LUKS header has no end");
	memcpy(container + 8, "aes", 4);
	memcpy(container + 40, "xts-plain64", 12);
	memcpy(container + 72, "sha256", 7);
	container[111] = ENCRYPTED_MAX_KEY + 1;
	refused(container, "LUKS keys of 65 bytes are not known");
}
END_TEST

START_TEST(a_header_may_be_cut_off)
{
	static const uint8_t data[LUKS2_HEADER];
	struct error err = {0};
	struct luks luks;
	size_t size;

	ck_assert_int_eq(luks1_parse(data, LUKS1_HEADER - 1, &luks, &err), -1);
	ck_assert_str_eq(err.msg, "its LUKS header is cut off");
	err = (struct error){0};
	ck_assert_int_eq(luks2_size(data, LUKS2_HEADER - 1, &size, &err), -1);
	ck_assert_str_eq(err.msg, "its LUKS header is cut off");
	err = (struct error){0};
	ck_assert_int_eq(luks2_parse(data, LUKS2_HEADER, &luks, &err), -1);
	ck_assert_str_eq(err.msg, "its LUKS header is cut off");
}
END_TEST

START_TEST(containers_do_not_lie_in_each_other)
{
	static const char words[] = "an encrypted container inside of another, or one that does "
				    "not lie on whole sectors, is not supported";
	struct encrypted_content content = {.sector_size = 4096, .key_size = 64};
	struct memory_block *block = xcalloc(1, sizeof *block);
	CLEANUP(block_free)
	struct block *clear = NULL;
	struct error err = {0};

	block->base = (struct block){.ops = &memory_ops, .size = CONTAINER};
	strcpy(content.cipher, "aes-xts-plain64");
	content.key[0] = 1;
	clear = clear_new(&block->base);
	ck_assert_msg(clear_add(clear, 65536, 65536, 0, &content, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(clear_add(clear, 69632, 4096, 0, &content, &err), -1);
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, words);
	ck_assert_int_eq(clear_add(clear, 0, 512, 0, &content, &err), -1);
	ck_assert_str_eq(err.msg, words);
}
END_TEST

START_TEST(a_key_of_xts_has_two_halves)
{
	static const uint8_t key[64];
	struct error err = {0};

	ck_assert_ptr_null(cipher_new("aes-xts-plain64", key, sizeof key, 512, &err));
	ck_assert_int_eq(err.kind, ERROR_IMAGE);
	ck_assert_str_eq(err.msg, "a key for aes-xts-plain64 whose halves are equal");
	ck_assert_ptr_null(cipher_new("aes-xts-plain64", key, sizeof key, 513, &err));
	ck_assert_str_eq(err.msg, "cipher aes-xts-plain64 with keys of 64 bytes and sectors of 513 "
				  "is not known");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("luks");
	TCase *tcase = tcase_create("headers");

	tcase_add_test(tcase, the_key_of_another_does_not_open_it);
	tcase_add_loop_test(tcase, a_header_of_version_2_is_refused, 0,
			    sizeof changes / sizeof *changes);
	tcase_add_test(tcase, its_checksum_is_sha256);
	tcase_add_test(tcase, a_header_of_version_1_is_refused);
	tcase_add_test(tcase, a_header_may_be_cut_off);
	tcase_add_test(tcase, containers_do_not_lie_in_each_other);
	tcase_add_test(tcase, a_key_of_xts_has_two_halves);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
