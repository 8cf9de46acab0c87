/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A package may have /proc and /sys in it, and there are package managers that set owner and mode
 * of every directory that they unpack, to what they are as well.  In a user namespace nobody may do
 * that to the root of a proc file system, which is the host's root's, and our /sys is read-only:
 * the package would count as failed.  So the kernel asks us before each such call
 * (seccomp_unotify(2)): for these two the call is done without being made, all others it makes.
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
#include <sys/stat.h>
#include <unistd.h>

#include <linux/seccomp.h>

#include "runner.h"

/* Since Linux 6.6; headers are older here and there. */
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#endif

enum { PATH_SIZE = 16 };

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

enum { N_CALLS = sizeof calls / sizeof *calls };

static const char *const directories[] = {"/proc", "/sys"};

/* A string of the process; one that is longer than our names is cut.  Not process_vm_readv(2),
 * which no worker may call. */
static void read_path(pid_t pid, uint64_t address, char ret[PATH_SIZE])
{
	CLEANUP_CLOSE int fd = -1;
	char name[64];
	ssize_t n;

	memset(ret, 0, PATH_SIZE);
	snprintf(name, sizeof name, "/proc/%d/mem", (int)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	/* Where the next page is not there, less than that is read. */
	n = fd < 0 ? -1 : pread(fd, ret, PATH_SIZE - 1, (off_t)address);
	if (n < 0)
		*ret = '\0';
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

	if (fd == AT_FDCWD)
		return leads_to(pid, "cwd", path);
	snprintf(link, sizeof link, "fd/%d", fd);
	return leads_to(pid, link, path);
}

static bool is_descriptor_of_ours(pid_t pid, int fd)
{
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		if (descriptor_leads_to(pid, fd, directories[i]))
			return true;
	return false;
}

/* For a process that did chroot(2), this name may be of another directory. */
static bool has_our(pid_t pid, const char *path)
{
	char name[64];
	struct stat ours, theirs;

	snprintf(name, sizeof name, "/proc/%d/root%s", (int)pid, path);
	return lstat(path, &ours) == 0 && lstat(name, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static bool is_path_of_ours(pid_t pid, int directory, uint64_t address)
{
	char path[PATH_SIZE];
	size_t len;

	read_path(pid, address, path);
	len = strlen(path);
	if (len == 0)
		return is_descriptor_of_ours(pid, directory);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		if ((strcmp(path, directories[i]) == 0 && has_our(pid, path)) ||
		    (strcmp(path, directories[i] + 1) == 0 &&
		     descriptor_leads_to(pid, directory, "/")))
			return true;
	return false;
}

/* Which of `calls`, or N_CALLS.  A package manager makes tens of thousands of them, and looking a
 * number up by its name takes as long as all the rest: those of our own architecture are kept. */
static size_t call_of(const struct seccomp_data *data)
{
	static int numbers[N_CALLS];
	bool native = data->arch == seccomp_arch_native();
	size_t i = 0;

	if (numbers[0] == 0)
		for (size_t k = 0; k < N_CALLS; k++)
			numbers[k] = seccomp_syscall_resolve_name(calls[k].name);
	while (i < N_CALLS &&
	       data->nr != (native ? numbers[i]
				   : seccomp_syscall_resolve_name_arch(data->arch, calls[i].name)))
		i++;
	return i;
}

static bool is_ours(const struct seccomp_notif *call)
{
	const uint64_t *args = (const uint64_t *)call->data.args;
	pid_t pid = (pid_t)call->pid;
	size_t i = call_of(&call->data);

	if (i == N_CALLS)
		return false;
	switch (calls[i].form) {
	case PATH:
		return is_path_of_ours(pid, AT_FDCWD, args[0]);
	case DESCRIPTOR:
		return is_descriptor_of_ours(pid, (int)args[0]);
	case DIRECTORY_AND_PATH:
		return is_path_of_ours(pid, (int)args[0], args[1]);
	}
	return false;
}

void mount_points_answer(int listener)
{
	struct seccomp_notif *call = NULL;
	struct seccomp_notif_resp *answer = NULL;

	if (seccomp_notify_alloc(&call, &answer) < 0)
		return;
	/* It fails when the caller was killed meanwhile. */
	if (seccomp_notify_receive(listener, call) == 0) {
		answer->id = call->id;
		answer->flags = is_ours(call) ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		seccomp_notify_respond(listener, answer);
	}
	seccomp_notify_free(call, answer);
}

void mount_points_send(int socket, int listener)
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

int mount_points_receive(int socket)
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
	/* Who asks waits for the answer: on one processor, nobody has to wake another one up.  A
	 * kernel that cannot will do without. */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	return listener;
}
