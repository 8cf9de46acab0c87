/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/until.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, MAX_DAYS = 36500 };

bool until_parse_days(const char *text, int64_t *ret_s)
{
	char *end;
	long days;

	if (!isdigit((unsigned char)*text))
		return false;
	days = strtol(text, &end, 10);
	if (strcmp(end, "d") != 0 || days < 1 || days > MAX_DAYS)
		return false;
	*ret_s = (int64_t)days * DAY_S;
	return true;
}

static bool parse_date(const char *text, int64_t *ret)
{
	static const char shape[] = "0000-00-00";
	struct tm day = {0}, again;
	time_t start;

	for (size_t i = 0; i < sizeof shape; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
			return false;
	if (!strptime(text, "%Y-%m-%d", &day))
		return false;
	start = timegm(&day);
	if (!gmtime_r(&start, &again) || again.tm_mday != atoi(text + 8))
		return false;
	*ret = (int64_t)start + DAY_S - 1; /* that day is the last, and is told as such */
	return true;
}

bool until_is_day(const char *text)
{
	int64_t ignored;

	return parse_date(text, &ignored);
}

int until_parse(const char *text, int64_t now, int64_t *ret, struct error *err)
{
	int64_t until, days;

	if (until_parse_days(text, &days))
		until = now + days;
	else if (!parse_date(text, &until))
		return error_set(err, ERROR_USAGE,
				 "until %s: neither a day, YYYY-MM-DD, nor a number of days, 30d",
				 text);
	if (until <= now)
		return error_set(err, ERROR_USAGE, "until %s: has passed", text);
	*ret = until;
	return 0;
}
