/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mirror/highwater.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/json.h"

void highwater_free(struct highwater *highwater)
{
	for (size_t i = 0; i < highwater->n_marks; i++) {
		free(highwater->marks[i].origin);
		free(highwater->marks[i].suite);
		free(highwater->marks[i].signer);
	}
	free(highwater->marks);
	*highwater = (struct highwater){0};
}

static int read_mark(struct json_reader *reader, void *opaque)
{
	struct highwater *highwater = opaque;
	struct highwater_mark *mark = ARRAY_ADD(highwater->marks, highwater->n_marks);
	uint64_t date = 0;

	json_get_bytes(reader, "origin", &mark->origin);
	json_get_bytes(reader, "suite", &mark->suite);
	json_get_string(reader, "signer", &mark->signer);
	json_get_u64(reader, "date", &date);
	json_get_digest(reader, "index", &mark->index);
	mark->date = (int64_t)date;
	return json_reader_result(reader);
}

int highwater_read(const char *path, struct highwater *ret, struct error *err)
{
	CLEANUP_HIGHWATER struct highwater highwater = {0};
	CLEANUP_JSON json_t *json = NULL;
	struct json_reader reader = {.what = path, .kind = ERROR_CONFIG, .err = err};

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		*ret = highwater;
		return 0;
	}
	json = json_read_file(path, ERROR_CONFIG, err);
	if (!json)
		return -1;
	reader.object = json;
	if (json_get_items(&reader, "marks", read_mark, &highwater) < 0)
		return -1;
	*ret = highwater;
	highwater = (struct highwater){0};
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct highwater_mark *x = a, *y = b;
	int order = strcmp(x->origin, y->origin);

	if (!order)
		order = strcmp(x->suite, y->suite);
	return order ? order : strcmp(x->signer, y->signer);
}

const struct highwater_mark *highwater_find(const struct highwater *highwater,
					    const struct highwater_mark *key)
{
	for (size_t i = 0; i < highwater->n_marks; i++)
		if (by_key(&highwater->marks[i], key) == 0)
			return &highwater->marks[i];
	return NULL;
}

void highwater_raise(struct highwater *highwater, const struct highwater_mark *mark)
{
	for (size_t i = 0; i < highwater->n_marks; i++) {
		struct highwater_mark *old = &highwater->marks[i];

		if (by_key(old, mark) != 0)
			continue;
		if (mark->date > old->date) {
			old->date = mark->date;
			old->index = mark->index;
		}
		return;
	}
	*ARRAY_ADD(highwater->marks, highwater->n_marks) =
		(struct highwater_mark){xstrdup(mark->origin), xstrdup(mark->suite),
					xstrdup(mark->signer), mark->date, mark->index};
}

static json_t *to_json(struct highwater *highwater)
{
	json_t *object = json_object(), *marks = json_array();

	if (highwater->n_marks)
		qsort(highwater->marks, highwater->n_marks, sizeof *highwater->marks, by_key);
	for (size_t i = 0; i < highwater->n_marks; i++) {
		const struct highwater_mark *mark = &highwater->marks[i];
		json_t *item = json_object();

		json_put_bytes(item, "origin", mark->origin);
		json_put_bytes(item, "suite", mark->suite);
		json_put_string(item, "signer", mark->signer);
		json_put_u64(item, "date", (uint64_t)mark->date);
		json_put_digest(item, "index", &mark->index);
		json_array_append_new(marks, item);
	}
	json_put_u64(object, "version", 1);
	json_put(object, "marks", marks);
	return object;
}

/* The lock is the directory's, so that no lock file is left beside the marks. */
static int lock_directory_of(const char *path, struct error *err)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	const char *directory = dirname(copy);
	CLEANUP_CLOSE int fd = -1;

	if (directory_make(directory, 0755, err) < 0)
		return -1;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return error_os(err, ERROR_IO, errno, "locking %s", directory);
	return steal_fd(&fd);
}

int highwater_update(const char *path, const struct highwater *seen, struct error *err)
{
	CLEANUP_CLOSE int lock = lock_directory_of(path, err);
	CLEANUP_HIGHWATER struct highwater highwater = {0};
	CLEANUP_JSON json_t *json = NULL;

	if (lock < 0 || highwater_read(path, &highwater, err) < 0)
		return -1;
	for (size_t i = 0; i < seen->n_marks; i++)
		highwater_raise(&highwater, &seen->marks[i]);
	json = to_json(&highwater);
	return json_write_file(path, json, 0644, err);
}
