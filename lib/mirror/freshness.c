/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/freshness.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

enum { DAY = 86400 };

struct moment {
	char text[32];
};

static struct moment moment_of(int64_t seconds)
{
	struct moment moment = {"?"};
	time_t at = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&at, &tm))
		strftime(moment.text, sizeof moment.text, "%Y-%m-%d %H:%M UTC", &tm);
	return moment;
}

static bool is_allowed(const struct mirror_policy *policy, const struct digest *index)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(index, hex);
	for (size_t i = 0; i < policy->n_allow_digests; i++)
		if (strcmp(policy->allow_digests[i], hex) == 0)
			return true;
	return false;
}

static int refuse(const char *name, const char *problem, const struct digest *index,
		  struct error *err)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(index, hex);
	return error_set(err, ERROR_TRUST,
			 "%s: %s; bring the mirror up to date, or allow digest %s", name, problem,
			 hex);
}

int freshness_check(const char *name, const struct mirror_source *source,
		    const struct mirror_policy *policy, int64_t maximum_age, struct error *err)
{
	CLEANUP_FREE char *problem = NULL;

	if (source->date > policy->now && source->date - policy->now > DAY)
		return error_set(err, ERROR_TRUST,
				 "%s: its Date, %s, is in the future; is this host's clock right?",
				 name, moment_of(source->date).text);
	if (is_allowed(policy, &source->index))
		return 0;
	if (source->valid_until && source->valid_until < policy->now)
		problem = xasprintf("was valid until %s", moment_of(source->valid_until).text);
	else if (maximum_age && policy->now - source->date > maximum_age)
		problem = xasprintf("is of %s, older than the limit of %" PRId64 " days",
				    moment_of(source->date).text, maximum_age / DAY);
	return problem ? refuse(name, problem, &source->index, err) : 0;
}

int freshness_check_mark(const char *name, const struct highwater *highwater,
			 const struct highwater_mark *key, const struct mirror_policy *policy,
			 struct error *err)
{
	const struct highwater_mark *mark = highwater_find(highwater, key);
	CLEANUP_FREE char *problem = NULL;

	if (!mark || mark->date <= key->date || is_allowed(policy, &key->index))
		return 0;
	problem =
		xasprintf("is of %s, but a state of %s was seen before: the mirror was rolled back",
			  moment_of(key->date).text, moment_of(mark->date).text);
	return refuse(name, problem, &key->index, err);
}
