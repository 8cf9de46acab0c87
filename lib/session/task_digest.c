/* SPDX-License-Identifier: GPL-2.0-or-later */
/* digest: {"path"} -> {"sha256"} of a file that somebody names. */
#include "base/file.h"
#include "session/strings.h"
#include "session/task.h"

static int run(const json_t *input, const struct monitor *monitor, json_t **ret, struct error *err)
{
	const char *path = string_member(input, "path");
	CLEANUP_CLOSE int fd = file_open(path, "an image file", ERROR_IMAGE, err);
	struct digest digest;

	monitor_progress(monitor, "digest", path, 0, 0);
	if (fd < 0)
		return -1;
	if (digest_of_fd_monitored(fd, monitor, &digest, err) < 0)
		return error_prefix(err, "%s", path);
	*ret = json_object();
	json_put_digest(*ret, "sha256", &digest);
	return 0;
}

const struct task task_digest = {.name = "digest", .run = run};
