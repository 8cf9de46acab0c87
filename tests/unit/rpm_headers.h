/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers of installed packages, as librpm makes them; bash has files. */
#ifndef TESTS_UNIT_RPM_HEADERS_H
#define TESTS_UNIT_RPM_HEADERS_H

#include <rpm/header.h>
#include <rpm/rpmfi.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct package {
	const char *name, *evr, *architecture, *provides; /* evr: "[EPOCH:]VERSION-RELEASE" */
	uint32_t install_time;
};

static inline void add_files(Header header, rpm_count_t n)
{
	static const char *const names[] = {"tool", "left-out", "tool.conf"};
	static const char *const directories[] = {"/usr/bin/", "/etc/"};
	uint32_t index[] = {0, 0, 1}, flags[] = {0, RPMFILE_DOC, RPMFILE_CONFIG},
		 sizes[] = {1, 1, 1};
	uint16_t modes[] = {0100755, 0100644, 0100644};
	char states[] = {RPMFILE_STATE_NORMAL, RPMFILE_STATE_NOTINSTALLED, RPMFILE_STATE_NORMAL};

	for (rpm_count_t i = 0; i < n; i++)
		headerPutString(header, RPMTAG_BASENAMES, names[i]);
	headerPutString(header, RPMTAG_DIRNAMES, directories[0]);
	headerPutString(header, RPMTAG_DIRNAMES, directories[1]);
	headerPutUint32(header, RPMTAG_DIRINDEXES, index, n);
	headerPutUint32(header, RPMTAG_FILEFLAGS, flags, n);
	headerPutUint32(header, RPMTAG_FILESIZES, sizes, n);
	headerPutUint16(header, RPMTAG_FILEMODES, modes, n);
	headerPutChar(header, RPMTAG_FILESTATES, states, n);
}

static inline Header make_header(const struct package *package)
{
	CLEANUP_FREE char *evr = xstrdup(package->evr);
	char *colon = strchr(evr, ':'), *release = strchr(evr, '-');
	Header header = headerNew();
	uint32_t epoch = colon ? (uint32_t)atoi(evr) : 0, time = package->install_time;

	*release++ = '\0';
	headerPutString(header, RPMTAG_NAME, package->name);
	headerPutString(header, RPMTAG_VERSION, colon ? colon + 1 : evr);
	headerPutString(header, RPMTAG_RELEASE, release);
	if (colon)
		headerPutUint32(header, RPMTAG_EPOCH, &epoch, 1);
	if (package->architecture)
		headerPutString(header, RPMTAG_ARCH, package->architecture);
	if (package->provides)
		headerPutString(header, RPMTAG_PROVIDENAME, package->provides);
	headerPutUint32(header, RPMTAG_INSTALLTIME, &time, 1);
	if (strcmp(package->name, "bash") == 0)
		add_files(header, 3);
	return header;
}

#endif
