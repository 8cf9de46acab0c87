/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/key.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"

enum { MAX_KEY_FILE = 16 << 10 };

struct key {
	EVP_PKEY *pkey;
	char id[DIGEST_HEX_SIZE];
};

static void bio_free_p(BIO **bio)
{
	BIO_free(*bio);
}

void key_free(struct key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

const char *key_get_id(const struct key *key)
{
	return key->id;
}

static bool is_p256(const EVP_PKEY *pkey)
{
	char group[32];

	return EVP_PKEY_is_a(pkey, "EC") &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) &&
	       strcmp(group, "prime256v1") == 0;
}

static void compute_id(struct key *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key->pkey, &der);
	struct digest digest;

	if (len <= 0)
		abort();
	digest_of(der, len, &digest);
	digest_to_hex(&digest, key->id);
	OPENSSL_free(der);
}

/* Steals pkey, which may be NULL. */
static struct key *key_new(EVP_PKEY *pkey, const char *path, struct error *err)
{
	struct key *key;

	if (!pkey || !is_p256(pkey)) {
		EVP_PKEY_free(pkey);
		return error_set(err, ERROR_CONFIG, "%s: not an ECDSA P-256 key in PEM form", path),
		       NULL;
	}
	key = xcalloc(1, sizeof *key);
	key->pkey = pkey;
	compute_id(key);
	return key;
}

/* Without this, OpenSSL would ask a terminal for the pass phrase of an encrypted key. */
static int no_passphrase(char *buf, int size, int writing, void *opaque)
{
	(void)buf, (void)size, (void)writing, (void)opaque;
	return -1;
}

struct key *key_open_public(const char *path, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	__attribute__((cleanup(bio_free_p))) BIO *bio = NULL;

	if (file_read_document(path, MAX_KEY_FILE, ERROR_CONFIG, &text, err) < 0)
		return NULL;
	bio = BIO_new_mem_buf(text.data, (int)text.len);
	if (!bio)
		abort();
	return key_new(PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL), path, err);
}

static int open_secret(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = file_open(path, "a key file", ERROR_CONFIG, err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (st.st_mode & 077)
		return error_set(err, ERROR_CONFIG,
				 "%s: others may read this private key (mode %04o): chmod 600 it",
				 path, st.st_mode & 07777);
	return steal_fd(&fd);
}

struct key *key_open_private(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = open_secret(path, err);
	CLEANUP_BUFFER struct buffer text = {0};
	__attribute__((cleanup(bio_free_p))) BIO *bio = NULL;
	struct key *key;

	if (fd < 0 || file_read_fd(fd, path, MAX_KEY_FILE, &text, err) < 0)
		return NULL;
	bio = BIO_new_mem_buf(text.data, (int)text.len);
	if (!bio)
		abort();
	key = key_new(PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL), path, err);
	explicit_bzero(text.data, text.len);
	return key;
}

char *key_id(const char *public_path, struct error *err)
{
	CLEANUP(key_free)
	struct key *key = key_open_public(public_path, err);

	return key ? xstrdup(key->id) : NULL;
}

static bool is_valid_name(const char *name)
{
	static const char rest[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789._-";

	return isalnum((unsigned char)name[0]) && name[strspn(name, rest)] == '\0';
}

/* Made exclusively: an existing key is never overwritten. */
static int write_new(const char *path, BIO *bio, mode_t mode, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	if (fd < 0)
		return error_os(err, errno == EEXIST ? ERROR_DENIED : ERROR_IO, errno, "%s", path);
	if (fchmod(fd, mode) < 0 || file_write_all(fd, data, len, err) < 0 || fsync(fd) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

static int write_pair(EVP_PKEY *pkey, const char *directory, const char *name, struct error *err)
{
	CLEANUP_FREE char *secret = xasprintf("%s/%s.key", directory, name);
	CLEANUP_FREE char *public = xasprintf("%s/%s.pub", directory, name);
	__attribute__((cleanup(bio_free_p))) BIO *pem = BIO_new(BIO_s_secmem());
	__attribute__((cleanup(bio_free_p))) BIO *public_pem = BIO_new(BIO_s_mem());

	if (!pem || !public_pem ||
	    !PEM_write_bio_PKCS8PrivateKey(pem, pkey, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_PUBKEY(public_pem, pkey))
		abort();
	if (write_new(secret, pem, 0600, err) < 0)
		return -1;
	if (write_new(public, public_pem, 0644, err) < 0) {
		unlink(secret);
		return -1;
	}
	return file_sync_directory_of(secret, err);
}

int key_generate_check(const char *directory, const char *name, struct error *err)
{
	static const char *const suffixes[] = {"pub", "key"};

	if (!is_valid_name(name))
		return error_set(err, ERROR_USAGE,
				 "key name '%s': use letters, digits and . _ - only", name);
	for (size_t i = 0; i < 2; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s.%s", directory, name, suffixes[i]);

		if (access(path, F_OK) == 0)
			return error_set(err, ERROR_DENIED, "%s: exists already", path);
	}
	return 0;
}

int key_generate(const char *directory, const char *name, char **ret_id, struct error *err)
{
	CLEANUP(key_free)
	struct key *key = NULL;

	if (key_generate_check(directory, name, err) < 0)
		return -1;
	if (directory_make(directory, 0755, err) < 0)
		return -1;
	key = key_new(EVP_EC_gen("P-256"), name, err);
	if (!key || write_pair(key->pkey, directory, name, err) < 0)
		return -1;
	if (ret_id)
		*ret_id = xstrdup(key->id);
	return 0;
}

static void md_ctx_free_p(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}
#define CLEANUP_MD_CTX __attribute__((cleanup(md_ctx_free_p)))

int key_sign(const struct key *key, const void *data, size_t len, struct buffer *ret,
	     struct error *err)
{
	CLEANUP_MD_CTX EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t room = EVP_PKEY_get_size(key->pkey);
	unsigned char *to = (unsigned char *)buffer_reserve(ret, room);

	if (!ctx || !EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) ||
	    EVP_DigestSign(ctx, to, &room, data, len) != 1)
		return error_set(err, ERROR_CONFIG, "key %s cannot sign: is it a private key?",
				 key->id);
	ret->len += room;
	ret->data[ret->len] = '\0';
	return 0;
}

bool key_verify(const struct key *key, const void *data, size_t len, const void *signature,
		size_t signature_len)
{
	CLEANUP_MD_CTX EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
	       EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;
}
