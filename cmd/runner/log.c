/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first half of the allowed bytes goes out at once; of what follows, a ring keeps the last half
 * until the end.  Output of any size costs neither disk nor a blocked program. */
#include <errno.h>
#include <string.h>

#include "runner.h"

#define HALF (JOB_LOG_LIMIT / 2)

struct log {
	int fd;
	uint64_t written; /* of the head */
	uint64_t late;	  /* bytes that came after it */
	char *ring;
};

struct log *log_new(int fd)
{
	struct log *log = xcalloc(1, sizeof *log);

	log->fd = fd;
	log->ring = xmalloc(HALF);
	return log;
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

static void ring_add(struct log *log, const char *data, size_t len)
{
	while (len > 0) {
		size_t at = log->late % HALF;
		size_t n = len < HALF - at ? len : HALF - at;

		memcpy(log->ring + at, data, n);
		log->late += n;
		data += n;
		len -= n;
	}
}

void log_bytes(struct log *log, const char *data, size_t len)
{
	size_t room = (size_t)(HALF - log->written);
	size_t n = len < room ? len : room;

	write_all(log->fd, data, n);
	log->written += n;
	ring_add(log, data + n, len - n);
}

void log_finish(struct log *log)
{
	CLEANUP_BUFFER struct buffer gap = {0};
	size_t at = log->late % HALF;

	if (log->late > HALF) {
		buffer_printf(&gap, "\n[%llu bytes of output left out here]\n",
			      (unsigned long long)(log->late - HALF));
		write_all(log->fd, gap.data, gap.len);
		write_all(log->fd, log->ring + at, HALF - at);
	}
	write_all(log->fd, log->ring, at);
	log->late = 0;
}
