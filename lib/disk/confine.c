/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's tools parse hostile bytes, so each runs with Landlock rules under which it can open the
 * files of its image, which it gets as descriptors, and the system's libraries, and nothing else:
 * no path of the host, no TCP, no abstract socket.  Rights are only ever added to the list of what
 * is forbidden as the kernel's Landlock learns them; without Landlock in the kernel the limits
 * remain.  Capabilities go too, except those that let root open an image of another user.
 */
#include "disk/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"

enum { READ = LANDLOCK_ACCESS_FS_READ_FILE, WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE };
#define ADDRESS_SPACE ((rlim_t)4 << 30)

/* The rule set as of ABI 6; older kernels take a prefix. */
struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

struct abi {
	size_t size;
	struct ruleset handled;
};

/* By Landlock's ABI: 1 has the first 13 rights; 2 refer; 3 truncate; 4 TCP; 5 device ioctls; 6
 * scopes. */
static const struct abi abis[] = {
	{8, {.files = (1 << 13) - 1}},
	{8, {.files = (1 << 14) - 1}},
	{8, {.files = (1 << 15) - 1}},
	{16, {.files = (1 << 15) - 1, .network = 3}},
	{16, {.files = (1 << 16) - 1, .network = 3}},
	{24, {.files = (1 << 16) - 1, .network = 3, .scoped = 3}},
};
enum { TRUNCATE = 1 << 14 };

static const struct {
	const char *path;
	uint64_t rights;
} system_paths[] = {
	{"/usr", READ | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/bin", READ | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/lib", READ | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/lib64", READ | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE},
	{"/etc/ld.so.cache", READ},
	{"/sys/devices/system", READ | LANDLOCK_ACCESS_FS_READ_DIR},
	{"/dev/null", READ | WRITE},
	{"/dev/urandom", READ},
};

static int rule_add(int ruleset, int fd, uint64_t rights, struct error *err)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_os(err, ERROR_HOST, errno, "adding a Landlock rule");
	return 0;
}

static int rules_add(int ruleset, const struct confined_files *files, uint64_t handled,
		     struct error *err)
{
	for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++) {
		CLEANUP_CLOSE int fd = open(system_paths[i].path, O_PATH | O_CLOEXEC);

		if (fd >= 0 && rule_add(ruleset, fd, system_paths[i].rights, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < files->n_files; i++) {
		uint64_t rights = READ;

		if (i == 0 && files->writable)
			rights |= WRITE | (TRUNCATE & handled);
		if (rule_add(ruleset, files->fds[i], rights, err) < 0)
			return -1;
	}
	return 0;
}

/* Moves a descriptor out of the way; closes the old one. */
static int fd_move(int fd, struct error *err)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);

	if (moved < 0)
		error_os(err, ERROR_HOST, errno, "duplicating a descriptor");
	close(fd);
	return moved;
}

static int ruleset_add(struct confined_files *files, struct error *err)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	size_t known = sizeof abis / sizeof *abis;
	const struct abi *abi;
	int fd;

	if (version < 1)
		return 0;
	abi = &abis[(size_t)version < known ? (size_t)version - 1 : known - 1];
	fd = (int)syscall(SYS_landlock_create_ruleset, &abi->handled, abi->size, 0);
	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "making a Landlock rule set");
	fd = fd_move(fd, err);
	if (fd < 0)
		return -1;
	files->fds[files->n_fds++] = fd;
	return rules_add(fd, files, abi->handled.files, err);
}

static int file_add(struct confined_files *files, int fd, struct error *err)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, CONFINE_FIRST_FD);

	if (moved < 0)
		return error_os(err, ERROR_HOST, errno, "duplicating a descriptor");
	files->fds[files->n_fds++] = moved;
	files->n_files++;
	return 0;
}

static int file_add_writable(struct confined_files *files, const struct image_file *file,
			     struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", file->fd);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return error_os(err, errno == EACCES ? ERROR_DENIED : ERROR_IO, errno,
				"%s: opening for writing", file->path);
	return file_add(files, fd, err);
}

int confined_files_open(const struct image *image, bool writable, struct confined_files *ret,
			struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {.writable = writable};

	if (image->n_files >= CONFINE_MAX_FILES)
		return error_set(err, ERROR_BUG, "a chain of %zu files", image->n_files);
	if (writable && file_add_writable(&files, &image->files[0], err) < 0)
		return -1;
	for (size_t i = files.n_files; i < image->n_files; i++)
		if (file_add(&files, image->files[i].fd, err) < 0)
			return -1;
	if (ruleset_add(&files, err) < 0)
		return -1;
	*ret = files;
	files = (struct confined_files){0};
	return 0;
}

int confined_files_single(int fd, struct confined_files *ret, struct error *err)
{
	CLEANUP_CONFINED_FILES struct confined_files files = {.writable = true};

	if (file_add(&files, fd, err) < 0 || ruleset_add(&files, err) < 0)
		return -1;
	*ret = files;
	files = (struct confined_files){0};
	return 0;
}

void confined_files_close(struct confined_files *files)
{
	for (size_t i = 0; i < files->n_fds; i++)
		close(files->fds[i]);
	*files = (struct confined_files){0};
}

/* `locking` stays QEMU's own: a machine that starts on the image while we read it is noticed. */
static json_t *file_node(int fd)
{
	CLEANUP_FREE char *path = xasprintf("/proc/self/fd/%d", fd);
	json_t *node = json_object();

	json_put_string(node, "driver", "file");
	json_put_string(node, "filename", path);
	return node;
}

char *confined_files_graph(const struct image *image, const struct confined_files *files,
			   size_t depth)
{
	CLEANUP_JSON json_t *below = json_null();
	CLEANUP_FREE char *bytes = NULL;

	for (size_t i = depth; i-- > 0;) {
		json_t *node = json_object();

		json_put_string(node, "driver", image_format_name(image->files[i].format));
		json_put_bool(node, "read-only", i > 0 || !files->writable);
		json_put(node, "file", file_node(files->fds[i]));
		if (image->files[i].format == IMAGE_FORMAT_QCOW2)
			json_put(node, "backing", steal(below));
		else
			json_decref(below);
		below = node;
	}
	bytes = json_to_bytes(below);
	return xasprintf("json:%s", bytes);
}

static void limit(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) == 0 &&
	    (now.rlim_max == RLIM_INFINITY || now.rlim_max > value))
		setrlimit(resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value});
}

int confine_child(void *opaque)
{
	const struct confined_files *files = opaque;

	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, ADDRESS_SPACE);
	for (int i = 0; i < 64; i++)
		if (i != CAP_DAC_OVERRIDE && i != CAP_DAC_READ_SEARCH)
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (files->n_fds == files->n_files)
		return 0;
	if (syscall(SYS_landlock_restrict_self, files->fds[files->n_files], 0) < 0)
		return -1;
	close(files->fds[files->n_files]);
	return 0;
}

int confined_tool_failed(const char *tool, const struct buffer *messages, struct error *err)
{
	const char *text = messages->len ? messages->data : "no message";
	size_t len = strcspn(text, "\n");

	if (strstr(text, " lock"))
		return error_set(
			err, ERROR_BUSY,
			"is open for writing by another process (a running machine?); stop "
			"it first");
	if (strstr(text, "No space left on device"))
		return error_set(err, ERROR_SPACE, "%s: %.*s", tool, (int)len, text);
	return error_set(err, ERROR_IMAGE, "%s: %.*s", tool, (int)len, text);
}
