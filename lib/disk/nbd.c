/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads are synchronous.  Writes are copied and queued, up to QUEUE_DEPTH of them; what one of them
 * reports is kept and returned by the next call.  NBD gives no order among requests in flight, so a
 * request that overlaps a queued write waits for it first.  Durability: the server runs without
 * host flushes (a fresh overlay that is not finished is thrown away), an NBD flush makes it write
 * its qcow2 tables to the file, and then the file is fsynced here, once.  The host begins to write
 * back long before, so that little is left to wait for.
 */
#include "disk/nbd.h"

#include <errno.h>
#include <fcntl.h>
#include <libnbd.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "disk/block_impl.h"

enum { QUEUE_DEPTH = 16, STOP_GRACE_MS = 3000, ENDING_MS = 1000 };
#define MAX_REQUEST ((size_t)32 << 20)
#define MAX_WRITE   ((size_t)1 << 20)
#define MAX_STATUS  ((uint64_t)1 << 30)
#define WRITE_BACK  ((uint64_t)32 << 20)

struct nbd_write {
	struct nbd_block *owner;
	void *buf;  /* stays with the slot; MAX_WRITE */
	size_t len; /* 0: the slot is free */
	uint64_t offset;
};

struct nbd_block {
	struct block block;
	struct nbd_handle *nbd;
	pid_t pid;
	char *name; /* of the image, for messages */
	int sync_fd;
	struct nbd_write queue[QUEUE_DEPTH];
	uint64_t n_written; /* since the host was told to write back */
	int failed;	    /* errno of the first queued write that failed */
};

static struct nbd_block *nbd_of(struct block *block)
{
	return (struct nbd_block *)block;
}

