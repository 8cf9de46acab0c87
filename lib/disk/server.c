/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The socket is made, bound and listened on before qemu-nbd starts, which gets it as systemd would
 * hand it over (LISTEN_FDS, LISTEN_PID), so there is nothing to poll for: a client waits in the
 * socket's queue, and a server that dies closes it.
 */
#include "disk/server.h"

#include <string.h>
#include <unistd.h>

enum { LISTEN_FD = 3 };

struct server_setup {
	const struct confined_files *files;
	int listen_fd;
	char listen_pid[sizeof "LISTEN_PID=" + 10];
};

static int server_child(void *opaque)
{
	struct server_setup *setup = opaque;
	char *first = setup->listen_pid + sizeof "LISTEN_PID=" - 1, *digit = first + 10;
	struct confined_files files = *setup->files;

	*digit = '\0';
	for (pid_t pid = getpid(); digit > first; pid /= 10)
		*--digit = (char)('0' + pid % 10);
	if (dup2(setup->listen_fd, LISTEN_FD) < 0)
		return -1;
	close(setup->listen_fd);
	return confine_child(&files);
}

pid_t server_start(const struct server_spec *spec, struct error *err)
{
	const struct confined_files *files = spec->files;
	CLEANUP_FREE char *graph = confined_files_graph(spec->image, files, spec->image->n_files);
	struct server_setup setup = {
		.files = files, .listen_fd = spec->listen_fd, .listen_pid = "LISTEN_PID="};
	const char *const env[] = {CONFINE_ENVIRONMENT, "LISTEN_FDS=1", setup.listen_pid, NULL};
	const char *argv[SERVER_MAX_OPTIONS + 3] = {"qemu-nbd"};
	int fds[CONFINE_MAX_FILES + 1];
	struct process_spec process = {.argv = argv,
				       .env = env,
				       .pass_fds = fds,
				       .n_pass_fds = files->n_fds + 1,
				       .child_setup = server_child,
				       .child_opaque = &setup};
	size_t n = 1;

	while (n <= SERVER_MAX_OPTIONS && spec->options[n - 1]) {
		argv[n] = spec->options[n - 1];
		n++;
	}
	argv[n] = graph;
	memcpy(fds, files->fds, files->n_fds * sizeof *fds);
	fds[files->n_fds] = spec->listen_fd;
	return process_start(&process, spec->messages, spec->messages, err);
}
