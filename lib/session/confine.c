/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session/confine.h"

#include <errno.h>
#include <libgen.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/landlock.h"
#include "session/confine_calls.h"
#include "session/confine_mounts.h"
#include "session/confine_paths.h"

/* Of addresses, not of memory: what is mapped counts too. */
#define ADDRESS_SPACE ((rlim_t)16 << 30)

/* Without the right to move files between directories (version 2) no stage can be published. */
enum { MIN_LANDLOCK = 2, OPEN_FILES = 4096 };

static void limit(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) == 0 &&
	    (now.rlim_max == RLIM_INFINITY || now.rlim_max > value))
		setrlimit(resource, &(struct rlimit){.rlim_cur = value, .rlim_max = value});
}

/* Guest code and QEMU inherit the limits, so a worker that starts them has none on size. */
static void set_limits(const struct confinement *confinement)
{
	limit(RLIMIT_CORE, 0);
	umask(022);
	if (confinement->by == CONFINED_LOOSELY)
		return;
	limit(RLIMIT_AS, ADDRESS_SPACE);
	limit(RLIMIT_NOFILE, OPEN_FILES);
}

/* Only root may; others are kept from the network by the filter and by Landlock. */
static int leave_network(const struct confinement *confinement, struct error *err)
{
	if (confinement->network)
		return 0;
	if (unshare(CLONE_NEWNET) < 0 && errno != EPERM && errno != EINVAL)
		return error_os(err, ERROR_HOST, errno, "a network namespace for a worker");
	return 0;
}

static int keep_capabilities(uint64_t kept, struct error *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}, {0}};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < 64; i++)
		if (!(kept >> i & 1))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (syscall(SYS_capget, &header, data) < 0)
		return error_os(err, ERROR_HOST, errno, "capget");
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(kept >> (32 * i));
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return error_os(err, ERROR_HOST, errno, "dropping capabilities");
	return 0;
}

static int allow_list(int ruleset, const char *const *paths, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (landlock_allow_path(ruleset, paths[i], LANDLOCK_READ, err) < 0)
			return -1;
	return 0;
}
#define ALLOW_LIST(ruleset, paths, err)                                                            \
	allow_list((ruleset), (paths), sizeof(paths) / sizeof *(paths), (err))

/* How names of hosts are looked up. */
static int allow_names(int ruleset, struct error *err)
{
	static const char *const readable[] = {
		"/etc/resolv.conf", "/etc/hosts",     "/etc/host.conf",	     "/etc/gai.conf",
		"/etc/services",    "/etc/protocols", "/run/systemd/resolve"};

	return ALLOW_LIST(ruleset, readable, err);
}

/* Beside a program's own needs: what libraries look up, and what lib/ itself asks the kernel. */
static int allow_host(int ruleset, struct error *err)
{
	static const char *const readable[] = {"/proc",	      "/etc/ssl",    "/etc/localtime",
					       "/etc/passwd", "/etc/group",  "/etc/nsswitch.conf",
					       "/dev/zero",   "/dev/random", "/dev/full"};

	if (landlock_allow_system(ruleset, err) < 0)
		return -1;
	return ALLOW_LIST(ruleset, readable, err);
}

static int allow_paths(int ruleset, const struct paths *paths, struct error *err)
{
	for (size_t i = 0; i < paths->n; i++) {
		unsigned access = LANDLOCK_READ;

		if (paths->items[i].writable)
			access |= LANDLOCK_WRITE | LANDLOCK_FILL;
		if (landlock_allow_path(ruleset, paths->items[i].path, access, err) < 0)
			return error_prefix(err, "%s", paths->items[i].path);
	}
	return 0;
}

static int restrict_files(const struct paths *paths, bool network, struct error *err)
{
	CLEANUP_CLOSE int ruleset = -1;

	if (landlock_version() < MIN_LANDLOCK)
		return 0;
	ruleset = network ? landlock_new_with_network(err) : landlock_new(err);
	if (ruleset < 0 || allow_host(ruleset, err) < 0 || allow_paths(ruleset, paths, err) < 0 ||
	    (network && allow_names(ruleset, err) < 0))
		return -1;
	if (landlock_restrict(ruleset) < 0)
		return error_os(err, ERROR_HOST, errno, "applying Landlock rules");
	return 0;
}

static int confine_files(const struct confinement *confinement, const struct paths *paths,
			 const json_t *keys, struct error *err)
{
	if (confine_mounts_possible() &&
	    confine_mounts(paths, confinement->by == CONFINED_BY_MOUNTS, keys, err) < 0)
		return -1;
	if (keep_capabilities(confinement->capabilities, err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_os(err, ERROR_HOST, errno, "no_new_privs");
	if (confinement->by != CONFINED_BY_RULES)
		return 0;
	return restrict_files(paths, confinement->network, err);
}

/* Libraries make temporary files in the first directory that may be filled. */
static void set_temporary_directory(const struct paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->items[i].writable) {
			setenv("TMPDIR", paths->items[i].path, 1);
			return;
		}
}

int confine_worker(const struct confinement *confinement, const json_t *input, const json_t *keys,
		   struct error *err)
{
	CLEANUP_PATHS struct paths paths = {0};

	if (paths_collect(confinement->paths, input, &paths, err) < 0)
		return -1;
	set_limits(confinement);
	if (confinement->by != CONFINED_LOOSELY)
		set_temporary_directory(&paths);
	if (leave_network(confinement, err) < 0 ||
	    confine_files(confinement, &paths, keys, err) < 0)
		return -1;
	return confine_calls(confinement, err);
}

static void add_word(char **text, const char *word)
{
	char *longer = *text ? xasprintf("%s, %s", *text, word) : xstrdup(word);

	free(*text);
	*text = longer;
}

char *confine_lacks(void)
{
	char *lacks = NULL;

	if (!confine_mounts_possible()) {
		add_word(&lacks, "a network namespace");
		add_word(&lacks, "a mount namespace");
	}
	if (landlock_version() < MIN_LANDLOCK)
		add_word(&lacks, "Landlock");
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
		add_word(&lacks, "seccomp");
	return lacks;
}
