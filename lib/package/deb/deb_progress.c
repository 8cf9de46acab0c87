/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dpkg(1), --status-fd: "processing: STAGE: PACKAGE" and "status: PACKAGE : error : MESSAGE"; the
 * other states of a package are of no interest here. */
#include <string.h>

#include "package/deb/deb.h"

#define STATUS	   "status: "
#define PROCESSING "processing: "
#define ERROR_MARK " : error : "

void deb_read_status(char *line, struct package_event *ret)
{
	char *mark = strstr(line, ERROR_MARK), *package;

	if (strncmp(line, STATUS, strlen(STATUS)) == 0 && mark) {
		*mark = '\0';
		*ret = (struct package_event){.package = line + strlen(STATUS),
					      .message = mark + strlen(ERROR_MARK)};
		return;
	}
	package = strncmp(line, PROCESSING, strlen(PROCESSING)) == 0
			  ? strstr(line + strlen(PROCESSING), ": ")
			  : NULL;
	*ret = (struct package_event){.package = package ? package + strlen(": ") : NULL};
}
