/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Here the socket keeps its name, and the server outlives its clients. */
#include "disk/export.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "disk/server.h"
#include "disk/socket.h"

enum { STOP_GRACE_MS = 3000 };

struct image_export {
	pid_t pid;
	char *socket_path;
};

/* Above the numbers that the server's files have. */
static int listen_above(const char *path, struct error *err)
{
	CLEANUP_CLOSE int fd = socket_listen(path, err);
	int above = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);

	if (fd >= 0 && above < 0)
		return error_os(err, ERROR_HOST, errno, "%s", path);
	return above;
}

static pid_t start(const struct image *image, const struct confined_files *files, int listen_fd,
		   struct error *err)
{
	static const char *const options[] = {"--read-only", "--persistent", "--shared=8", NULL};
	const struct server_spec spec = {.image = image,
					 .files = files,
					 .listen_fd = listen_fd,
					 .options = options,
					 .messages = -1};

	return server_start(&spec, err);
}

struct image_export *image_export(const struct image *image, const char *socket_path,
				  struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {0};
	CLEANUP_CLOSE int listen_fd = -1;
	struct image_export *export;
	pid_t pid;

	if (confined_files_open(image, false, &files, err) < 0)
		return NULL;
	listen_fd = listen_above(socket_path, err);
	pid = listen_fd < 0 ? -1 : start(image, &files, listen_fd, err);
	if (pid < 0)
		return NULL;
	export = xcalloc(1, sizeof *export);
	export->pid = pid;
	export->socket_path = xstrdup(socket_path);
	return export;
}

void image_export_free(struct image_export *export)
{
	if (!export)
		return;
	process_stop(export->pid, STOP_GRACE_MS);
	unlink(export->socket_path);
	free(export->socket_path);
	free(export);
}