/* The connection may end a moment before the process has. */
static int server_signal(const struct nbd_block *self)
{
	siginfo_t info = {0};

	for (int i = 0; i < ENDING_MS / 10 && !info.si_pid && self->pid > 0; i++) {
		if (waitid(P_PID, (id_t)self->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
			return 0;
		if (!info.si_pid)
			usleep(10 * 1000);
	}
	return info.si_pid && info.si_code != CLD_EXITED ? info.si_status : 0;
}

static int server_ended(const struct nbd_block *self, struct error *err)
{
	int number = server_signal(self);

	if (!number)
		return error_set(err, ERROR_IO,
				 "qemu-nbd, which serves %s, ended before it was done", self->name);
	return error_set(err, number == SIGKILL ? ERROR_BUSY : ERROR_IO,
			 "qemu-nbd, which serves %s, was killed by signal %d (%s) before it was "
			 "done; try again",
			 self->name, number, strsignal(number));
}

static int nbd_failed(const struct nbd_block *self, struct error *err, const char *what)
{
	int os_errno = nbd_get_errno();

	if (os_errno == ENOSPC || os_errno == EDQUOT || os_errno == EFBIG)
		return error_os(err, ERROR_SPACE, os_errno, "%s %s", what, self->name);
	if (self->nbd && (nbd_aio_is_dead(self->nbd) || nbd_aio_is_closed(self->nbd)))
		return server_ended(self, err);
	return error_set(err, ERROR_IO, "%s %s: %s", what, self->name, nbd_get_error());
}

static int nbd_report(const struct nbd_block *self, struct error *err)
{
	if (!self->failed)
		return 0;
	return error_os(err, ERROR_IO, self->failed, "writing the image");
}

static int write_done(void *opaque, int *error)
{
	struct nbd_write *write = opaque;

	if (*error && !write->owner->failed)
		write->owner->failed = *error;
	write->len = 0;
	return 1;
}

static int nbd_wait(struct nbd_block *self, struct error *err)
{
	if (nbd_poll(self->nbd, -1) < 0)
		return nbd_failed(self, err, "waiting for");
	return 0;
}

static int wait_slot(struct nbd_block *self, const struct nbd_write *slot, struct error *err)
{
	while (slot->len)
		if (nbd_wait(self, err) < 0)
			return -1;
	return 0;
}

static int wait_overlapping(struct nbd_block *self, size_t len, uint64_t offset, struct error *err)
{
	for (size_t i = 0; i < QUEUE_DEPTH; i++) {
		const struct nbd_write *slot = &self->queue[i];

		if (slot->len && offset < slot->offset + slot->len && slot->offset < offset + len &&
		    wait_slot(self, slot, err) < 0)
			return -1;
	}
	return nbd_report(self, err);
}

static struct nbd_write *free_slot(struct nbd_block *self, struct error *err)
{
	for (;;) {
		for (size_t i = 0; i < QUEUE_DEPTH; i++)
			if (!self->queue[i].len)
				return &self->queue[i];
		if (nbd_wait(self, err) < 0)
			return NULL;
	}
}

static int nbd_block_read(struct block *block, void *buf, size_t len, uint64_t offset,
			  struct error *err)
{
	struct nbd_block *self = nbd_of(block);
	char *to = buf;

	if (wait_overlapping(self, len, offset, err) < 0)
		return -1;
	while (len) {
		size_t n = len < MAX_REQUEST ? len : MAX_REQUEST;

		if (nbd_pread(self->nbd, to, n, offset, 0) < 0)
			return nbd_failed(self, err, "reading");
		to += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int queue_write(struct nbd_block *self, const void *buf, size_t len, uint64_t offset,
		       struct error *err)
{
	struct nbd_write *slot = free_slot(self, err);
	nbd_completion_callback done = {.callback = write_done, .user_data = slot};

	if (!slot)
		return -1;
	if (!slot->buf)
		slot->buf = xmalloc(MAX_WRITE);
	memcpy(slot->buf, buf, len);
	slot->owner = self;
	slot->len = len;
	slot->offset = offset;
	if (nbd_aio_pwrite(self->nbd, slot->buf, len, offset, done, 0) >= 0)
		return 0;
	nbd_failed(self, err, "writing");
	slot->len = 0;
	return -1;
}

/* What the host writes back by now need not be waited for at the end. */
static void write_back(struct nbd_block *self, size_t len)
{
	self->n_written += len;
	if (self->n_written < WRITE_BACK)
		return;
	self->n_written = 0;
	sync_file_range(self->sync_fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int nbd_block_write(struct block *block, const void *buf, size_t len, uint64_t offset,
			   struct error *err)
{
	struct nbd_block *self = nbd_of(block);
	const char *from = buf;

	if (wait_overlapping(self, len, offset, err) < 0)
		return -1;
	while (len) {
		size_t n = len < MAX_WRITE ? len : MAX_WRITE;

		if (queue_write(self, from, n, offset, err) < 0)
			return -1;
		write_back(self, n);
		from += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int nbd_block_flush(struct block *block, struct error *err)
{
	struct nbd_block *self = nbd_of(block);

	for (size_t i = 0; i < QUEUE_DEPTH; i++)
		if (wait_slot(self, &self->queue[i], err) < 0)
			return -1;
	if (nbd_report(self, err) < 0)
		return -1;
	if (nbd_flush(self->nbd, 0) < 0)
		return nbd_failed(self, err, "flushing");
	if (fsync(self->sync_fd) < 0)
		return error_os(err, ERROR_IO, errno, "flushing the image");
	return 0;
}

struct first_extent {
	struct block_extent *ret;
	bool seen;
};

/* Entries are pairs of length and flags; equal neighbours are joined. */
static int take_extents(void *opaque, const char *context, uint64_t offset, uint32_t *entries,
			size_t n_entries, int *error)
{
	struct first_extent *first = opaque;

	(void)offset;
	(void)error;
	if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0)
		return 0;
	for (size_t i = 0; i + 1 < n_entries; i += 2) {
		bool zero = entries[i + 1] & LIBNBD_STATE_ZERO;

		if (first->seen && zero != first->ret->zero)
			break;
		first->ret->zero = zero;
		first->ret->len += entries[i];
		first->seen = true;
	}
	return 0;
}

static int nbd_block_extent(struct block *block, uint64_t offset, uint64_t len,
			    struct block_extent *ret, struct error *err)
{
	struct nbd_block *self = nbd_of(block);
	struct block_extent extent = {0};
	struct first_extent first = {.ret = &extent};
	nbd_extent_callback callback = {.callback = take_extents, .user_data = &first};
	uint64_t n = len < MAX_STATUS ? len : MAX_STATUS;

	if (wait_overlapping(self, n, offset, err) < 0)
		return -1;
	if (nbd_block_status(self->nbd, n, offset, callback, LIBNBD_CMD_FLAG_REQ_ONE) < 0)
		return nbd_failed(self, err, "asking for the allocation of");
	if (extent.len == 0)
		extent = (struct block_extent){.len = n};
	if (extent.len > len)
		extent.len = len;
	*ret = extent;
	return 0;
}

static void nbd_block_free(struct block *block)
{
	struct nbd_block *self = nbd_of(block);

	if (self->nbd && nbd_aio_is_ready(self->nbd))
		nbd_shutdown(self->nbd, 0);
	nbd_close(self->nbd);
	process_stop(self->pid, STOP_GRACE_MS);
	for (size_t i = 0; i < QUEUE_DEPTH; i++)
		free(self->queue[i].buf);
	if (self->sync_fd >= 0)
		close(self->sync_fd);
	free(self->name);
	free(self);
}

static const struct block_ops nbd_reader_ops = {
	.read = nbd_block_read, .extent = nbd_block_extent, .free = nbd_block_free};
static const struct block_ops nbd_writer_ops = {.read = nbd_block_read,
						.write = nbd_block_write,
						.flush = nbd_block_flush,
						.extent = nbd_block_extent,
						.free = nbd_block_free};

static int nbd_handshake(struct nbd_block *self, int socket, unsigned deadline_ms,
			 struct error *err)
{
	int64_t end = clock_ms() + deadline_ms, left;

	if (nbd_add_meta_context(self->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) < 0 ||
	    nbd_set_pread_initialize(self->nbd, false) < 0 ||
	    nbd_aio_connect_socket(self->nbd, socket) < 0)
		return nbd_failed(self, err, "connecting to");
	while (nbd_aio_is_connecting(self->nbd) || nbd_aio_is_negotiating(self->nbd)) {
		left = end - clock_ms();
		if (left <= 0)
			return error_set(err, ERROR_BUSY, "qemu-nbd: not ready after %u s",
					 deadline_ms / 1000);
		if (nbd_poll(self->nbd, (int)left) < 0)
			return nbd_failed(self, err, "connecting to");
	}
	return nbd_aio_is_ready(self->nbd) ? 0 : nbd_failed(self, err, "connecting to");
}

struct block *nbd_open(const struct nbd_server *server, unsigned deadline_ms, struct error *err)
{
	struct nbd_block *self = xcalloc(1, sizeof *self);
	int64_t size;

	self->block.ops = server->sync_fd >= 0 ? &nbd_writer_ops : &nbd_reader_ops;
	self->pid = server->pid;
	self->name = xstrdup(server->name);
	self->sync_fd = server->sync_fd;
	self->nbd = nbd_create();
	if (!self->nbd) {
		close(server->socket);
		nbd_failed(self, err, "opening");
		goto failed;
	}
	if (nbd_handshake(self, server->socket, deadline_ms, err) < 0)
		goto failed;
	size = nbd_get_size(self->nbd);
	if (size < 0) {
		nbd_failed(self, err, "sizing");
		goto failed;
	}
	self->block.size = (uint64_t)size;
	return &self->block;
failed:
	nbd_block_free(&self->block);
	return NULL;
}
