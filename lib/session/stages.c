/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/stages.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NS_PER_MS = 1000000 };

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void count(struct stages *stages)
{
	uint64_t now = now_ns();

	if (stages->since)
		stages->items[stages->current].nanoseconds += now - stages->since;
	stages->since = now;
}

static size_t find_or_add(struct stages *stages, const char *name)
{
	struct stage_time *item;

	for (size_t i = 0; i < stages->n_items; i++)
		if (!strcmp(stages->items[i].name, name))
			return i;
	if (stages->n_items == sizeof stages->items / sizeof stages->items[0])
		return stages->n_items - 1;
	item = &stages->items[stages->n_items];
	snprintf(item->name, sizeof item->name, "%s", name);
	return stages->n_items++;
}

void stages_enter(struct stages *stages, const char *name)
{
	if (stages->since && !strcmp(stages->items[stages->current].name, name))
		return;
	count(stages);
	stages->current = find_or_add(stages, name);
}

json_t *stages_to_json(struct stages *stages)
{
	json_t *json = json_object();

	count(stages);
	for (size_t i = 0; i < stages->n_items; i++)
		json_put_u64(json, stages->items[i].name, stages->items[i].nanoseconds / NS_PER_MS);
	return json;
}
