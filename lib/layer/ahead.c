/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ring of pieces.  The thread fills the piece behind the newest, the reader empties the oldest;
 * the mutex guards the counts only, a piece belongs to one of the two at a time.  What ends the
 * stream, its end or an error, comes after the pieces before it: the reader sees the same bytes
 * and the same error as if it had decompressed by itself.
 */
#include "layer/ahead.h"

#include <pthread.h>
#include <string.h>

#include "base/zstd_stream.h"

enum { N_PIECES = 8, PIECE_SIZE = 512 << 10 };

struct piece {
	char *data; /* PIECE_SIZE */
	size_t len;
};

struct ahead {
	struct zstd_reader *zstd;
	struct digest_context *digest;
	pthread_t thread;
	bool running;
	pthread_mutex_t mutex;
	pthread_cond_t filled, emptied;
	struct piece pieces[N_PIECES];
	size_t oldest, n; /* of the full ones */
	bool ended, stopped;
	bool failed; /* with `error` */
	struct error error;
	size_t at; /* in the oldest */
};

/* As much as there is, up to a full piece. */
static int fill(struct ahead *ahead, struct piece *piece)
{
	piece->len = 0;
	while (piece->len < PIECE_SIZE) {
		ssize_t n = zstd_reader_read(ahead->zstd, piece->data + piece->len,
					     PIECE_SIZE - piece->len, &ahead->error);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		piece->len += (size_t)n;
	}
	digest_update(ahead->digest, piece->data, piece->len);
	return 0;
}

/* The piece behind the newest, when there is room for it; NULL: stop. */
static struct piece *next_empty(struct ahead *ahead)
{
	struct piece *piece = NULL;

	pthread_mutex_lock(&ahead->mutex);
	while (!ahead->stopped && ahead->n == N_PIECES)
		pthread_cond_wait(&ahead->emptied, &ahead->mutex);
	if (!ahead->stopped)
		piece = &ahead->pieces[(ahead->oldest + ahead->n) % N_PIECES];
	pthread_mutex_unlock(&ahead->mutex);
	return piece;
}

static void *run(void *opaque)
{
	struct ahead *ahead = opaque;
	struct piece *piece;
	bool ended = false;

	while (!ended && (piece = next_empty(ahead))) {
		bool failed = fill(ahead, piece) < 0;

		ended = failed || piece->len < PIECE_SIZE;
		pthread_mutex_lock(&ahead->mutex);
		ahead->n += piece->len > 0;
		ahead->ended = ended;
		ahead->failed = failed;
		pthread_cond_signal(&ahead->filled);
		pthread_mutex_unlock(&ahead->mutex);
	}
	return NULL;
}

struct ahead *ahead_start(int fd, struct error *err)
{
	CLEANUP(ahead_free)
	struct ahead *ahead = xcalloc(1, sizeof *ahead);
	int os_errno;

	pthread_mutex_init(&ahead->mutex, NULL);
	pthread_cond_init(&ahead->filled, NULL);
	pthread_cond_init(&ahead->emptied, NULL);
	ahead->digest = digest_new();
	ahead->zstd = zstd_reader_new(fd, err);
	if (!ahead->zstd)
		return NULL;
	for (size_t i = 0; i < N_PIECES; i++)
		ahead->pieces[i].data = xmalloc(PIECE_SIZE);
	os_errno = pthread_create(&ahead->thread, NULL, run, ahead);
	if (os_errno)
		return error_os(err, ERROR_BUSY, os_errno, "starting a thread"), NULL;
	ahead->running = true;
	return steal(ahead);
}

/* 1: the oldest piece has bytes; 0: the stream has ended. */
static int wait_filled(struct ahead *ahead, struct error *err)
{
	int more;

	pthread_mutex_lock(&ahead->mutex);
	while (ahead->n == 0 && !ahead->ended)
		pthread_cond_wait(&ahead->filled, &ahead->mutex);
	more = ahead->n > 0;
	pthread_mutex_unlock(&ahead->mutex);
	if (!more && ahead->failed) {
		*err = ahead->error;
		return -1;
	}
	return more;
}

static void drop_oldest(struct ahead *ahead)
{
	ahead->at = 0;
	pthread_mutex_lock(&ahead->mutex);
	ahead->oldest = (ahead->oldest + 1) % N_PIECES;
	ahead->n--;
	pthread_cond_signal(&ahead->emptied);
	pthread_mutex_unlock(&ahead->mutex);
}

int ahead_read(struct ahead *ahead, void *data, size_t len, struct error *err)
{
	char *to = data;

	while (len) {
		int more = wait_filled(ahead, err);
		const struct piece *piece = &ahead->pieces[ahead->oldest];
		size_t n;

		if (more < 0)
			return -1;
		if (!more)
			return error_set(err, ERROR_TRUST, "the tar is cut short");
		n = len < piece->len - ahead->at ? len : piece->len - ahead->at;
		memcpy(to, piece->data + ahead->at, n);
		to += n;
		len -= n;
		ahead->at += n;
		if (ahead->at == piece->len)
			drop_oldest(ahead);
	}
	return 0;
}

static void join(struct ahead *ahead)
{
	if (ahead->running)
		pthread_join(ahead->thread, NULL);
	ahead->running = false;
}

int ahead_finish(struct ahead *ahead, struct digest *ret, struct error *err)
{
	int more = wait_filled(ahead, err);

	if (more < 0)
		return -1;
	if (more)
		return error_set(err, ERROR_TRUST, "there is more after the tar's end");
	join(ahead);
	digest_finish(steal(ahead->digest), ret);
	return 0;
}

void ahead_free(struct ahead *ahead)
{
	if (!ahead)
		return;
	pthread_mutex_lock(&ahead->mutex);
	ahead->stopped = true;
	pthread_cond_signal(&ahead->emptied);
	pthread_mutex_unlock(&ahead->mutex);
	join(ahead);
	for (size_t i = 0; i < N_PIECES; i++)
		free(ahead->pieces[i].data);
	zstd_reader_free(ahead->zstd);
	digest_free(ahead->digest);
	pthread_cond_destroy(&ahead->emptied);
	pthread_cond_destroy(&ahead->filled);
	pthread_mutex_destroy(&ahead->mutex);
	free(ahead);
}
