/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What package files bring, as a value: to unpack them takes seconds, so it is done where there is
 * time and looked at later. */
#ifndef COLDPATCH_PACKAGE_PAYLOAD_H
#define COLDPATCH_PACKAGE_PAYLOAD_H

#include "package/package.h"

struct package_file {
	char *path;
	struct digest sha256;
	bool config; /* the administrator's from now on */
};

struct package_payload {
	struct digest package;
	struct package_file *files;
	size_t n_files;
};

/* Start with {0}. */
struct package_payloads {
	struct package_payload *items;
	size_t n_items;
};

/* Adds what the verified package file at `path`, of that digest, brings. */
int package_payloads_add(struct package_payloads *payloads, const struct package_manager *manager,
			 const char *path, const struct digest *package, struct error *err);
/* NULL: not there. */
const struct package_payload *package_payloads_find(const struct package_payloads *payloads,
						    const struct digest *package);
void package_payloads_free(struct package_payloads *payloads);

/* {SHA256 OF THE PACKAGE: [[PATH, SHA256, IS CONFIG]...]} */
json_t *package_payloads_to_json(const struct package_payloads *payloads);
/* ERROR_BUG: another form. */
int package_payloads_from_json(const json_t *json, struct package_payloads *ret, struct error *err);

#endif
