/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One qemu-nbd per attached image.  The socket is connected to before qemu-nbd starts, and its name
 * in `socket_dir` is gone by then; nobody else can connect.
 *
 * A writable image runs with cache=unsafe, in which an NBD flush still writes qcow2's tables to the
 * file but does not wait for the disk; nbd.c fsyncs then.  Discard and detect-zeroes stay off: on
 * an overlay both only turn data into table entries.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/confine.h"
#include "disk/nbd.h"
#include "disk/server.h"

enum { START_DEADLINE_MS = 30000, MESSAGES_LIMIT = 4096 };

struct listener {
	int server;
	int client;
};

static void listener_close(struct listener *listener)
{
	close_p(&listener->server);
	close_p(&listener->client);
}

static int stream_socket(struct error *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? error_os(err, ERROR_HOST, errno, "making a socket") : fd;
}

/* The directory is named by descriptor, since a socket's path has room for 107 bytes only. */
static int listener_open(const char *socket_dir, struct listener *ret, struct error *err)
{
	__attribute__((cleanup(listener_close))) struct listener made = {-1, -1};
	CLEANUP_CLOSE int directory = open(socket_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct sockaddr *at = (const struct sockaddr *)&address;
	int outcome;

	if (directory < 0)
		return error_os(err, ERROR_HOST, errno, "%s", socket_dir);
	made.server = stream_socket(err);
	made.client = made.server < 0 ? -1 : stream_socket(err);
	if (made.client < 0)
		return -1;
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/nbd.%d.%d", directory,
		 (int)getpid(), made.server);
	if (bind(made.server, at, sizeof address) < 0)
		return error_os(err, ERROR_HOST, errno, "binding a socket in %s", socket_dir);
	outcome = listen(made.server, 1) < 0 || connect(made.client, at, sizeof address) < 0
			  ? error_os(err, ERROR_HOST, errno, "connecting to a socket in %s",
				     socket_dir)
			  : 0;
	unlink(address.sun_path);
	if (outcome < 0)
		return -1;
	*ret = made;
	made = (struct listener){-1, -1};
	return 0;
}

struct server_setup {
	struct confined_files files;
	int listen_fd;
};

static pid_t start(const struct image *image, const struct server_setup *setup, int messages,
		   struct error *err)
{
	const char *const options[] = {setup->files.writable ? "--cache=unsafe" : "--read-only",
				       "--shared=1", NULL};
	const struct server_spec spec = {.image = image,
					 .files = &setup->files,
					 .listen_fd = setup->listen_fd,
					 .options = options,
					 .messages = messages};

	return server_start(&spec, err);
}

/* The handshake failed; what qemu-nbd said about it is the better error. */
static void explain(int messages, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error ignored;

	lseek(messages, 0, SEEK_SET);
	if (file_read_fd(messages, "messages", MESSAGES_LIMIT, &text, &ignored) < 0 || !text.len)
		return;
	confined_tool_failed("qemu-nbd", &text, err);
}

static struct block *serve(const struct image *image, struct server_setup *setup,
			   struct listener *listener, struct error *err)
{
	CLEANUP_CLOSE int messages = memfd_create("qemu-nbd", MFD_CLOEXEC);
	struct nbd_server server = {.name = image->files[0].path, .sync_fd = -1};
	struct block *block;

	if (messages < 0) {
		error_os(err, ERROR_HOST, errno, "memfd_create");
		return NULL;
	}
	if (setup->files.writable)
		server.sync_fd = fcntl(setup->files.fds[0], F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);
	server.pid = start(image, setup, messages, err);
	if (server.pid < 0) {
		close_p(&server.sync_fd);
		return NULL;
	}
	/* From here only the server holds it: if it dies, the connection ends. */
	close(steal_fd(&listener->server));
	close(steal_fd(&setup->listen_fd));
	server.socket = steal_fd(&listener->client);
	block = nbd_open(&server, START_DEADLINE_MS, err);
	if (!block && err->kind != ERROR_BUSY)
		explain(messages, err);
	return block;
}

struct block *image_attach(const struct image *image, bool writable, const char *socket_dir,
			   struct error *err)
{
	__attribute__((cleanup(listener_close))) struct listener listener = {-1, -1};
	struct server_setup setup = {.listen_fd = -1};
	struct block *block = NULL;

	if (writable && image->files[0].format != IMAGE_FORMAT_QCOW2) {
		error_set(err, ERROR_BUG, "%s: only an overlay is ever written to",
			  image->files[0].path);
		return NULL;
	}
	if (listener_open(socket_dir, &listener, err) < 0 ||
	    confined_files_open(image, writable, &setup.files, err) < 0)
		return NULL;
	setup.listen_fd = fcntl(listener.server, F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);
	if (setup.listen_fd < 0)
		error_os(err, ERROR_HOST, errno, "duplicating a descriptor");
	else
		block = serve(image, &setup, &listener, err);
	close_p(&setup.listen_fd);
	confined_files_close(&setup.files);
	if (!block)
		error_prefix(err, "%s", image->files[0].path);
	return block;
}
