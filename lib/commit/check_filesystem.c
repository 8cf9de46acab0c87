/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "commit/block_file.h"
#include "commit/commit.h"

enum { OUTPUT_LIMIT = 64 << 10, COPY_CHUNK = 1 << 20, DEADLINE_MS = 30 * 60 * 1000 };

/* The line that says what is wrong: the first that is no banner, pass or prompt of e2fsck's. */
static char *first_complaint(const struct buffer *out)
{
	static const char *const chatter[] = {"e2fsck ", "Pass ", "Fix? ", "***", "Warning!"};
	const char *line = out->data ? out->data : "";

	while (*line) {
		size_t len = strcspn(line, "\n");
		bool skip = len == 0;

		for (size_t i = 0; i < sizeof chatter / sizeof *chatter; i++)
			skip |= strncmp(line, chatter[i], strlen(chatter[i])) == 0;
		if (!skip)
			return xstrndup(line, len);
		line += len + (line[len] == '\n');
	}
	return xstrdup("no reason given");
}

static int judge(const struct process_result *result, struct error *err)
{
	CLEANUP_FREE char *complaint = NULL;

	if (result->exit_code == 0)
		return 0;
	complaint = first_complaint(result->exit_code > 0 && result->exit_code < 8 ? &result->out
										   : &result->err);
	return error_set(err, ERROR_IMAGE, "the file system is not clean (e2fsck -fn: %s)",
			 complaint);
}

static bool is_zero(const char *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int copy_blocks(struct block *block, int fd, struct error *err)
{
	CLEANUP_FREE char *chunk = xmalloc(COPY_CHUNK);
	uint64_t size = block_size(block);
	size_t len;

	if (ftruncate(fd, size) < 0)
		return error_os(err, ERROR_SPACE, errno, "a copy to check");
	for (uint64_t at = 0; at < size; at += len) {
		len = size - at < COPY_CHUNK ? size - at : COPY_CHUNK;
		if (block_read(block, chunk, len, at, err) < 0)
			return -1;
		if (is_zero(chunk, len))
			continue;
		if (lseek(fd, at, SEEK_SET) < 0)
			return error_os(err, ERROR_IO, errno, "a copy to check");
		if (file_write_all(fd, chunk, len, err) < 0)
			return -1;
	}
	return 0;
}

/* Where the host lets nobody mount: slow, but the same answer. */
static int check_copy(struct block *block, const char *path, struct process_spec *spec,
		      struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (copy_blocks(block, fd, err) < 0)
		return -1;
	spec->child_setup = NULL;
	spec->n_pass_fds = 0;
	if (process_run(spec, &result, err) < 0)
		return -1;
	return judge(&result, err);
}

static int check_ext(struct block *block, const char *path, struct error *err)
{
	const char *const argv[] = {"e2fsck", "-f", "-n", path, NULL};
	struct process_spec spec = {
		.argv = argv, .output_limit = OUTPUT_LIMIT, .deadline_ms = DEADLINE_MS};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	struct error failed = {0};

	if (block_file_run(block, path, &spec, &result, &failed) == 0)
		return judge(&result, err);
	if (failed.kind == ERROR_HOST)
		return check_copy(block, path, &spec, err);
	*err = failed;
	return -1;
}

static int check_with_file(struct block *block, const char *work_dir, struct error *err)
{
	CLEANUP_FREE char *path = path_join(work_dir, "checked.XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC), status;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	close(fd);
	status = check_ext(block, path, err);
	unlink(path);
	return status;
}

int commit_check_filesystem(struct block *block, const char *type, const char *work_dir,
			    struct error *err)
{
	if (strcmp(type, "ext2") == 0 || strcmp(type, "ext3") == 0 || strcmp(type, "ext4") == 0)
		return check_with_file(block, work_dir, err);
	return error_set(err, ERROR_IMAGE, "a file system of type %s cannot be checked", type);
}
