/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content digest names what a guest would read from the disk, whatever files that comes from.
 *
 *   leaf(i)  = SHA-256(0x00 || block i), 65536 bytes each, the last one padded with zeros
 *   node     = SHA-256(0x01 || left || right)
 *   root     = the node over 2^k leaves, k the least number, but not below 6, with
 *              2^k * 65536 >= size; leaves after the last block are leaves of zeros
 *   digest   = SHA-256("coldpatch-content-1" || size in bytes as 64 bits, little-endian || root)
 *
 * A subtree of zeros has one digest per level, so zeros cost nothing however many there are, and
 * whether they are stored or not does not show.
 *
 * The calling thread asks what is allocated and reads pieces of 4 MiB; worker threads turn each
 * into the digest of its subtree; the caller folds them, in order, into a stack that holds at most
 * one subtree per level.
 */
#include <endian.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "disk/block_impl.h"
#include "disk/image.h"

enum {
	LEAF_BITS = 16,
	LEAF_SIZE = 1 << LEAF_BITS,
	PIECE_LEVEL = 6, /* 64 leaves */
	MAX_LEVEL = 40,	 /* of a disk of MAX_SIZE */
	MAX_WORKERS = 4,
	N_SLOTS = 2 * MAX_WORKERS,
};
#define MAX_SIZE   (UINT64_C(1) << 56)
#define PIECE_SIZE ((size_t)LEAF_SIZE << PIECE_LEVEL)

static const char content_label[] = "coldpatch-content-1";

/* The digest of a subtree of zeros, by level. */
struct zeros {
	struct digest level[MAX_LEVEL + 1];
};

static void leaf_digest(const uint8_t *data, struct digest *ret)
{
	struct digest_context *ctx = digest_new();

	digest_update(ctx, "\0", 1);
	digest_update(ctx, data, LEAF_SIZE);
	digest_finish(ctx, ret);
}

static void node_digest(const struct digest *left, const struct digest *right, struct digest *ret)
{
	uint8_t bytes[1 + 2 * DIGEST_SIZE] = {1};

	memcpy(bytes + 1, left->bytes, DIGEST_SIZE);
	memcpy(bytes + 1 + DIGEST_SIZE, right->bytes, DIGEST_SIZE);
	digest_of(bytes, sizeof bytes, ret);
}

