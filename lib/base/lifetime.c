/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/lifetime.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static struct {
	pthread_once_t once;
	char boot[160];
	uint64_t started;
} self = {.once = PTHREAD_ONCE_INIT};

static ssize_t read_start(const char *path, char *text, size_t size)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';
	return n;
}

/* State and start time out of /proc/PID/stat; its second field can hold any byte. */
static bool read_process(uint64_t pid, char *ret_state, uint64_t *ret_started)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%llu/stat", (unsigned long long)pid);
	unsigned long long started;
	char text[1024];
	const char *at;

	if (read_start(path, text, sizeof text) <= 0)
		return false;
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			  "%*d %llu",
			  ret_state, &started) != 2)
		return false;
	*ret_started = started;
	return true;
}

static void read_self(void)
{
	char boot[64], pids[64] = "", state;

	read_start("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
	if (readlink("/proc/self/ns/pid", pids, sizeof pids - 1) < 0)
		pids[0] = '\0';
	snprintf(self.boot, sizeof self.boot, "%.*s/%s", (int)strcspn(boot, "\n"), boot, pids);
	read_process((uint64_t)getpid(), &state, &self.started);
}

void lifetime_prepare(void)
{
	pthread_once(&self.once, read_self);
}

const char *lifetime_boot(void)
{
	lifetime_prepare();
	return self.boot;
}

uint64_t lifetime_started(void)
{
	lifetime_prepare();
	return self.started;
}

/* Where /proc hides the processes of others, only kill(2) knows. */
bool lifetime_is_over(uint64_t pid, uint64_t started)
{
	uint64_t found;
	char state;

	if (pid == 0 || pid > INT32_MAX)
		return true;
	if (!read_process(pid, &state, &found))
		return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
	return found != started || state == 'Z' || state == 'X';
}
