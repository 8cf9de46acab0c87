/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rights are only ever added to the list of what is forbidden as the kernel's Landlock learns them.
 */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"

/* Not in the headers of the oldest systems we build on. */
enum { RIGHT_REFER = 1 << 13, RIGHT_TRUNCATE = 1 << 14 };
enum {
	READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE,
	FILL = LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
	       LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
	       LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	       LANDLOCK_ACCESS_FS_MAKE_SYM | RIGHT_REFER,
	OF_FILES = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
		   LANDLOCK_ACCESS_FS_EXECUTE | RIGHT_TRUNCATE,
};

/* The rule set as of ABI 6; older kernels take a prefix. */
struct ruleset {
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

/* By Landlock's ABI: 1 has the first 13 rights; 2 refer; 3 truncate; 4 TCP; 5 device ioctls; 6
 * scopes. */
static const struct abi {
	size_t size;
	struct ruleset handled;
} abis[] = {
	{8, {.files = (1 << 13) - 1}},
	{8, {.files = (1 << 14) - 1}},
	{8, {.files = (1 << 15) - 1}},
	{16, {.files = (1 << 15) - 1, .network = 3}},
	{16, {.files = (1 << 16) - 1, .network = 3}},
	{24, {.files = (1 << 16) - 1, .network = 3, .scoped = 3}},
};

static const struct {
	const char *path;
	unsigned access;
} system_paths[] = {
	{"/usr", LANDLOCK_READ | LANDLOCK_EXECUTE},    {"/bin", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/lib", LANDLOCK_READ | LANDLOCK_EXECUTE},    {"/lib64", LANDLOCK_READ | LANDLOCK_EXECUTE},
	{"/etc/ld.so.cache", LANDLOCK_READ},	       {"/sys/devices/system", LANDLOCK_READ},
	{"/dev/null", LANDLOCK_READ | LANDLOCK_WRITE}, {"/dev/urandom", LANDLOCK_READ},
};

int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version < 1 ? 0 : (int)version;
}

static const struct abi *abi_of_kernel(void)
{
	size_t version = (size_t)landlock_version(), known = sizeof abis / sizeof *abis;

	return &abis[(version < known ? version : known) - 1];
}

static int make(const struct ruleset *handled, size_t size, struct error *err)
{
	int fd = (int)syscall(SYS_landlock_create_ruleset, handled, size, 0);

	return fd < 0 ? error_os(err, ERROR_HOST, errno, "making a Landlock rule set") : fd;
}

int landlock_new(struct error *err)
{
	const struct abi *abi = abi_of_kernel();

	return make(&abi->handled, abi->size, err);
}

int landlock_new_with_network(struct error *err)
{
	const struct abi *abi = abi_of_kernel();
	struct ruleset handled = abi->handled;

	handled.network = 0;
	return make(&handled, abi->size, err);
}

static uint64_t rights_of(unsigned access, int fd)
{
	struct stat st;
	uint64_t rights = 0;

	if (access & LANDLOCK_READ)
		rights |= READ;
	if (access & LANDLOCK_EXECUTE)
		rights |= LANDLOCK_ACCESS_FS_EXECUTE;
	if (access & LANDLOCK_WRITE)
		rights |= WRITE;
	if (access & LANDLOCK_FILL)
		rights |= FILL;
	if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		rights &= OF_FILES;
	return rights & abi_of_kernel()->handled.files;
}

int landlock_allow(int ruleset, int fd, unsigned access, struct error *err)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights_of(access, fd),
						  .parent_fd = fd};

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_os(err, ERROR_HOST, errno, "adding a Landlock rule");
	return 0;
}

int landlock_allow_path(int ruleset, const char *path, unsigned access, struct error *err)
{
	CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? 0 : landlock_allow(ruleset, fd, access, err);
}

int landlock_allow_system(int ruleset, struct error *err)
{
	for (size_t i = 0; i < sizeof system_paths / sizeof *system_paths; i++)
		if (landlock_allow_path(ruleset, system_paths[i].path, system_paths[i].access,
					err) < 0)
			return -1;
	return 0;
}

int landlock_restrict(int ruleset)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}
