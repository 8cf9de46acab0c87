/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/lifetime.h"

enum { HASH_LEN = 16, OLD_S = 86400 };

static void boot_hash(char ret[static HASH_LEN + 1])
{
	char hex[DIGEST_HEX_SIZE];
	struct digest digest;

	digest_of(lifetime_boot(), strlen(lifetime_boot()), &digest);
	digest_to_hex(&digest, hex);
	memcpy(ret, hex, HASH_LEN);
	ret[HASH_LEN] = '\0';
}

char *temporary_name(const char *label)
{
	static atomic_uint count;
	char hash[HASH_LEN + 1];

	boot_hash(hash);
	return xasprintf(TEMPORARY_PREFIX "%s-%u.%d.%llu.%s", label, atomic_fetch_add(&count, 1),
			 (int)getpid(), (unsigned long long)lifetime_started(), hash);
}

char *temporary_path(const char *parent, const char *label)
{
	CLEANUP_FREE char *name = temporary_name(label);

	return path_join(parent, name);
}

/* PID.STARTED.HASH at the end of a name. */
static bool read_tag(const char *name, uint64_t *ret_pid, uint64_t *ret_started,
		     char ret_hash[static HASH_LEN + 1])
{
	unsigned long long pid, started;
	const char *at = name + strlen(name);
	int used = 0;

	for (int dots = 0; at > name && dots < 3;)
		dots += *--at == '.';
	if (*at != '.' ||
	    sscanf(at, ".%llu.%llu.%16[0-9a-f]%n", &pid, &started, ret_hash, &used) != 3 ||
	    at[used] != '\0' || strlen(ret_hash) != HASH_LEN)
		return false;
	*ret_pid = pid;
	*ret_started = started;
	return true;
}

enum temporary_owner temporary_owner_of(const char *name)
{
	char hash[HASH_LEN + 1], own[HASH_LEN + 1];
	uint64_t pid, started;

	if (!temporary_named(name))
		return TEMPORARY_NOT;
	boot_hash(own);
	if (!read_tag(name, &pid, &started, hash) || strcmp(hash, own) != 0)
		return TEMPORARY_ELSEWHERE;
	return lifetime_is_over(pid, started) ? TEMPORARY_GONE : TEMPORARY_ALIVE;
}

char *temporary_directory_make(const char *parent, const char *label, struct error *err)
{
	CLEANUP_FREE char *path = temporary_path(parent, label);

	if (mkdir(path, 0700) < 0)
		return error_os(err, errno == ENOENT ? ERROR_MISSING : ERROR_IO, errno, "%s",
				parent),
		       NULL;
	return steal(path);
}

static bool is_abandoned(int directory, const char *name)
{
	enum temporary_owner owner = temporary_owner_of(name);
	struct stat st;

	if (owner != TEMPORARY_ELSEWHERE)
		return owner == TEMPORARY_GONE;
	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       time(NULL) - st.st_mtime > OLD_S;
}

void temporary_sweep(const char *directory)
{
	CLEANUP_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	struct error ignored;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_FREE char *path = path_join(directory, entry->d_name);

		if (is_abandoned(fd, entry->d_name) && unlinkat(fd, entry->d_name, 0) < 0 &&
		    (errno == EISDIR || errno == EPERM))
			directory_remove(path, &ignored);
	}
	if (dir)
		closedir(dir);
	else
		close_p(&copy);
}
