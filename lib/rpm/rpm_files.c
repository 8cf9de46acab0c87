/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rpm/rpm_files.h"

#include <rpm/rpmcrypto.h>
#include <rpm/rpmfiles.h>
#include <string.h>
#include <sys/stat.h>

enum {
	NOT_NEEDED = RPMFI_NOFILECLASS | RPMFI_NOFILEDEPS | RPMFI_NOFILELANGS | RPMFI_NOFILEUSER |
		     RPMFI_NOFILEGROUP | RPMFI_NOFILECAPS | RPMFI_NOFILELINKTOS |
		     RPMFI_NOFILEMTIMES | RPMFI_NOFILERDEVS | RPMFI_NOFILECOLORS |
		     RPMFI_NOFILESIGNATURES | RPMFI_NOVERITYSIGNATURES
};

static void files_free(rpmfiles *files)
{
	rpmfilesFree(*files);
}

/* A header without states is one of a package file. */
static bool is_installed(rpmfiles files, int i)
{
	rpmfileState state = rpmfilesFState(files, i);

	return state == RPMFILE_STATE_NORMAL || state == RPMFILE_STATE_MISSING;
}

static int give(rpmfiles files, int i, rpm_file_callback *each, void *opaque, struct error *err)
{
	CLEANUP_FREE char *path = rpmfilesFN(files, i);
	rpmfileAttrs attributes = rpmfilesFFlags(files, i);
	struct rpm_file file = {
		.path = path,
		.mode = rpmfilesFMode(files, i),
		.config = attributes & RPMFILE_CONFIG,
		.ghost = attributes & RPMFILE_GHOST,
		.rewritten = !(rpmfilesVFlags(files, i) & RPMVERIFY_FILEDIGEST),
		.installed = is_installed(files, i),
	};
	int algorithm = 0;
	size_t len = 0;
	const unsigned char *bytes = rpmfilesFDigest(files, i, &algorithm, &len);
	struct digest digest;

	if (!path || *path != '/')
		return error_set(err, ERROR_IMAGE, "file %d has no absolute path", i);
	if (bytes && S_ISREG(file.mode) && algorithm == RPM_HASH_SHA256 && len == DIGEST_SIZE) {
		memcpy(digest.bytes, bytes, len);
		file.sha256 = &digest;
	}
	return each(opaque, &file, err);
}

int rpm_header_each_file(const struct rpm_header *header, rpm_file_callback *each, void *opaque,
			 struct error *err)
{
	__attribute__((cleanup(files_free))) rpmfiles files =
		rpmfilesNew(NULL, (Header)rpm_header_handle(header), 0, NOT_NEEDED);
	int n = files ? (int)rpmfilesFC(files) : 0;

	if (!files)
		return error_set(err, ERROR_IMAGE,
				 "package %s: its lists of files do not fit each "
				 "other",
				 rpm_header_name(header));
	for (int i = 0; i < n; i++)
		if (give(files, i, each, opaque, err) < 0)
			return error_prefix(err, "package %s", rpm_header_name(header));
	return 0;
}
