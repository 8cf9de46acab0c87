/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One job in an appliance: what tests/hostile/appliance-*.sh does to the watchdog.
 *
 *     appliance_job_tool build CACHE
 *     appliance_job_tool run APPLIANCE WORK IMAGE LAUNCH PROGRAM SHUTDOWN PROGRAM-AND-ARGUMENTS...
 *
 * `build` prints the directory of the fixed appliance and its digest.  `run` takes any directory
 * with kernel, initrd, root and README.fixed; the first partition of the raw image WORK/IMAGE, or
 * the NBD server at WORK/IMAGE when that is a socket, is the program's root; LAUNCH, PROGRAM and
 * SHUTDOWN are deadlines in seconds.  The console goes to WORK/console; the kernel's release is
 * printed.  Exits with the kind of the error.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "appliance/appliance.h"
#include "base/file.h"

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static bool is_stopped(void *opaque)
{
	(void)opaque;
	return stopped;
}

static void show(void *opaque, const struct progress *progress)
{
	(void)opaque;
	fprintf(stderr, "%s ...\n", progress->stage);
}

static const struct monitor monitor = {.progress = show, .cancelled = is_stopped};

static int build(char **argv, struct error *err)
{
	CLEANUP(fixed_appliance_free)
	struct fixed_appliance *fixed = fixed_appliance_open(argv[2], &monitor, err);
	char hex[DIGEST_HEX_SIZE];

	if (!fixed)
		return -1;
	digest_to_hex(&fixed->digest, hex);
	printf("%s %s\n", fixed->directory, hex);
	return 0;
}

static bool is_socket(const char *directory, const char *name)
{
	CLEANUP_FREE char *path = path_join(directory, name);
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int run(char **argv, struct error *err)
{
	const struct fixed_appliance fixed = {.directory = argv[2]};
	const struct appliance_mount root = {
		.partition = 1, .type = "ext4", .options = "ro,noload", .target = "/"};
	CLEANUP_FREE char *console = path_join(argv[3], "console");
	struct appliance_disk disk = {.raw = argv[4]};
	struct appliance_outcome outcome;
	int result;
	CLEANUP_CLOSE int log = open(console, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const struct appliance_job job = {.fixed = &fixed,
					  .disks = &disk,
					  .n_disks = 1,
					  .mounts = &root,
					  .n_mounts = 1,
					  .argv = (const char *const *)argv + 8,
					  .work_dir = argv[3],
					  .memory_mib = 512,
					  .deadlines = {.launch = (unsigned)atoi(argv[5]),
							.program = (unsigned)atoi(argv[6]),
							.shutdown = (unsigned)atoi(argv[7])},
					  .log_fd = log,
					  .monitor = &monitor};

	if (is_socket(argv[3], argv[4]))
		disk = (struct appliance_disk){.socket = argv[4]};
	result = appliance_run(&job, &outcome, err);
	printf("kernel %s\n", outcome.kernel);
	return result;
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = stop};
	struct error err = {0};
	int result;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (argc == 3 && strcmp(argv[1], "build") == 0)
		result = build(argv, &err);
	else if (argc >= 9 && strcmp(argv[1], "run") == 0)
		result = run(argv, &err);
	else
		return ERROR_USAGE;
	if (result < 0)
		fprintf(stderr, "%s: %s\n", error_kind_name(err.kind), err.msg);
	return result < 0 ? (int)err.kind : 0;
}
