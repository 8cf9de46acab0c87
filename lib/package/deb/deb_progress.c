/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dpkg(1), --status-fd: "processing: STAGE: PACKAGE" and "status: PACKAGE : error : MESSAGE"; the
 * other states of a package are of no interest here.  What ends dpkg as a whole is only in its
 * output, where scripts' own words are, too:
 *
 *     dpkg: error: parsing file '/var/lib/dpkg/status' near line 9 package 'a':
 *      package has status triggers-pending but no triggers pending
 *     dpkg: unrecoverable fatal error, aborting:
 *      unknown system user 'x' in statoverride file; ...
 */
#include <string.h>

#include "package/deb/deb.h"

#define STATUS	   "status: "
#define PROCESSING "processing: "
#define DISAPPEAR  "disappear: "
#define ERROR_MARK " : error : "

static char *after(char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0 ? line + strlen(prefix) : NULL;
}

/* "disappear: foo" */
static void read_processing(char *words, struct package_event *ret)
{
	char *package = strstr(words, ": ");

	ret->package = package ? package + strlen(": ") : NULL;
	if (!after(words, DISAPPEAR))
		return;
	ret->message = "is gone: other packages have taken over all of its files";
	ret->warning = true;
}

static void read_general(char *line, struct package_event *ret)
{
	char *error = after(line, "dpkg: error: ");

	if (error)
		ret->message = error;
	else if (after(line, "dpkg: unrecoverable fatal error"))
		ret->message = line + strlen("dpkg: ");
	else if (line[0] == ' ')
		ret->message = line;
	ret->general = ret->message != NULL;
}

void deb_read_status(char *line, struct package_event *ret)
{
	char *mark = strstr(line, ERROR_MARK), *words;

	*ret = (struct package_event){0};
	if ((words = after(line, STATUS)) != NULL && mark && mark > words) {
		*mark = '\0';
		ret->package = words;
		ret->message = mark + strlen(ERROR_MARK);
	} else if ((words = after(line, PROCESSING)) != NULL) {
		read_processing(words, ret);
	} else {
		read_general(line, ret);
	}
}
