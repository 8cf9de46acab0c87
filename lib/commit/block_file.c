/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The FUSE kernel protocol is linux/fuse.h; one node, a regular file, is all there is. */
#include "commit/block_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { REQUEST_SIZE = 256 << 10, READ_MAX = 128 << 10, CACHE_SECONDS = 86400 };

/* What the child needs, made before the fork: it may only call what is safe there. */
struct mounter {
	const char *path;
	int socket;
	bool own_users; /* may not mount: a user namespace makes it so */
	char uid_map[32], gid_map[32];
};

struct server {
	struct block *block;
	int socket;
	int fuse;
	char *request, *data;
	bool failed;
	struct error err;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int enter_namespaces(const struct mounter *mounter)
{
	if (unshare(CLONE_NEWNS | (mounter->own_users ? CLONE_NEWUSER : 0)) < 0)
		return -1;
	if (mounter->own_users && (write_file("/proc/self/setgroups", "deny") < 0 ||
				   write_file("/proc/self/uid_map", mounter->uid_map) < 0 ||
				   write_file("/proc/self/gid_map", mounter->gid_map) < 0))
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int receive_descriptor(int socket)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof control};
	struct cmsghdr *header;
	ssize_t n;
	int fd;

	do
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	header = n == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

/* In the child.  The descriptor goes into the mount options as number 3. */
static int mount_in_child(void *opaque)
{
	static const char options[] = "fd=3,rootmode=100400,user_id=0,group_id=0";
	const struct mounter *mounter = opaque;
	int socket = fcntl(mounter->socket, F_DUPFD_CLOEXEC, 16), fuse;

	if (socket < 0 || enter_namespaces(mounter) < 0)
		return -1;
	close(mounter->socket);
	fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fuse < 0 || (fuse != 3 && dup2(fuse, 3) < 0))
		return -1;
	if (fcntl(3, F_SETFD, FD_CLOEXEC) < 0 ||
	    mount("coldpatch", mounter->path, "fuse", MS_NOSUID | MS_NODEV | MS_RDONLY, options) <
		    0)
		return -1;
	return send_descriptor(socket, 3);
}

static void reply(const struct server *server, uint64_t unique, const void *data, size_t len,
		  int error)
{
	struct fuse_out_header out = {.len = sizeof out + len, .error = -error, .unique = unique};
	struct iovec iov[2] = {{&out, sizeof out}, {(void *)(uintptr_t)data, len}};

	/* A request that was interrupted has nobody waiting: ENOENT, which is fine. */
	if (writev(server->fuse, iov, len ? 2 : 1) < 0)
		return;
}

static void reply_init(const struct server *server, const struct fuse_in_header *in)
{
	const struct fuse_init_in *init = (const void *)(in + 1);
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = init->max_readahead < READ_MAX ? init->max_readahead : READ_MAX,
		.flags = init->flags & FUSE_ASYNC_READ,
		.max_background = 4,
		.congestion_threshold = 4,
		.max_write = 4096,
	};

	reply(server, in->unique, &out, sizeof out, 0);
}

static void reply_attributes(const struct server *server, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = {.attr_valid = CACHE_SECONDS};

	out.attr.ino = FUSE_ROOT_ID;
	out.attr.size = block_size(server->block);
	out.attr.mode = S_IFREG | 0400;
	out.attr.nlink = 1;
	out.attr.blksize = 4096;
	reply(server, in->unique, &out, sizeof out, 0);
}

static void reply_read(struct server *server, const struct fuse_in_header *in)
{
	const struct fuse_read_in *read_in = (const void *)(in + 1);
	uint64_t size = block_size(server->block), offset = read_in->offset;
	uint64_t left = offset < size ? size - offset : 0;
	size_t len = read_in->size < READ_MAX ? read_in->size : READ_MAX;

	if (len > left)
		len = left;
	if (len > 0 && !server->failed &&
	    block_read(server->block, server->data, len, offset, &server->err) < 0)
		server->failed = true;
	reply(server, in->unique, server->data, server->failed ? 0 : len, server->failed ? EIO : 0);
}

static void serve_request(struct server *server, const struct fuse_in_header *in)
{
	struct fuse_open_out opened = {.open_flags = FOPEN_KEEP_CACHE};

	switch (in->opcode) {
	case FUSE_INIT:
		reply_init(server, in);
		break;
	case FUSE_GETATTR:
		reply_attributes(server, in);
		break;
	case FUSE_OPEN:
		reply(server, in->unique, &opened, sizeof opened, 0);
		break;
	case FUSE_READ:
		reply_read(server, in);
		break;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_DESTROY:
		reply(server, in->unique, NULL, 0, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		reply(server, in->unique, NULL, 0, ENOSYS);
	}
}

/* Ends when the last one who sees the mount is gone, or when there never was one. */
static void *serve(void *opaque)
{
	struct server *server = opaque;
	ssize_t n;

	server->fuse = receive_descriptor(server->socket);
	if (server->fuse < 0)
		return NULL;
	while ((n = read(server->fuse, server->request, REQUEST_SIZE)) >= 0 || errno == EINTR ||
	       errno == ENOENT || errno == EAGAIN)
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			serve_request(server, (const void *)server->request);
	close(server->fuse);
	return NULL;
}

static int run_served(struct server *server, struct mounter *mounter, struct process_spec *spec,
		      struct process_result *ret, struct error *err)
{
	pthread_t thread;
	int status, created;

	spec->pass_fds = &mounter->socket;
	spec->n_pass_fds = 1;
	spec->child_setup = mount_in_child;
	spec->child_opaque = mounter;
	created = pthread_create(&thread, NULL, serve, server);
	if (created != 0)
		return error_os(err, ERROR_HOST, created, "starting a thread");
	status = process_run(spec, ret, err);
	/* Wakes a thread that still waits for a child that failed early. */
	shutdown(server->socket, SHUT_RDWR);
	pthread_join(thread, NULL);
	if (status == 0 && server->failed) {
		process_result_free(ret);
		*err = server->err;
		return -1;
	}
	return status;
}

static bool may_mount(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	return syscall(SYS_capget, &header, data) == 0 && data[0].effective >> CAP_SYS_ADMIN & 1;
}

int block_file_run(struct block *block, const char *path, struct process_spec *spec,
		   struct process_result *ret, struct error *err)
{
	struct server server = {.block = block};
	struct mounter mounter = {.path = path, .own_users = !may_mount()};
	int sockets[2], status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return error_os(err, ERROR_HOST, errno, "socketpair");
	snprintf(mounter.uid_map, sizeof mounter.uid_map, "0 %u 1", (unsigned)geteuid());
	snprintf(mounter.gid_map, sizeof mounter.gid_map, "0 %u 1", (unsigned)getegid());
	server.socket = sockets[0];
	mounter.socket = sockets[1];
	server.request = xmalloc(REQUEST_SIZE);
	server.data = xmalloc(READ_MAX);
	status = run_served(&server, &mounter, spec, ret, err);
	close(sockets[0]);
	close(sockets[1]);
	free(server.request);
	free(server.data);
	return status;
}
