/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fetch/acquire.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fetch/place.h"
#include "package/deb/apt_acquire.h"

struct acquire {
	const char *directory;
	struct acquire_file *files;
	const struct monitor *monitor;
	const char *partial; /* directory */
	/* one per transfer, in its order */
	struct item {
		struct acquire_file *file;
		char *uri, *partial;
		bool resumed;
	} * items;
	struct apt_transfer *transfers;
	size_t n_items, n_transfers;
};

static void acquire_free(struct acquire *acquire)
{
	for (size_t i = 0; i < acquire->n_items; i++) {
		free(acquire->items[i].uri);
		free(acquire->items[i].partial);
	}
	free(acquire->items);
	free(acquire->transfers);
}

/* RFC 3986: whatever may mean something is escaped. */
static void put_escaped(struct buffer *uri, const char *path)
{
	for (; *path; path++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/",
			   *path))
			buffer_putc(uri, *path);
		else
			buffer_printf(uri, "%%%02x", (unsigned char)*path);
}

static bool is_local(const struct acquire_file *file)
{
	return *file->source == '/';
}

/* "http://host/a/b" is "http://host/a" then; above "http://host" there is nothing. */
static void go_up(char *url)
{
	const char *host = strstr(url, "://");
	char *slash;

	while ((slash = strrchr(url, '/')) && slash[1] == '\0' && slash > host + 2)
		*slash = '\0';
	slash = strrchr(url, '/');
	if (slash > host + 2)
		*slash = '\0';
}

static char *uri_of(const struct acquire_file *file)
{
	CLEANUP_FREE char *base = xstrdup(file->source);
	const char *remote = file->remote;
	struct buffer uri = {0};

	for (; !is_local(file) && strncmp(remote, "../", 3) == 0; remote += 3)
		go_up(base);
	if (is_local(file)) {
		buffer_puts(&uri, "copy:");
		put_escaped(&uri, base);
	} else {
		buffer_puts(&uri, base);
	}
	if (*remote && uri.data[uri.len - 1] != '/')
		buffer_putc(&uri, '/');
	put_escaped(&uri, remote);
	return buffer_steal(&uri);
}

/* ---- what is here already ---- */

/* 1, 0, -1. */
static int has_checksum(const struct acquire *acquire, const char *path,
			const struct acquire_file *file, struct error *err)
{
	CLEANUP_CLOSE int fd = file_open(path, "a file", ERROR_IO, err);
	struct checksum got;

	if (fd < 0)
		return -1;
	if (checksum_of_fd(fd, file->checksum.type, acquire->monitor, &got, err) < 0)
		return error_prefix(err, "%s", path);
	return checksum_equal(&got, &file->checksum);
}

/* 1, 0 when it is not there or is another file, -1. */
static int is_here(const struct acquire *acquire, const struct acquire_file *file,
		   struct error *err)
{
	CLEANUP_FREE char *path = path_join(acquire->directory, file->path);
	struct stat st;

	if (!file->known || lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size != file->size)
		return 0;
	return has_checksum(acquire, path, file, err);
}

