/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev: the nodes that every program may expect, none of the host's disks.  The guest's own disks
 * are there by name only, as empty files: update-grub looks whether /dev/disk/by-uuid/UUID exists
 * before it writes root=UUID.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runner.h"

static struct node {
	const char *path;
	unsigned major, minor;
	int tree;
} nodes[] = {
	{"/dev/null", 1, 3, -1},   {"/dev/zero", 1, 5, -1},    {"/dev/full", 1, 7, -1},
	{"/dev/random", 1, 8, -1}, {"/dev/urandom", 1, 9, -1}, {"/dev/tty", 5, 0, -1},
};
enum { N_NODES = sizeof nodes / sizeof *nodes };

static const char *const links[][2] = {
	{"/proc/self/fd", "/dev/fd"},	    {"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
	{"pts/ptmx", "/dev/ptmx"},
};

void devices_grab(void)
{
	for (size_t i = 0; i < N_NODES; i++)
		nodes[i].tree =
			open_tree(AT_FDCWD, nodes[i].path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

/* A user namespace cannot make device nodes but can bind them; an appliance has no host nodes at
 * the place where we look but can make them. */
static int node_make(const struct node *node, struct error *err)
{
	if (node->tree < 0) {
		if (mknod(node->path, S_IFCHR | 0666, makedev(node->major, node->minor)) < 0 ||
		    chmod(node->path, 0666) < 0)
			return error_os(err, ERROR_HOST, errno, "make %s", node->path);
		return 0;
	}
	if (tmpfs_file(node->path, "", 0666, err) < 0)
		return -1;
	if (move_mount(node->tree, "", AT_FDCWD, node->path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_os(err, ERROR_HOST, errno, "mount %s", node->path);
	return 0;
}

/* Names come from the guest: one path component below /dev/disk/KIND, or nothing. */
static void disk_link(const char *kind, const char *name, const char *device)
{
	CLEANUP_FREE char *directory = xasprintf("/dev/disk/%s", kind);
	CLEANUP_FREE char *path = xasprintf("%s/%s", directory, name ? name : "");

	if (!name || !*name || strchr(name, '/') || name[0] == '.')
		return;
	mkdir(directory, 0755);
	if (symlink(device, path) < 0 && errno != EEXIST)
		unlink(path);
}

static void parents_make(const char *path)
{
	char part[PATH_MAX];

	for (size_t i = 1; path[i] && i < sizeof part - 1; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		mkdir(part, 0755);
	}
}

/* The other nodes of a volume, whose directory may be the volume's group: "/dev/vg/root". */
static void node_link(const char *node, const char *device)
{
	if (strncmp(node, "/dev/", 5) != 0 || strstr(node, "/.."))
		return;
	parents_make(node);
	if (symlink(device, node) < 0 && errno != EEXIST)
		unlink(node);
}

static void disk_names(const struct job_filesystem *fs)
{
	int fd;

	if (!fs->device || strncmp(fs->device, "/dev/", 5) != 0 || strstr(fs->device, "/.."))
		return;
	parents_make(fs->device);
	fd = open(fs->device, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0660);
	if (fd >= 0)
		close(fd);
	disk_link("by-uuid", fs->uuid, fs->device);
	disk_link("by-partuuid", fs->partuuid, fs->device);
	disk_link("by-label", fs->label, fs->device);
	for (size_t i = 0; fs->nodes && fs->nodes[i]; i++)
		node_link(fs->nodes[i], fs->device);
}

int devices_make(const struct job *job, struct error *err)
{
	for (size_t i = 0; i < N_NODES; i++)
		if (node_make(&nodes[i], err) < 0)
			return -1;
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlink(links[i][0], links[i][1]) < 0)
			return error_os(err, ERROR_HOST, errno, "make %s", links[i][1]);
	mkdir("/dev/disk", 0755);
	for (size_t i = 0; i < job->n_filesystems; i++)
		disk_names(&job->filesystems[i]);
	return 0;
}

int network_up(struct error *err)
{
	CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_os(err, ERROR_HOST, errno, "bring up the loopback interface");
	return 0;
}
