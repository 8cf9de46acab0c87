/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As in serve.c the socket is listened on before qemu-nbd starts, which gets it as systemd would
 * hand it over; here its name stays, and the server outlives its clients.
 */
#include "disk/export.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "disk/confine.h"

enum { LISTEN_FD = 3, BACKLOG = 8, STOP_GRACE_MS = 3000 };

struct image_export {
	pid_t pid;
	char *socket_path;
};

static int listen_at(const char *path, struct error *err)
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
	return fcntl(fd, F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);
}

struct server_setup {
	struct confined_files files;
	int listen_fd;
	char listen_pid[sizeof "LISTEN_PID=" + 10];
};

static int server_child(void *opaque)
{
	struct server_setup *setup = opaque;
	char *first = setup->listen_pid + sizeof "LISTEN_PID=" - 1, *digit = first + 10;

	*digit = '\0';
	for (pid_t pid = getpid(); digit > first; pid /= 10)
		*--digit = (char)('0' + pid % 10);
	if (dup2(setup->listen_fd, LISTEN_FD) < 0)
		return -1;
	close(setup->listen_fd);
	return confine_child(&setup->files);
}

static pid_t start(const struct image *image, struct server_setup *setup, struct error *err)
{
	CLEANUP_FREE char *graph = confined_files_graph(image, &setup->files, image->n_files);
	const char *const argv[] = {"qemu-nbd",	  "--read-only", "--persistent",
				    "--shared=8", graph,	 NULL};
	const char *const env[] = {CONFINE_ENVIRONMENT, "LISTEN_FDS=1", setup->listen_pid, NULL};
	int fds[CONFINE_MAX_FILES + 1];
	struct process_spec spec = {.argv = argv,
				    .env = env,
				    .pass_fds = fds,
				    .n_pass_fds = setup->files.n_fds + 1,
				    .child_setup = server_child,
				    .child_opaque = setup};

	memcpy(fds, setup->files.fds, setup->files.n_fds * sizeof *fds);
	fds[setup->files.n_fds] = setup->listen_fd;
	return process_start(&spec, -1, -1, err);
}

struct image_export *image_export(const struct image *image, const char *socket_path,
				  struct error *err)
{
	struct server_setup setup = {.listen_pid = "LISTEN_PID="};
	struct image_export *export;
	pid_t pid = -1;

	if (confined_files_open(image, false, &setup.files, err) < 0)
		return NULL;
	setup.listen_fd = listen_at(socket_path, err);
	if (setup.listen_fd >= 0) {
		pid = start(image, &setup, err);
		close(setup.listen_fd);
	}
	confined_files_close(&setup.files);
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