static bool is_absent_there(const struct acquire_file *file)
{
	CLEANUP_FREE char *path = path_join(file->source, file->remote);

	return is_local(file) && access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* ---- partial files ---- */

/* The date goes with the partial file as the server gave it (apt_acquire.cc). */
static void note_since(void *opaque, size_t number, int64_t modified)
{
	const struct acquire *acquire = opaque;
	CLEANUP_FREE char *path = xasprintf("%s.since", acquire->items[number].partial);
	CLEANUP_FCLOSE FILE *file = modified ? fopen(path, "we") : NULL;

	if (file)
		fprintf(file, "%lld\n", (long long)modified);
}

static void take_since(const char *partial)
{
	CLEANUP_FREE char *path = xasprintf("%s.since", partial);
	CLEANUP_BUFFER struct buffer text = {0};
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	struct error ignored;

	if (file_read(path, 64, &text, &ignored) < 0 || !text.len)
		return;
	times[1].tv_sec = strtoll(text.data, NULL, 10);
	utimensat(AT_FDCWD, partial, times, AT_SYMLINK_NOFOLLOW);
}

static void drop_partial(const struct item *item)
{
	CLEANUP_FREE char *since = xasprintf("%s.since", item->partial);
	CLEANUP_FREE char *failed = xasprintf("%s.FAILED", item->partial); /* apt's */

	unlink(item->partial);
	unlink(since);
	unlink(failed);
}

/* What of a file is there from the last time.  Of one without a digest nobody knows what it is. */
static bool prepare_partial(const struct item *item)
{
	struct stat st;

	if (!item->file->known || lstat(item->partial, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size == 0 || (uint64_t)st.st_size > item->file->size) {
		drop_partial(item);
		return false;
	}
	take_since(item->partial);
	return true;
}

/* ---- transfers ---- */

/* Not every method looks at it: that for local files does not. */
static int check_unknown(const struct item *item, struct error *err)
{
	struct stat st;

	if (lstat(item->partial, &st) < 0 || st.st_size <= ACQUIRE_MAX_UNKNOWN)
		return 0;
	drop_partial(item);
	return error_set(err, ERROR_TRUST, "%s: longer than %d bytes", item->uri,
			 ACQUIRE_MAX_UNKNOWN);
}

static int check(const struct acquire *acquire, const struct item *item, struct error *err)
{
	int right;

	if (!item->file->known)
		return check_unknown(item, err);
	right = has_checksum(acquire, item->partial, item->file, err);
	if (right)
		return right < 0 ? -1 : 0;
	drop_partial(item);
	return error_set(err, ERROR_TRUST,
			 "%s: it is not the file that the signed index names: damaged, tampered "
			 "with, or caught in the middle of an update",
			 item->uri);
}

/* The method program's word is not enough: it spoke with a stranger. */
static int take_arrived(void *opaque, size_t number, struct error *err)
{
	const struct acquire *acquire = opaque;
	const struct item *item = &acquire->items[number];

	if (check(acquire, item, err) < 0 ||
	    place_move(acquire->directory, item->partial, item->file->path, err) < 0)
		return -1;
	drop_partial(item);
	item->file->found = item->file->fetched = true;
	return 0;
}

/* The file with the same bytes that is asked for already: empty indexes, for one, are all the same.
 */
static const struct acquire_file *twin_of(const struct acquire *acquire,
					  const struct acquire_file *file)
{
	for (size_t i = 0; file->known && i < acquire->n_items; i++) {
		const struct acquire_file *other = acquire->items[i].file;

		if (other != file && other->known &&
		    checksum_equal(&other->checksum, &file->checksum))
			return other;
	}
	return NULL;
}

static int copy_twins(const struct acquire *acquire, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		struct acquire_file *file = &acquire->files[i];
		const struct acquire_file *twin = file->found ? NULL : twin_of(acquire, file);

		if (!twin || !twin->found)
			continue;
		if (place_copy(acquire->directory, twin->path, file->path, err) < 0)
			return -1;
		file->found = file->fetched = true;
	}
	return 0;
}

static void add_item(struct acquire *acquire, struct acquire_file *file)
{
	struct item *item = ARRAY_ADD(acquire->items, acquire->n_items);

	item->file = file;
	item->uri = uri_of(file);
	item->partial = file->known
				? path_join(acquire->partial, file->checksum.hex)
				: xasprintf("%s/unknown-%zu", acquire->partial, acquire->n_items);
}

/* What apt can tell a file by. */
static const char *sha256_of(const struct acquire_file *file)
{
	return file->known && file->checksum.type == CHECKSUM_SHA256 ? file->checksum.hex : NULL;
}

/* Fills the transfers of all items; only now do the items stay where they are. */
static void make_transfers(struct acquire *acquire)
{
	acquire->transfers = xcalloc(acquire->n_items, sizeof *acquire->transfers);
	acquire->n_transfers = acquire->n_items;
	for (size_t i = 0; i < acquire->n_items; i++) {
		struct item *item = &acquire->items[i];

		item->resumed = prepare_partial(item);
		acquire->transfers[i] = (struct apt_transfer){
			.uri = item->uri,
			.path = item->partial,
			.sha256 = sha256_of(item->file),
			.size = item->file->known ? item->file->size : 0,
			.limit = ACQUIRE_MAX_UNKNOWN,
		};
	}
}

static int run(struct acquire *acquire, const char *root, const char *proxy, struct error *err)
{
	const struct apt_acquire_job job = {
		.root = root,
		.proxy = proxy,
		.transfers = acquire->transfers,
		.n_transfers = acquire->n_transfers,
		.monitor = acquire->monitor,
		.opaque = acquire,
		.started = note_since,
		.arrived = take_arrived,
	};

	return acquire->n_transfers ? apt_acquire(&job, err) : 0;
}

/* What was continued and came out wrong may have begun wrong.  How many of them there are; they are
 * begun anew the next time. */
static size_t drop_spoilt(const struct acquire *acquire)
{
	size_t n = 0;

	for (size_t i = 0; i < acquire->n_transfers; i++) {
		const struct apt_transfer *transfer = &acquire->transfers[i];

		if (transfer->state != APT_TRANSFER_FAILED || transfer->error.kind != ERROR_TRUST)
			continue;
		drop_partial(&acquire->items[i]);
		n += acquire->items[i].resumed;
	}
	return n;
}

static bool is_failure(const struct apt_transfer *transfer, const struct acquire_file *file)
{
	if (transfer->state == APT_TRANSFER_ABSENT)
		return !file->optional;
	return transfer->state != APT_TRANSFER_DONE;
}

/* The first failure, with how many there are; one of trust before others. */
static int conclude(const struct acquire *acquire, struct error *err)
{
	const struct apt_transfer *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < acquire->n_transfers; i++) {
		const struct apt_transfer *transfer = &acquire->transfers[i];

		if (!is_failure(transfer, acquire->items[i].file))
			continue;
		n++;
		if (!first ||
		    (transfer->error.kind == ERROR_TRUST && first->error.kind != ERROR_TRUST))
			first = transfer;
	}
	if (!first)
		return 0;
	if (!first->error.kind)
		return error_set(err, ERROR_MIRROR, "%s: was not fetched", first->uri);
	*err = first->error;
	if (n == 1)
		return -1;
	return error_prefix(err, "%zu files could not be fetched, one of them", n);
}

