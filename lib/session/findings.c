/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/findings.h"

#include <string.h>

#include "session/strings.h"

void finding_add(json_t *findings, enum finding_status status, const char *what, const char *object,
		 const char *expected, const char *found)
{
	json_t *item = json_object();

	json_put_string(item, "status", finding_status_name(status));
	json_put_string(item, "what", what);
	json_put_bytes(item, "object", object);
	json_put_bytes(item, "expected", expected);
	json_put_bytes(item, "found", found);
	json_array_append_new(findings, item);
}

void finding_add_problem(json_t *findings, const struct library *library, const char *what,
			 const char *object, const char *problem)
{
	size_t len = strlen(library->path);
	const char *end = strncmp(problem, library->path, len) == 0 && problem[len] == '/'
				  ? strstr(problem + len, ": ")
				  : NULL;
	CLEANUP_FREE char *path = end ? xstrndup(problem, (size_t)(end - problem)) : NULL;

	finding_add(findings, FINDING_BAD, what, end ? path : object, NULL,
		    end ? end + strlen(": ") : problem);
}

char *finding_digest(const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	return xasprintf("sha256:%s", hex);
}

bool findings_have_bad(const json_t *findings)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
	{
		if (!strcmp(string_member(finding, "status"), "bad"))
			return true;
	}
	return false;
}
