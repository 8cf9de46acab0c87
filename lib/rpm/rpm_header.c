/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * librpm checks the lengths, types and offsets of every entry when it imports a header; whether the
 * bytes are still those that were once packaged only the digest in the header itself can tell. That
 * digest is over the immutable region: what rpm wrote when it installed the package lies behind it.
 */
#include "rpm/rpm_header.h"

#include <pthread.h>
#include <rpm/header.h>
#include <rpm/rpmcrypto.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmtag.h>
#include <rpm/rpmver.h>
#include <string.h>
#include <strings.h>

enum { MAX_HEADER = 256 << 20, MIN_HEADER = 8 + 16 };

struct rpm_header {
	Header handle;
	char *evr;
};

/* librpm tells its troubles to stderr unless somebody else takes them. */
static int swallow(rpmlogRec record, rpmlogCallbackData data)
{
	(void)record;
	(void)data;
	return 0;
}

static void silence(void)
{
	rpmlogSetCallback(swallow, NULL);
}

static const char *get_string(Header handle, rpmTagVal tag)
{
	const char *value = headerGetString(handle, tag);

	return value ? value : "";
}

static char *make_evr(Header handle)
{
	const char *version = get_string(handle, RPMTAG_VERSION);
	const char *release = get_string(handle, RPMTAG_RELEASE);
	unsigned long long epoch = headerGetNumber(handle, RPMTAG_EPOCH);

	if (!*version && !*release)
		return xstrdup("");
	return epoch ? xasprintf("%llu:%s-%s", epoch, version, release)
		     : xasprintf("%s-%s", version, release);
}

struct rpm_header *rpm_header_import(const void *blob, size_t len, struct error *err)
{
	static pthread_once_t silenced = PTHREAD_ONCE_INIT;
	CLEANUP_FREE void *copy = NULL;
	struct rpm_header *header;
	Header handle;

	pthread_once(&silenced, silence);
	if (len < MIN_HEADER || len > MAX_HEADER)
		return error_set(err, ERROR_IMAGE, "a package header of %zu bytes is none", len),
		       NULL;
	copy = xmemdup(blob, len);
	handle = headerImport(copy, (unsigned)len, 0);
	if (!handle)
		return error_set(err, ERROR_IMAGE, "a package header of %zu bytes is damaged", len),
		       NULL;
	copy = NULL; /* the handle's */
	header = xcalloc(1, sizeof *header);
	header->handle = handle;
	header->evr = make_evr(handle);
	return header;
}

void rpm_header_free(struct rpm_header *header)
{
	if (!header)
		return;
	headerFree(header->handle);
	free(header->evr);
	free(header);
}

void rpm_header_export(const struct rpm_header *header, struct buffer *ret)
{
	unsigned len = 0;
	void *blob = headerExport(header->handle, &len);

	if (!blob)
		abort(); /* what was imported can be exported */
	buffer_append(ret, blob, len);
	free(blob);
}

/* *ret_hex is "" where the header holds no such digest. */
static bool digest_fits(Header handle, const void *region, size_t len, rpmTagVal tag, int algorithm,
			const char **ret_hex)
{
	DIGEST_CTX ctx;
	char *hex = NULL;
	bool fits;

	*ret_hex = get_string(handle, tag);
	if (!**ret_hex)
		return true;
	ctx = rpmDigestInit(algorithm, RPMDIGEST_NONE);
	rpmDigestUpdate(ctx, rpm_header_magic, sizeof rpm_header_magic);
	rpmDigestUpdate(ctx, region, len);
	rpmDigestFinal(ctx, (void **)&hex, NULL, 1);
	fits = hex && strcasecmp(hex, *ret_hex) == 0;
	free(hex);
	return fits;
}

int rpm_header_check(const struct rpm_header *header, struct error *err)
{
	struct rpmtd_s region;
	const char *sha1, *sha256;
	bool fits;

	if (!headerGet(header->handle, RPMTAG_HEADERIMMUTABLE, &region, HEADERGET_DEFAULT))
		return 0;
	fits = digest_fits(header->handle, region.data, region.count, RPMTAG_SHA1HEADER,
			   RPM_HASH_SHA1, &sha1) &&
	       digest_fits(header->handle, region.data, region.count, RPMTAG_SHA256HEADER,
			   RPM_HASH_SHA256, &sha256);
	rpmtdFreeData(&region);
	if (!fits)
		return error_set(err, ERROR_IMAGE,
				 "the header of package %s does not have the digest that it names",
				 rpm_header_name(header));
	return 0;
}

/* The region that was packaged is a header of its own; where there is none, in packages of the last
 * century, tags go one by one.  (Behind a region librpm would not export what is left.) */
static Header without_installation(Header handle)
{
	static const rpmTagVal tags[] = {RPMTAG_INSTALLTIME, RPMTAG_INSTALLTID, RPMTAG_INSTALLCOLOR,
					 RPMTAG_FILESTATES};
	struct rpmtd_s region;
	Header packaged;

	if (headerGet(handle, RPMTAG_HEADERIMMUTABLE, &region, HEADERGET_DEFAULT)) {
		packaged = region.count < MIN_HEADER
				   ? NULL
				   : headerImport(region.data, region.count, HEADERIMPORT_COPY);
		rpmtdFreeData(&region);
		return packaged;
	}
	packaged = headerCopy(handle);
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		headerDel(packaged, tags[i]);
	return packaged;
}

int rpm_header_forget_installation(struct rpm_header *header, struct error *err)
{
	Header packaged = without_installation(header->handle);

	if (!packaged)
		return error_set(err, ERROR_IMAGE, "the header of package %s holds a damaged one",
				 rpm_header_name(header));
	headerFree(header->handle);
	header->handle = packaged;
	free(header->evr);
	header->evr = make_evr(packaged);
	return 0;
}

const char *rpm_header_name(const struct rpm_header *header)
{
	return get_string(header->handle, RPMTAG_NAME);
}

const char *rpm_header_architecture(const struct rpm_header *header)
{
	return get_string(header->handle, RPMTAG_ARCH);
}

const char *rpm_header_evr(const struct rpm_header *header)
{
	return header->evr;
}

bool rpm_header_provides(const struct rpm_header *header, const char *name)
{
	struct rpmtd_s provides;
	const char *provided;
	bool found = false;

	if (!headerGet(header->handle, RPMTAG_PROVIDENAME, &provides, HEADERGET_MINMEM))
		return false;
	while (!found && (provided = rpmtdNextString(&provides)))
		found = strcmp(provided, name) == 0;
	rpmtdFreeData(&provides);
	return found;
}

void *rpm_header_handle(const struct rpm_header *header)
{
	return header->handle;
}

int rpm_evr_compare(const char *a, const char *b)
{
	rpmver left = rpmverParse(a), right = rpmverParse(b);
	int order = left && right ? rpmverCmp(left, right) : strcmp(a, b);

	rpmverFree(left);
	rpmverFree(right);
	return order;
}
