/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disk/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/memory.h"

enum { BACKLOG = 8 };

int socket_listen(const char *path, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	CLEANUP_CLOSE int fd = -1;

	if (strlen(path) >= sizeof address.sun_path)
		return error_set(err, ERROR_HOST, "%s: too long for a socket", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return error_os(err, ERROR_HOST, errno, "%s", path);
	return steal_fd(&fd);
}