static void zeros_init(struct zeros *zeros)
{
	CLEANUP_FREE uint8_t *leaf = xcalloc(1, LEAF_SIZE);

	leaf_digest(leaf, &zeros->level[0]);
	for (int i = 0; i < MAX_LEVEL; i++)
		node_digest(&zeros->level[i], &zeros->level[i], &zeros->level[i + 1]);
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static void node_or_zero(const struct zeros *zeros, unsigned level, const struct digest *left,
			 struct digest *right_and_ret)
{
	if (digest_equal(left, &zeros->level[level]) &&
	    digest_equal(right_and_ret, &zeros->level[level]))
		*right_and_ret = zeros->level[level + 1];
	else
		node_digest(left, right_and_ret, right_and_ret);
}

/* The subtree of one piece; a short piece is followed by zeros. */
static void piece_digest(const struct zeros *zeros, const uint8_t *data, struct digest *ret)
{
	struct digest nodes[1 << PIECE_LEVEL];

	for (size_t i = 0; i < 1 << PIECE_LEVEL; i++) {
		const uint8_t *leaf = data + i * LEAF_SIZE;

		if (is_zero(leaf, LEAF_SIZE))
			nodes[i] = zeros->level[0];
		else
			leaf_digest(leaf, &nodes[i]);
	}
	for (unsigned level = 0; level < PIECE_LEVEL; level++)
		for (size_t i = 0; i < (size_t)1 << (PIECE_LEVEL - level - 1); i++) {
			struct digest right = nodes[2 * i + 1];

			node_or_zero(zeros, level, &nodes[2 * i], &right);
			nodes[i] = right;
		}
	*ret = nodes[0];
}

/* Folding: leaves_done is the position in the tree, its bits tell which levels the stack holds. */
struct fold {
	const struct zeros *zeros;
	struct digest stack[MAX_LEVEL + 1]; /* by level */
	uint64_t leaves_done;
};

/* The position must be a multiple of 2^level. */
static void fold_push(struct fold *fold, unsigned level, const struct digest *digest)
{
	struct digest node = *digest;
	uint64_t position = fold->leaves_done >> level;

	fold->leaves_done += UINT64_C(1) << level;
	for (; position & 1; position >>= 1, level++)
		node_or_zero(fold->zeros, level, &fold->stack[level], &node);
	fold->stack[level] = node;
}

static void fold_push_zeros(struct fold *fold, uint64_t n_leaves)
{
	while (n_leaves) {
		unsigned level = 63 - (unsigned)__builtin_clzll(n_leaves);

		if (fold->leaves_done && (unsigned)__builtin_ctzll(fold->leaves_done) < level)
			level = (unsigned)__builtin_ctzll(fold->leaves_done);
		fold_push(fold, level, &fold->zeros->level[level]);
		n_leaves -= UINT64_C(1) << level;
	}
}

/* One item of work, in tree order: a run of zeros, or a piece. */
enum slot_state { SLOT_ZEROS, SLOT_READY, SLOT_TAKEN, SLOT_DONE };
struct slot {
	enum slot_state state;
	uint64_t n_leaves;
	uint8_t *data; /* PIECE_SIZE */
	struct digest digest;
};

struct pool {
	const struct zeros *zeros;
	pthread_mutex_t mutex;
	pthread_cond_t work, done;
	struct slot slots[N_SLOTS]; /* a ring: `head` is the oldest of `n` */
	size_t head, n;
	bool ended;
	pthread_t workers[MAX_WORKERS];
	size_t n_workers;
};

static struct slot *pool_find(struct pool *pool, enum slot_state state)
{
	for (size_t i = 0; i < pool->n; i++) {
		struct slot *slot = &pool->slots[(pool->head + i) % N_SLOTS];

		if (slot->state == state)
			return slot;
	}
	return NULL;
}

static void *worker_run(void *opaque)
{
	struct pool *pool = opaque;

	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		struct slot *slot = pool_find(pool, SLOT_READY);

		if (slot) {
			slot->state = SLOT_TAKEN;
			pthread_mutex_unlock(&pool->mutex);
			piece_digest(pool->zeros, slot->data, &slot->digest);
			pthread_mutex_lock(&pool->mutex);
			slot->state = SLOT_DONE;
			pthread_cond_signal(&pool->done);
		} else if (pool->ended) {
			break;
		} else {
			pthread_cond_wait(&pool->work, &pool->mutex);
		}
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

static int pool_start(struct pool *pool, const struct zeros *zeros, struct error *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t wanted = cpus < 1 ? 1 : cpus > MAX_WORKERS ? MAX_WORKERS : (size_t)cpus;

	pool->zeros = zeros;
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->done, NULL);
	while (pool->n_workers < wanted) {
		int os_errno =
			pthread_create(&pool->workers[pool->n_workers], NULL, worker_run, pool);

		if (os_errno && pool->n_workers == 0)
			return error_os(err, ERROR_BUSY, os_errno, "starting a thread");
		if (os_errno)
			break;
		pool->n_workers++;
	}
	return 0;
}

static void pool_stop(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->ended = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
	for (size_t i = 0; i < pool->n_workers; i++)
		pthread_join(pool->workers[i], NULL);
	for (size_t i = 0; i < N_SLOTS; i++)
		free(pool->slots[i].data);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->done);
	pthread_mutex_destroy(&pool->mutex);
}

/* Takes the oldest item out, waiting for its worker. */
static void pool_fold_one(struct pool *pool, struct fold *fold)
{
	struct slot *slot = &pool->slots[pool->head];

	pthread_mutex_lock(&pool->mutex);
	while (slot->state == SLOT_READY || slot->state == SLOT_TAKEN)
		pthread_cond_wait(&pool->done, &pool->mutex);
	pool->head = (pool->head + 1) % N_SLOTS;
	pool->n--;
	pthread_mutex_unlock(&pool->mutex);
	if (slot->state == SLOT_ZEROS)
		fold_push_zeros(fold, slot->n_leaves);
	else
		fold_push(fold, PIECE_LEVEL, &slot->digest);
}

/* The slot after the newest; the caller fills it before pool_submit.  Only the caller's thread adds
 * and takes out. */
static struct slot *pool_next(struct pool *pool, struct fold *fold)
{
	if (pool->n == N_SLOTS)
		pool_fold_one(pool, fold);
	return &pool->slots[(pool->head + pool->n) % N_SLOTS];
}

