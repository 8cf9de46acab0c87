/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of the guest that would look at, or write to, a machine that is not there.
 *
 * Most are called by absolute path (grub-mkconfig has /usr/sbin/grub-probe built in), so a
 * directory in front of PATH would not do: this program is mounted over them.  Only while packages
 * are configured: unpacking renames new files over old ones, and over a mount point that is EBUSY.
 *
 * blkid and findmnt are copied into the initramfs, by their absolute paths, and must be the guest's
 * own there; who asks them calls them by name.  So links to us lie where a PATH has them earlier:
 * in /usr/local/sbin, and for mkinitramfs, which sets PATH=/usr/bin:/sbin:/bin, in /usr/bin.
 *
 * Those that would write boot code succeed and are logged, for the record to say that it was not
 * done; those that ask get answers from the guest's own file system table.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"

#define CALLS_LOG JOB_DIRECTORY "/stub-calls"

enum { CALLS_LIMIT = 1 << 16, JOB_LIMIT = 16 << 20, MOUNTED_LIMIT = 64 };

struct stub {
	const char *name;
	int (*answer)(const struct job *job, int argc, char **argv); /* NULL: does nothing */
	bool logged;
	const char *links[3]; /* directories for links; none: mounted over the program */
};

static const struct stub stubs[] = {
	{"grub-probe", answer_grub_probe, false, {NULL}},
	{"grub2-probe", answer_grub_probe, false, {NULL}},
	{"grub-mkrelpath", answer_grub_mkrelpath, false, {NULL}},
	{"grub2-mkrelpath", answer_grub_mkrelpath, false, {NULL}},
	{"findmnt", answer_findmnt, false, {"/usr/local/sbin"}},
	{"blkid", answer_blkid, false, {"/usr/local/sbin", "/usr/bin"}},
	{"grub-install", NULL, true, {NULL}},
	{"grub2-install", NULL, true, {NULL}},
	{"grub-bios-setup", NULL, true, {NULL}},
	{"efibootmgr", NULL, true, {NULL}},
	{"bootctl", NULL, true, {NULL}},
	{"os-prober", NULL, false, {NULL}},
	{"linux-boot-prober", NULL, false, {NULL}},
};
enum { N_STUBS = sizeof stubs / sizeof *stubs };

static const char *const directories[] = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};

static char *mounted[MOUNTED_LIMIT];
static size_t n_mounted;
static char *linked[MOUNTED_LIMIT];
static size_t n_linked;

const struct stub *stub_find(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	const char *name = slash ? slash + 1 : argv0;

	for (size_t i = 0; i < N_STUBS; i++)
		if (strcmp(stubs[i].name, name) == 0)
			return &stubs[i];
	return NULL;
}

static void log_call(const struct stub *stub, int argc, char **argv)
{
	CLEANUP_BUFFER struct buffer line = {0};
	CLEANUP_CLOSE int fd =
		open(CALLS_LOG, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	buffer_puts(&line, stub->name);
	for (int i = 1; i < argc; i++)
		buffer_printf(&line, " %s", argv[i]);
	buffer_putc(&line, '\n');
	if (fd < 0 || write(fd, line.data, line.len) < 0)
		fprintf(stderr, "%s: cannot be logged\n", stub->name);
}

static struct job *read_job(void)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_CLOSE int fd = open(JOB_DIRECTORY "/job.json", O_RDONLY | O_CLOEXEC);
	struct error err = {0};
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && text.len < JOB_LIMIT) {
		n = read(fd, buffer_reserve(&text, 1 << 16), 1 << 16);
		if (n > 0)
			text.len += (size_t)n;
	}
	return text.len ? job_from_json(text.data, text.len, &err) : NULL;
}

int stub_main(const struct stub *stub, int argc, char **argv)
{
	CLEANUP(job_free)
	struct job *job = NULL;

	if (stub->logged)
		log_call(stub, argc, argv);
	if (!stub->answer)
		return 0;
	job = read_job();
	if (!job) {
		fprintf(stderr, "%s: no answers here\n", stub->name);
		return 1;
	}
	return stub->answer(job, argc, argv);
}

static bool is_mounted(const char *path)
{
	for (size_t i = 0; i < n_mounted; i++)
		if (strcmp(mounted[i], path) == 0)
			return true;
	return false;
}

/* /sbin may be a link to /usr/sbin, and a program a link to another (alternatives, busybox): then
 * the name, not what it points to, decides. */
static int stub_mount(const char *directory, const char *name, struct error *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", directory, name);
	CLEANUP_FREE char *real = realpath(path, NULL);
	struct stat st;

	if (!real || lstat(real, &st) < 0 || !S_ISREG(st.st_mode) || is_mounted(real) ||
	    strcmp(strrchr(real, '/') + 1, name) != 0 || n_mounted == MOUNTED_LIMIT)
		return 0;
	if (mount_over(JOB_DIRECTORY "/stub", real, err) < 0)
		return -1;
	mounted[n_mounted++] = steal(real);
	return 0;
}

static int stub_mount_everywhere(const struct stub *stub, struct error *err)
{
	for (size_t d = 0; d < sizeof directories / sizeof *directories; d++)
		if (stub_mount(directories[d], stub->name, err) < 0)
			return -1;
	return 0;
}

static bool is_installed(const char *name)
{
	for (size_t d = 0; d < sizeof directories / sizeof *directories; d++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", directories[d], name);

		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Where the name is taken, or the directory absent, the guest's own program answers. */
static int stub_link(const struct stub *stub, struct error *err)
{
	for (size_t i = 0; stub->links[i] && n_linked < MOUNTED_LIMIT; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", stub->links[i], stub->name);

		if (symlink_quietly(JOB_DIRECTORY "/stub", path) == 0)
			linked[n_linked++] = steal(path);
		else if (errno != EEXIST && errno != ENOENT && errno != ENOTDIR)
			return error_os(err, ERROR_HOST, errno, "make %s for the run", path);
	}
	return 0;
}

int stubs_mount(struct error *err)
{
	for (size_t i = 0; i < N_STUBS; i++) {
		const struct stub *stub = &stubs[i];

		if (!is_installed(stub->name))
			continue;
		if ((stub->links[0] ? stub_link(stub, err) : stub_mount_everywhere(stub, err)) < 0)
			return -1;
	}
	return 0;
}

static int stub_unlink(const char *path, struct error *err)
{
	char target[sizeof JOB_DIRECTORY "/stub"];
	ssize_t n = readlink(path, target, sizeof target);

	if (n != sizeof target - 1 || memcmp(target, JOB_DIRECTORY "/stub", n) != 0)
		return 0;
	if (unlink_quietly(path) < 0)
		return error_os(err, ERROR_HOST, errno, "remove %s after the run", path);
	return 0;
}

int stubs_unmount(struct error *err)
{
	struct error ignored = {0};
	int outcome = 0;

	while (n_linked > 0) {
		outcome |= stub_unlink(linked[--n_linked], err ? err : &ignored);
		free(linked[n_linked]);
	}
	while (n_mounted > 0) {
		outcome |= unmount_from(mounted[--n_mounted], err ? err : &ignored);
		free(mounted[n_mounted]);
	}
	return err ? outcome : 0;
}

void stub_calls_report(int report)
{
	CLEANUP_BUFFER struct buffer text = {0};
	CLEANUP_CLOSE int fd = open(CALLS_LOG, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char *line, *rest;
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, buffer_reserve(&text, CALLS_LIMIT), CALLS_LIMIT);
	if (n <= 0)
		return;
	text.data[n] = '\0';
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		report_pair(report, "stub", "call", line);
}