static int fetch(struct acquire *acquire, const char *proxy, size_t *ret_spoilt, struct error *err)
{
	CLEANUP_FREE char *parent = path_join(acquire->directory, FETCH_DIRECTORY);
	CLEANUP_FREE char *root = directory_make_temporary(parent, "apt", err);
	struct error ignored;
	int result;

	if (!root)
		return -1;
	make_transfers(acquire);
	result = run(acquire, root, proxy, err);
	directory_remove(root, &ignored);
	if (result < 0)
		return -1;
	*ret_spoilt = drop_spoilt(acquire);
	return conclude(acquire, err);
}

static int sort_out(struct acquire *acquire, struct acquire_file *file, struct error *err)
{
	int here;

	if (monitor_check(acquire->monitor, err) < 0)
		return -1;
	here = is_here(acquire, file, err);
	if (here < 0)
		return -1;
	file->found = here;
	if (here || (file->optional && is_absent_there(file)) || twin_of(acquire, file))
		return 0;
	add_item(acquire, file);
	return 0;
}

static int work(struct acquire *acquire, size_t n, const char *proxy, size_t *ret_spoilt,
		struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (sort_out(acquire, &acquire->files[i], err) < 0)
			return -1;
	if (directory_make(acquire->partial, 0755, err) < 0)
		return -1;
	if (acquire->n_items && fetch(acquire, proxy, ret_spoilt, err) < 0)
		return -1;
	return copy_twins(acquire, n, err);
}

int acquire_files(const char *directory, const char *proxy, struct acquire_file *files, size_t n,
		  const struct monitor *monitor, struct error *err)
{
	CLEANUP_FREE char *partial = path_join(directory, FETCH_DIRECTORY "/partial");
	size_t spoilt;
	int result;

	for (int attempt = 0; attempt < 2; attempt++) {
		struct acquire acquire = {.directory = directory,
					  .files = files,
					  .monitor = monitor,
					  .partial = partial};

		spoilt = 0;
		result = work(&acquire, n, proxy, &spoilt, err);
		acquire_free(&acquire);
		if (result == 0 || !spoilt)
			break;
	}
	return result;
}
