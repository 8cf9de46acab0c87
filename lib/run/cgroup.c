/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the group is made.  Version 2: beside our own group, that is below the nearest group above
 * us that hands memory and pids on to its children; limits above stay in force, and our own group's
 * is taken over.  Version 1: below the root, and only while we are there ourselves, since a group
 * that somebody put us in is counted and removed by them.
 */
#include "run/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

#define TOP    "/sys/fs/cgroup"
#define PREFIX "coldpatch-"
/* Of memory for guest code; the host keeps at least an eighth. */
#define MEMORY_MAX (UINT64_C(8) << 30)
#define PIDS_MAX   "4096"

enum { SMALL_FILE = 1 << 16, REMOVE_ATTEMPTS = 100, REMOVE_PAUSE_NS = 10000000 };

static bool file_text(const char *directory, const char *name, struct buffer *ret)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	struct error ignored;

	buffer_clear(ret);
	if (file_read(path, SMALL_FILE, ret, &ignored) < 0)
		return false;
	buffer_putc(ret, '\0');
	return true;
}

static bool put_text(const char *directory, const char *name, const char *text)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static bool put_number(const char *directory, const char *name, uint64_t number)
{
	CLEANUP_FREE char *text = xasprintf("%llu", (unsigned long long)number);

	return put_text(directory, name, text);
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += len)
		if ((at == text || strchr(" ,", at[-1])) && strchr(" ,\n", at[len]))
			return true;
	return false;
}

/* Our group in the hierarchy of `controller` ("" for version 2), "/..."; NULL when there is none.
 */
