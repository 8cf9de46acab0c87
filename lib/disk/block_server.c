/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread for all devices: they may share a connection, which belongs to one thread.  A request
 * is answered before the next one is read.  The client is a QEMU of ours that may have been taken
 * over: sizes and offsets are checked, and one that sends nonsense is cut off.
 */
#include "disk/block_server.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "disk/socket.h"

enum { MAX_CLIENTS = 64, SEND_TIMEOUT_S = 60 };
#define MAX_REQUEST ((uint32_t)32 << 20)
#define MAX_OPTION  ((uint32_t)64 << 10)

/* Of proto.md. */
#define GREETING	  0x4e42444d41474943u /* "NBDMAGIC" */
#define OPTION_MAGIC	  0x49484156454f5054u /* "IHAVEOPT" */
#define OPTION_REPLY	  0x0003e889045565a9u
#define REQUEST_MAGIC	  0x25609513u
#define REPLY_MAGIC	  0x67446698u
#define REPLY_UNSUPPORTED 0x80000001u

enum { FLAGS_FIXED_NO_ZEROES = 3, REPLY_ACK = 1, REPLY_INFO = 3 };
enum { OPTION_EXPORT_NAME = 1, OPTION_ABORT = 2, OPTION_INFO = 6, OPTION_GO = 7 };
enum { EXPORT_HAS_FLAGS = 1, EXPORT_READ_ONLY = 2, EXPORT_FLUSHES = 4, EXPORT_MANY = 256 };
enum { COMMAND_READ, COMMAND_WRITE, COMMAND_DISCONNECT, COMMAND_FLUSH };
enum { NBD_EPERM = 1, NBD_EIO = 5, NBD_EINVAL = 22, NBD_ENOSPC = 28 };

struct export
{
	struct block *block;
	bool writable;
	char *path;
	int listener;
};

struct client {
	const struct export *export;
	int fd;
	bool transmitting; /* the handshake is over */
};

struct block_server {
	struct export *exports;
	size_t n_exports;
	struct client clients[MAX_CLIENTS];
	size_t n_clients;
	char *data; /* MAX_REQUEST */
	int wake[2];
	pthread_t thread;
	bool running;
	struct error problem; /* the first */
};