static void pool_submit(struct pool *pool, struct slot *slot, enum slot_state state)
{
	pthread_mutex_lock(&pool->mutex);
	slot->state = state;
	pool->n++;
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->mutex);
}

/* Bytes from `offset` on that are known to be zero. */
static int zero_run(struct block *block, uint64_t offset, uint64_t *ret, struct error *err)
{
	uint64_t at = offset;

	while (at < block->size) {
		struct block_extent extent;

		if (block_extent(block, at, block->size - at, &extent, err) < 0)
			return -1;
		if (!extent.zero)
			break;
		at += extent.len;
	}
	*ret = at - offset;
	return 0;
}

static int piece_read(struct block *block, uint64_t offset, uint8_t *data, struct error *err)
{
	uint64_t left = block->size - offset;
	size_t len = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;

	memset(data + len, 0, PIECE_SIZE - len);
	for (size_t at = 0; at < len;) {
		struct block_extent extent;

		if (block_extent(block, offset + at, len - at, &extent, err) < 0)
			return -1;
		if (extent.zero)
			memset(data + at, 0, extent.len);
		else if (block_read(block, data + at, extent.len, offset + at, err) < 0)
			return -1;
		at += extent.len;
	}
	return 0;
}

/* Adds what is at `offset`, a multiple of PIECE_SIZE, to the work; gives how far it reaches. */
static int add_work(struct block *block, uint64_t offset, struct slot *slot, uint64_t *ret_len,
		    enum slot_state *ret_state, struct error *err)
{
	uint64_t zero;

	if (zero_run(block, offset, &zero, err) < 0)
		return -1;
	if (offset + zero == block->size)
		zero = (zero + PIECE_SIZE - 1) / PIECE_SIZE * PIECE_SIZE;
	zero -= zero % PIECE_SIZE;
	*ret_state = zero ? SLOT_ZEROS : SLOT_READY;
	*ret_len = zero ? zero : PIECE_SIZE;
	slot->n_leaves = zero / LEAF_SIZE;
	if (zero)
		return 0;
	if (!slot->data)
		slot->data = xmalloc(PIECE_SIZE);
	return piece_read(block, offset, slot->data, err);
}

static int fold_block(struct block *block, const struct monitor *monitor, struct pool *pool,
		      struct fold *fold, struct error *err)
{
	for (uint64_t offset = 0, len; offset < block->size; offset += len) {
		struct slot *slot = pool_next(pool, fold);
		enum slot_state state;

		if (monitor_check(monitor, err) < 0 ||
		    add_work(block, offset, slot, &len, &state, err) < 0)
			return -1;
		pool_submit(pool, slot, state);
		monitor_progress(monitor, "digest", NULL, offset, block->size);
	}
	while (pool->n)
		pool_fold_one(pool, fold);
	return 0;
}

static unsigned root_level(uint64_t size)
{
	unsigned level = PIECE_LEVEL;

	while (level < MAX_LEVEL && (UINT64_C(1) << (level + LEAF_BITS)) < size)
		level++;
	return level;
}

static void content_finish(uint64_t size, const struct digest *root, struct digest *ret)
{
	struct digest_context *ctx = digest_new();
	uint64_t little = htole64(size);

	digest_update(ctx, content_label, sizeof content_label - 1);
	digest_update(ctx, &little, sizeof little);
	digest_update(ctx, root->bytes, sizeof root->bytes);
	digest_finish(ctx, ret);
}

int image_content_digest(struct block *block, const struct monitor *monitor, struct digest *ret,
			 struct error *err)
{
	unsigned level = root_level(block->size);
	struct pool pool = {0};
	struct zeros zeros;
	struct fold fold = {.zeros = &zeros};
	int outcome;

	if (block->size > MAX_SIZE)
		return error_set(err, ERROR_IMAGE, "a disk of %llu bytes is not supported",
				 (unsigned long long)block->size);
	zeros_init(&zeros);
	outcome = pool_start(&pool, &zeros, err);
	if (outcome == 0)
		outcome = fold_block(block, monitor, &pool, &fold, err);
	pool_stop(&pool);
	if (outcome < 0)
		return -1;
	fold_push_zeros(&fold, (UINT64_C(1) << level) - fold.leaves_done);
	content_finish(block->size, &fold.stack[level], ret);
	return 0;
}
