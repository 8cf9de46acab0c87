/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "commit/block_file.h"
#include "commit/commit.h"
#include "fs/type.h"

enum {
	OUTPUT_LIMIT = 64 << 10,
	COMPLAINT_SIZE = 200,
	COPY_CHUNK = 1 << 20,
	DEADLINE_MS = 30 * 60 * 1000
};

static bool is_chatter(const struct fs_type *checker, const char *line)
{
	for (const char *const *prefix = checker->chatter; *prefix; prefix++)
		if (strncmp(line, *prefix, strlen(*prefix)) == 0)
			return true;
	return *line == '\n';
}

/* What is wrong, or NULL: the first lines that are no chatter, since a sentence may go over
 * several, as far as they are short. */
static char *first_complaint(const struct fs_type *checker, const struct buffer *out)
{
	CLEANUP_BUFFER struct buffer text = {0};
	const char *line = out->data ? out->data : "";

	while (*line && !(text.len && is_chatter(checker, line))) {
		size_t len = strcspn(line, "\n"), margin = strspn(line, " \t");

		if (text.len && text.len + len >= COMPLAINT_SIZE) {
			buffer_puts(&text, " ...");
			break;
		}
		if (!is_chatter(checker, line))
			buffer_printf(&text, "%s%.*s", text.len ? " " : "", (int)(len - margin),
				      line + margin);
		line += len + (line[len] == '\n');
	}
	return text.len ? buffer_steal(&text) : NULL;
}

static char *command_of(const struct fs_type *checker)
{
	CLEANUP_BUFFER struct buffer text = {0};

	for (const char *const *word = checker->check; *word; word++)
		buffer_printf(&text, "%s%s", text.len ? " " : "", *word);
	return buffer_steal(&text);
}

static int judge(const struct fs_type *checker, const struct process_result *result,
		 struct error *err)
{
	CLEANUP_FREE char *first = NULL, *second = NULL, *command = NULL;
	bool found = result->exit_code > 0 && result->exit_code < 8;

	if (result->exit_code == 0)
		return 0;
	first = first_complaint(checker, found ? &result->out : &result->err);
	second = first_complaint(checker, found ? &result->err : &result->out);
	command = command_of(checker);
	return error_set(err, ERROR_IMAGE, "the file system is not clean (%s: %s)%s%s", command,
			 first	  ? first
			 : second ? second
				  : "no reason given",
			 checker->repair ? "; repair it with " : "",
			 checker->repair ? checker->repair : "");
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
static int check_copy(const struct fs_type *checker, struct block *block, const char *path,
		      struct process_spec *spec, struct error *err)
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
	return judge(checker, &result, err);
}

static int check_path(const struct fs_type *checker, struct block *block, const char *path,
		      struct error *err)
{
	const char *argv[FS_CHECK_WORDS + 1] = {0};
	size_t n = 0;
	struct process_spec spec = {
		.argv = argv, .output_limit = OUTPUT_LIMIT, .deadline_ms = DEADLINE_MS};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};
	struct error failed = {0};

	for (; checker->check[n]; n++)
		argv[n] = checker->check[n];
	argv[n] = path;
	if (block_file_run(block, path, &spec, &result, &failed) == 0)
		return judge(checker, &result, err);
	if (failed.kind == ERROR_HOST)
		return check_copy(checker, block, path, &spec, err);
	*err = failed;
	return -1;
}

static int check_with_file(const struct fs_type *checker, struct block *block, const char *work_dir,
			   struct error *err)
{
	CLEANUP_FREE char *path = path_join(work_dir, "checked.XXXXXX");
	int fd = mkostemp(path, O_CLOEXEC), status;

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	close(fd);
	status = check_path(checker, block, path, err);
	unlink(path);
	return status;
}

int commit_check_filesystem(struct block *block, const char *type, const char *work_dir,
			    struct error *err)
{
	const struct fs_type *checker = fs_type_find(type);

	if (!checker || !checker->check[0])
		return error_set(err, ERROR_IMAGE, "a file system of type %s cannot be checked",
				 type);
	return check_with_file(checker, block, work_dir, err);
}