static char *own_group(const char *controller)
{
	CLEANUP_BUFFER struct buffer text = {0};
	char *state = NULL;

	if (!file_text("/proc/self", "cgroup", &text))
		return NULL;
	for (char *line = strtok_r(text.data, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		char *names = strchr(line, ':'), *path = names ? strchr(++names, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		if (*controller ? has_word(names, controller) : !*names)
			return xstrdup(path);
	}
	return NULL;
}

static bool hands_on(const char *directory)
{
	CLEANUP_BUFFER struct buffer text = {0};

	return file_text(directory, "cgroup.subtree_control", &text) &&
	       has_word(text.data, "memory") && has_word(text.data, "pids");
}

/* The directory to make a group of version 2 in; NULL: none. */
static char *parent_unified(void)
{
	CLEANUP_FREE char *own = own_group("");
	CLEANUP_FREE char *at = own ? xasprintf(TOP "%s", own) : NULL;
	char *slash;

	while (at && strlen(at) >= strlen(TOP)) {
		if (hands_on(at))
			return steal(at);
		slash = strrchr(at, '/');
		*slash = '\0';
	}
	return NULL;
}

static char *parent_legacy(const char *controller)
{
	CLEANUP_FREE char *own = own_group(controller);

	return own && !strcmp(own, "/") ? xasprintf(TOP "/%s", controller) : NULL;
}

/* Groups whose owner is gone: whoever gets the lock may remove it. */
static void sweep(const char *parent)
{
	DIR *dir = opendir(parent);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_CLOSE int fd = -1;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			continue;
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

/* Takes `parent` over, which may be NULL; the index of the new directory, or -1. */
static int make_below(struct cgroup *cgroup, char *parent)
{
	CLEANUP_FREE char *below = parent;
	CLEANUP_FREE char *path =
		parent ? xasprintf("%s/" PREFIX "%d", parent, (int)getpid()) : NULL;
	CLEANUP_CLOSE int lock = -1;
	int i = cgroup->directories[0].path ? 1 : 0;

	if (!path)
		return -1;
	sweep(below);
	if (mkdir(path, 0755) < 0)
		return -1;
	lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0) {
		rmdir(path);
		return -1;
	}
	cgroup->directories[i].path = steal(path);
	cgroup->directories[i].lock = steal_fd(&lock);
	return i;
}

static uint64_t memory_of_host(void)
{
	struct sysinfo info;
	uint64_t total = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : MEMORY_MAX;

	total -= total / 8;
	return total < MEMORY_MAX ? total : MEMORY_MAX;
}

/* What our own group may have, which we leave. */
static uint64_t memory_of_group(uint64_t most)
{
	CLEANUP_FREE char *own = own_group("");
	CLEANUP_FREE char *directory = own ? xasprintf(TOP "%s", own) : NULL;
	CLEANUP_BUFFER struct buffer text = {0};
	uint64_t number;

	if (!directory || !file_text(directory, "memory.max", &text))
		return most;
	number = strtoull(text.data, NULL, 10);
	return number && number < most ? number : most;
}

static bool make_unified(struct cgroup *cgroup)
{
	uint64_t memory = memory_of_group(memory_of_host());
	int i = make_below(cgroup, parent_unified());
	const char *path = i < 0 ? NULL : cgroup->directories[i].path;

	if (!path)
		return false;
	put_text(path, "pids.max", PIDS_MAX);
	put_text(path, "memory.swap.max", "0");
	if (put_number(path, "memory.max", memory))
		cgroup->memory = memory;
	return true;
}

static void make_legacy(struct cgroup *cgroup)
{
	uint64_t memory = memory_of_host();
	int i = make_below(cgroup, parent_legacy("memory"));

	if (i >= 0 && put_number(cgroup->directories[i].path, "memory.limit_in_bytes", memory)) {
		put_number(cgroup->directories[i].path, "memory.memsw.limit_in_bytes", memory);
		cgroup->memory = memory;
	}
	i = make_below(cgroup, parent_legacy("pids"));
	if (i >= 0)
		put_text(cgroup->directories[i].path, "pids.max", PIDS_MAX);
}

void cgroup_make(struct cgroup *ret)
{
	*ret = (struct cgroup){.directories = {{.lock = -1}, {.lock = -1}}};
	if (!make_unified(ret))
		make_legacy(ret);
}

void cgroup_enter(const struct cgroup *cgroup, pid_t pid)
{
	for (size_t i = 0; i < CGROUP_HIERARCHIES && cgroup->directories[i].path; i++)
		put_number(cgroup->directories[i].path, "cgroup.procs", (uint64_t)pid);
}

bool cgroup_ran_out(const struct cgroup *cgroup)
{
	static const char *const files[] = {"memory.events", "memory.oom_control"};
	CLEANUP_BUFFER struct buffer text = {0};

	for (size_t i = 0; cgroup->memory && i < sizeof files / sizeof *files; i++) {
		const char *kills = file_text(cgroup->directories[0].path, files[i], &text)
					    ? strstr(text.data, "oom_kill ")
					    : NULL;

		if (kills && strtoull(kills + strlen("oom_kill "), NULL, 10) > 0)
			return true;
	}
	return false;
}

/* The last process may be dead and still be counted for a moment. */
static void remove_directory(const char *path)
{
	for (int i = 0; i < REMOVE_ATTEMPTS && rmdir(path) < 0 && errno == EBUSY; i++)
		nanosleep(&(struct timespec){.tv_nsec = REMOVE_PAUSE_NS}, NULL);
}

void cgroup_remove(struct cgroup *cgroup)
{
	for (size_t i = 0; i < CGROUP_HIERARCHIES; i++) {
		if (cgroup->directories[i].path)
			remove_directory(cgroup->directories[i].path);
		free(cgroup->directories[i].path);
		close_p(&cgroup->directories[i].lock);
		cgroup->directories[i].path = NULL;
		cgroup->directories[i].lock = -1;
	}
}

char *cgroup_limits(bool *ret_memory, bool *ret_pids)
{
	CLEANUP_CGROUP struct cgroup cgroup;
	CLEANUP_BUFFER struct buffer text = {0};

	cgroup_make(&cgroup);
	*ret_memory = cgroup.memory != 0;
	*ret_pids = false;
	for (size_t i = 0; i < CGROUP_HIERARCHIES && cgroup.directories[i].path; i++)
		*ret_pids |= file_text(cgroup.directories[i].path, "pids.max", &text) &&
			     atoi(text.data) == atoi(PIDS_MAX);
	return xasprintf("memory %s, processes %s", *ret_memory ? "limited" : "not limited",
			 *ret_pids ? "limited" : "not limited");
}
