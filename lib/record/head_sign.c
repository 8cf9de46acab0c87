/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/process.h"
#include "record/head.h"
#include "record/signer.h"

enum { DEADLINE_MS = 60000 };

static char *request_text(const struct head *head, const struct head_sign_request *request)
{
	CLEANUP_JSON json_t *json = json_object();

	json_put_string(json, "type", "head");
	json_put(json, "statement", head_to_json(head));
	json_put_bytes(json, "key", request->key_path);
	json_put_bytes(json, "record", request->record_path);
	if (request->previous_path)
		json_put_bytes(json, "previous", request->previous_path);
	return json_to_bytes(json);
}

static int write_file(int *fd, const struct buffer *bundle, const char *path, struct error *err)
{
	if (file_write_all(*fd, bundle->data, bundle->len, err) < 0)
		return error_prefix(err, "%s", path);
	if (fchmod(*fd, 0444) < 0 || fsync(*fd) < 0 || close(steal_fd(fd)) < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	return 0;
}

static int write_new(const char *path, const struct buffer *bundle, struct error *err)
{
	CLEANUP_CLOSE int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", path);
	if (write_file(&fd, bundle, path, err) == 0)
		return 0;
	unlink(path);
	return -1;
}

int head_sign(const struct head *head, const struct head_sign_request *request, const char *path,
	      struct error *err)
{
	CLEANUP_FREE char *text = request_text(head, request);
	const char *const argv[] = {request->signer, NULL};
	struct process_spec spec = {.argv = argv,
				    .input = text,
				    .input_len = strlen(text),
				    .output_limit = HEAD_MAX_SIZE,
				    .deadline_ms = DEADLINE_MS,
				    .monitor = request->monitor};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	if (process_run(&spec, &result, err) < 0)
		return -1;
	if (result.exit_code != 0 || result.out.len == 0)
		return signer_error(&result, request->signer, err);
	return write_new(path, &result.out, err);
}
