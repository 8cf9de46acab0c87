/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/timestamp.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

static const int64_t last_second = INT64_C(253402300799); /* of the year 9999 */

void timestamp_format(int64_t seconds, char text[static TIMESTAMP_SIZE])
{
	time_t when = seconds < 0 ? 0 : seconds > last_second ? last_second : seconds;
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

bool timestamp_parse(const char *text, int64_t *ret)
{
	char again[TIMESTAMP_SIZE];
	struct tm tm = {0};
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	time_t when;

	if (!end || *end)
		return false;
	when = timegm(&tm);
	timestamp_format(when, again);
	if (when < 0 || strcmp(again, text) != 0)
		return false;
	*ret = when;
	return true;
}
