/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Path, inode and ctime of everything before the first command.  A path is untouched when it still
 * names the same inode and that inode's ctime has not moved: nobody in the executor can set ctime.
 * Inode numbers are used again by the kernel, so an inode counts as the old one only with the same
 * time of birth.  Not on overlayfs: an inode that is copied up is born again, but keeps its number
 * (xino), and nothing else gets a number of the lower layer.
 */
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "runner.h"

struct record {
	char *path;
	uint64_t ino;
	struct timespec change, birth;
};

struct snapshot {
	struct record *records; /* in the order of the walk */
	size_t n_records;
	/* Open addressing; index + 1 into records, 0: free. */
	uint32_t *by_path, *by_ino;
	size_t mask;
	bool overlay;
};

void snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; snapshot && i < snapshot->n_records; i++)
		free(snapshot->records[i].path);
	if (snapshot) {
		free(snapshot->records);
		free(snapshot->by_path);
		free(snapshot->by_ino);
	}
	free(snapshot);
}

static uint64_t hash_number(uint64_t n)
{
	n = (n ^ n >> 31) * 0x9e3779b97f4a7c15u;
	return n ^ n >> 29;
}

static uint64_t hash_path(const char *path)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 0x100000001b3u;
	return hash_number(hash);
}

static int record(void *opaque, const struct walk_entry *entry, struct error *err)
{
	struct snapshot *snapshot = opaque;

	(void)err;
	*ARRAY_ADD(snapshot->records, snapshot->n_records) =
		(struct record){.path = xstrdup(entry->path),
				.ino = entry->ino,
				.change = entry->stat.st_ctim,
				.birth = entry->birth};
	return 0;
}

static void insert(uint32_t *table, size_t mask, uint64_t hash, size_t index)
{
	size_t at = hash & mask;

	while (table[at])
		at = (at + 1) & mask;
	table[at] = (uint32_t)index + 1;
}

static void index_records(struct snapshot *snapshot)
{
	size_t size = 16;

	while (size < snapshot->n_records * 2)
		size *= 2;
	snapshot->mask = size - 1;
	snapshot->by_path = xcalloc(size, sizeof *snapshot->by_path);
	snapshot->by_ino = xcalloc(size, sizeof *snapshot->by_ino);
	for (size_t i = 0; i < snapshot->n_records; i++) {
		const struct record *r = &snapshot->records[i];

		insert(snapshot->by_path, snapshot->mask, hash_path(r->path), i);
		insert(snapshot->by_ino, snapshot->mask, hash_number(r->ino), i);
	}
}

static bool is_overlay(void)
{
	struct statfs st;

	return statfs("/", &st) == 0 && st.f_type == OVERLAYFS_SUPER_MAGIC;
}

struct snapshot *snapshot_take(struct error *err)
{
	CLEANUP(snapshot_free)
	struct snapshot *snapshot = xcalloc(1, sizeof *snapshot);
	/* Clocks of file systems tick; what was written just now must not share a tick with what
	 * the commands write. */
	const struct timespec tick = {.tv_nsec = 20000000};

	snapshot->overlay = is_overlay();
	if (walk(record, snapshot, err) < 0)
		return NULL;
	index_records(snapshot);
	nanosleep(&tick, NULL);
	return steal(snapshot);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_birth(const struct snapshot *snapshot, const struct record *r,
		       const struct walk_entry *entry)
{
	return snapshot->overlay || same_time(&r->birth, &entry->birth);
}

bool snapshot_untouched(const struct snapshot *snapshot, const struct walk_entry *entry)
{
	size_t at = hash_path(entry->path) & snapshot->mask;

	for (; snapshot->by_path[at]; at = (at + 1) & snapshot->mask) {
		const struct record *r = &snapshot->records[snapshot->by_path[at] - 1];

		if (strcmp(r->path, entry->path) == 0)
			return r->ino == entry->ino &&
			       same_time(&r->change, &entry->stat.st_ctim) &&
			       same_birth(snapshot, r, entry);
	}
	return false;
}

const char *snapshot_origin(const struct snapshot *snapshot, const struct walk_entry *entry)
{
	size_t at = hash_number(entry->ino) & snapshot->mask;

	for (; snapshot->by_ino[at]; at = (at + 1) & snapshot->mask) {
		const struct record *r = &snapshot->records[snapshot->by_ino[at] - 1];

		if (r->ino == entry->ino && same_birth(snapshot, r, entry))
			return r->path;
	}
	return "";
}