static bool receive(int fd, void *data, size_t len)
{
	char *to = data;

	while (len) {
		ssize_t n = recv(fd, to, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

static bool transmit(int fd, const void *data, size_t len)
{
	const char *from = data;

	while (len) {
		ssize_t n = send(fd, from, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		from += n;
		len -= (size_t)n;
	}
	return true;
}

static uint16_t export_flags(const struct export *export)
{
	return EXPORT_HAS_FLAGS | EXPORT_FLUSHES | EXPORT_MANY |
	       (export->writable ? 0 : EXPORT_READ_ONLY);
}

static bool greet(int fd)
{
	const struct {
		uint64_t magic, option;
		uint16_t flags;
	} __attribute__((packed))
	greeting = {htobe64(GREETING), htobe64(OPTION_MAGIC), htobe16(FLAGS_FIXED_NO_ZEROES)};
	uint32_t flags;

	return transmit(fd, &greeting, sizeof greeting) && receive(fd, &flags, sizeof flags);
}

static bool reply_option(int fd, uint32_t option, uint32_t type, const void *data, uint32_t len)
{
	const struct {
		uint64_t magic;
		uint32_t option, type, len;
	} __attribute__((packed))
	reply = {htobe64(OPTION_REPLY), htobe32(option), htobe32(type), htobe32(len)};

	return transmit(fd, &reply, sizeof reply) && transmit(fd, data, len);
}

static bool describe(const struct client *client, uint32_t option)
{
	const struct {
		uint16_t type;
		uint64_t size;
		uint16_t flags;
	} __attribute__((packed)) info = {0, htobe64(block_size(client->export->block)),
					  htobe16(export_flags(client->export))};

	return reply_option(client->fd, option, REPLY_INFO, &info, sizeof info) &&
	       reply_option(client->fd, option, REPLY_ACK, NULL, 0);
}

static bool begin_old_way(const struct client *client)
{
	const struct {
		uint64_t size;
		uint16_t flags;
	} __attribute__((packed))
	info = {htobe64(block_size(client->export->block)), htobe16(export_flags(client->export))};

	return transmit(client->fd, &info, sizeof info);
}

/* One option of the handshake. */
static bool negotiate(struct block_server *server, struct client *client)
{
	struct {
		uint64_t magic;
		uint32_t option, len;
	} __attribute__((packed)) head;
	uint32_t option;

	if (!receive(client->fd, &head, sizeof head) || be64toh(head.magic) != OPTION_MAGIC ||
	    be32toh(head.len) > MAX_OPTION || !receive(client->fd, server->data, be32toh(head.len)))
		return false;
	option = be32toh(head.option);
	client->transmitting = option == OPTION_EXPORT_NAME || option == OPTION_GO;
	switch (option) {
	case OPTION_EXPORT_NAME:
		return begin_old_way(client);
	case OPTION_INFO:
	case OPTION_GO:
		return describe(client, option);
	case OPTION_ABORT:
		reply_option(client->fd, option, REPLY_ACK, NULL, 0);
		return false;
	default:
		return reply_option(client->fd, option, REPLY_UNSUPPORTED, NULL, 0);
	}
}

static uint32_t note(struct block_server *server, const struct error *err)
{
	if (server->problem.kind == ERROR_NONE)
		server->problem = *err;
	return err->kind == ERROR_SPACE ? NBD_ENOSPC : NBD_EIO;
}

struct request {
	uint32_t magic;
	uint16_t flags, type;
	uint64_t cookie, offset;
	uint32_t len;
} __attribute__((packed));

/* The error that the client gets; 0: none. */
static uint32_t execute(struct block_server *server, const struct client *client,
			const struct request *request)
{
	struct block *block = client->export->block;
	uint64_t offset = be64toh(request->offset);
	uint32_t len = be32toh(request->len);
	uint16_t type = be16toh(request->type);
	struct error err = {0};
	int outcome;

	if (type == COMMAND_FLUSH)
		return 0; /* whoever owns the device flushes it, once */
	if (type != COMMAND_READ && type != COMMAND_WRITE)
		return NBD_EINVAL;
	if (offset > block_size(block) || len > block_size(block) - offset)
		return NBD_EINVAL;
	if (type == COMMAND_WRITE && !client->export->writable)
		return NBD_EPERM;
	outcome = type == COMMAND_READ ? block_read(block, server->data, len, offset, &err)
				       : block_write(block, server->data, len, offset, &err);
	return outcome < 0 ? note(server, &err) : 0;
}

static bool serve(struct block_server *server, struct client *client)
{
	struct request request;
	struct {
		uint32_t magic, error;
		uint64_t cookie;
	} __attribute__((packed)) reply = {.magic = htobe32(REPLY_MAGIC)};
	uint32_t len;

	if (!client->transmitting)
		return negotiate(server, client);
	if (!receive(client->fd, &request, sizeof request) ||
	    be32toh(request.magic) != REQUEST_MAGIC || be16toh(request.type) == COMMAND_DISCONNECT)
		return false;
	len = be32toh(request.len);
	if (len > MAX_REQUEST ||
	    (be16toh(request.type) == COMMAND_WRITE && !receive(client->fd, server->data, len)))
		return false;
	reply.error = htobe32(execute(server, client, &request));
	reply.cookie = request.cookie;
	if (!transmit(client->fd, &reply, sizeof reply))
		return false;
	return reply.error || be16toh(request.type) != COMMAND_READ ||
	       transmit(client->fd, server->data, len);
}

static void admit(struct block_server *server, const struct export *export)
{
	const struct timeval patience = {.tv_sec = SEND_TIMEOUT_S};
	int fd = accept4(export->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (server->n_clients == MAX_CLIENTS || !greet(fd)) {
		close(fd);
		return;
	}
	server->clients[server->n_clients++] = (struct client){.export = export, .fd = fd};
}

static void dismiss(struct block_server *server, size_t i)
{
	close(server->clients[i].fd);
	server->clients[i] = server->clients[--server->n_clients];
}

static size_t list_descriptors(const struct block_server *server, struct pollfd *ret)
{
	size_t n = 0;

	ret[n++] = (struct pollfd){.fd = server->wake[0], .events = POLLIN};
	for (size_t i = 0; i < server->n_clients; i++)
		ret[n++] = (struct pollfd){.fd = server->clients[i].fd, .events = POLLIN};
	for (size_t i = 0; i < server->n_exports; i++)
		ret[n++] = (struct pollfd){.fd = server->exports[i].listener, .events = POLLIN};
	return n;
}

/* Clients from the last to the first: dismissing one moves the last into its place. */
static void *run(void *opaque)
{
	struct block_server *server = opaque;
	struct pollfd *fds = xcalloc(1 + MAX_CLIENTS + server->n_exports, sizeof *fds);

	for (;;) {
		size_t n_clients = server->n_clients, n = list_descriptors(server, fds);

		if (poll(fds, n, -1) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		for (size_t i = n_clients; i-- > 0;)
			if (fds[1 + i].revents && !serve(server, &server->clients[i]))
				dismiss(server, i);
		for (size_t i = 0; i < server->n_exports; i++)
			if (fds[1 + n_clients + i].revents)
				admit(server, &server->exports[i]);
	}
	free(fds);
	return NULL;
}

static int start(struct block_server *server, const struct block_export *exports, size_t n,
		 struct error *err)
{
	int status;

	if (pipe2(server->wake, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "pipe");
	for (size_t i = 0; i < n; i++) {
		struct export *export = &server->exports[server->n_exports];

		*export = (struct export){.block = exports[i].block,
					  .writable = exports[i].writable,
					  .listener = socket_listen(exports[i].socket_path, err)};
		if (export->listener < 0)
			return -1;
		export->path = xstrdup(exports[i].socket_path);
		server->n_exports++;
	}
	status = pthread_create(&server->thread, NULL, run, server);
	if (status != 0)
		return error_os(err, ERROR_HOST, status, "starting a thread");
	server->running = true;
	return 0;
}

struct block_server *block_server_start(const struct block_export *exports, size_t n_exports,
					struct error *err)
{
	CLEANUP(block_server_free)
	struct block_server *server = xcalloc(1, sizeof *server);

	server->wake[0] = server->wake[1] = -1;
	server->exports = xcalloc(n_exports + 1, sizeof *server->exports);
	server->data = xmalloc(MAX_REQUEST);
	return start(server, exports, n_exports, err) < 0 ? NULL : steal(server);
}

/* A client that does not read its answer is cut off by the time its socket allows. */
int block_server_stop(struct block_server *server, struct error *err)
{
	struct error problem;

	close_p(&server->wake[1]);
	if (server->running)
		pthread_join(server->thread, NULL);
	problem = server->problem;
	for (size_t i = 0; i < server->n_clients; i++)
		close(server->clients[i].fd);
	for (size_t i = 0; i < server->n_exports; i++) {
		close(server->exports[i].listener);
		unlink(server->exports[i].path);
		free(server->exports[i].path);
	}
	close_p(&server->wake[0]);
	free(server->exports);
	free(server->data);
	free(server);
	if (problem.kind == ERROR_NONE)
		return 0;
	*err = problem;
	return -1;
}

void block_server_free(struct block_server *server)
{
	struct error ignored;

	if (server)
		block_server_stop(server, &ignored);
}
