/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A package may have /proc in it, as "filesystem" does, and rpm sets owner and mode of every
 * directory that it unpacks, to what they are as well.  In a user namespace nobody may do that to
 * the root of a proc file system, which is the host's root's; rpm would count the package as
 * failed. So the kernel asks us before each such call (seccomp_unotify(2)): for /proc itself the
 * call is done without being made, all others it makes.
 *
 * A program that changes its arguments while we look gains nothing: what we let pass, the kernel
 * checks as ever, and what we answer for is not done.
 */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "runner.h"

enum { PATH_SIZE = 16, PAGE = 4096 };

/* What the first arguments are. */
enum form { PATH, DESCRIPTOR, DIRECTORY_AND_PATH };

static const struct {
	const char *name;
	enum form form;
} calls[] = {
	{"chmod", PATH},
	{"chown", PATH},
	{"chown32", PATH},
	{"lchown", PATH},
	{"lchown32", PATH},
	{"fchmod", DESCRIPTOR},
	{"fchown", DESCRIPTOR},
	{"fchown32", DESCRIPTOR},
	{"fchmodat", DIRECTORY_AND_PATH},
	{"fchmodat2", DIRECTORY_AND_PATH},
	{"fchownat", DIRECTORY_AND_PATH},
};

/* A string of the process; a longer one than "/proc" is cut. */
static void read_path(pid_t pid, uint64_t address, char ret[PATH_SIZE])
{
	size_t len = 0;

	memset(ret, 0, PATH_SIZE);
	/* Not across the end of a page in one go: the next may not be there. */
	while (len < PATH_SIZE - 1 && !memchr(ret, '\0', len)) {
		size_t in_page = PAGE - (address + len) % PAGE;
		size_t want = PATH_SIZE - 1 - len < in_page ? PATH_SIZE - 1 - len : in_page;
		const struct iovec here = {ret + len, want},
				   there = {(void *)(uintptr_t)(address + len), want};
		ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

		if (n <= 0)
			return;
		len += (size_t)n;
	}
}

/* `link` is a name in the process's directory of /proc. */
static bool leads_to(pid_t pid, const char *link, const char *path)
{
	char name[64], target[PATH_SIZE];
	ssize_t n;

	snprintf(name, sizeof name, "/proc/%d/%s", (int)pid, link);
	n = readlink(name, target, sizeof target);
	return n == (ssize_t)strlen(path) && memcmp(target, path, (size_t)n) == 0;
}

static bool descriptor_leads_to(pid_t pid, int fd, const char *path)
{
	char link[32];

	snprintf(link, sizeof link, "fd/%d", fd);
	return leads_to(pid, link, path);
}

static bool is_proc(pid_t pid, int directory, uint64_t address)
{
	char path[PATH_SIZE];
	size_t len;

	read_path(pid, address, path);
	len = strlen(path);
	if (len == 0)
		return directory != AT_FDCWD && descriptor_leads_to(pid, directory, "/proc");
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	if (strcmp(path, "/proc") == 0)
		return true;
	if (strcmp(path, "proc") != 0)
		return false;
	return directory == AT_FDCWD ? leads_to(pid, "cwd", "/")
				     : descriptor_leads_to(pid, directory, "/");
}

static bool is_of_proc(const struct seccomp_notif *call)
{
	CLEANUP_FREE char *name = seccomp_syscall_resolve_num_arch(call->data.arch, call->data.nr);
	const uint64_t *args = (const uint64_t *)call->data.args;
	pid_t pid = (pid_t)call->pid;

	for (size_t i = 0; name && i < sizeof calls / sizeof *calls; i++) {
		if (strcmp(calls[i].name, name) != 0)
			continue;
		switch (calls[i].form) {
		case PATH:
			return is_proc(pid, AT_FDCWD, args[0]);
		case DESCRIPTOR:
			return descriptor_leads_to(pid, (int)args[0], "/proc");
		case DIRECTORY_AND_PATH:
			return is_proc(pid, (int)args[0], args[1]);
		}
	}
	return false;
}

void proc_owner_answer(int listener)
{
	struct seccomp_notif *call = NULL;
	struct seccomp_notif_resp *answer = NULL;

	if (seccomp_notify_alloc(&call, &answer) < 0)
		return;
	/* It fails when the caller was killed meanwhile. */
	if (seccomp_notify_receive(listener, call) == 0) {
		answer->id = call->id;
		answer->flags = is_of_proc(call) ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		seccomp_notify_respond(listener, answer);
	}
	seccomp_notify_free(call, answer);
}

void proc_owner_send(int socket, int listener)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof listener)];
	} control = {0};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};

	control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof listener),
					  .cmsg_level = SOL_SOCKET,
					  .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &listener, sizeof listener);
	sendmsg(socket, &message, 0);
}

int proc_owner_receive(int socket)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	int listener = -1;
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n > 0 && CMSG_FIRSTHDR(&message))
		memcpy(&listener, CMSG_DATA(&control.header), sizeof listener);
	return listener;
}
