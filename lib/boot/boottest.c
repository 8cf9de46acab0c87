/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's disks reach QEMU through qemu-nbd exports that are read-only, and QEMU keeps what the
 * guest writes in a temporary file: nothing the guest does comes near an image.  What it prints is
 * read with a limit and looked at as bytes.
 */
#include "boot/boottest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "appliance/kvm.h"
#include "base/file.h"
#include "base/process.h"
#include "boot/console.h"
#include "boot/machine.h"
#include "boot/menu.h"
#include "disk/export.h"

#define KVM_CACHE "/run/coldpatch"

enum {
	MAX_DISKS = 20,
	KVM_DEADLINE_S = 120,
	TCG_DEADLINE_S = 900,
	CONSOLE_LIMIT = 16 << 20,
	MESSAGES_LIMIT = 4096,
	SLICE_MS = 200,
	GRACE_MS = 2000,
	PIECE = 1 << 20,
};
static const uint64_t boot_file_limit = UINT64_C(1) << 30;

const char *boot_accelerator_name(enum boot_accelerator accelerator)
{
	return accelerator == BOOT_ACCELERATOR_KVM ? "kvm" : "tcg";
}

int boot_test_choose(bool sandbox_ok, enum boot_accelerator *ret, struct error *err)
{
	struct error why = {0};

	if (kvm_usable(geteuid() == 0 ? KVM_CACHE : NULL, &why) == 0)
		*ret = BOOT_ACCELERATOR_KVM;
	else if (sandbox_ok)
		*ret = BOOT_ACCELERATOR_TCG;
	else
		return error_set(
			err, ERROR_HOST,
			"no boot test is allowed here: it needs KVM (%s), and emulation is "
			"not allowed for this trust domain; run where KVM works, or list "
			"the domain under sandbox-ok in the host's configuration",
			why.msg);
	return 0;
}

static bool has_serial_console(const struct guest_boot *boot)
{
	return boot->default_options && strstr(boot->default_options, "console=ttyS");
}

/* Without a serial console its loader could not be seen; without boot code there is none to start.
 */
static bool boots_directly(const struct guest_boot *boot)
{
	return !has_serial_console(boot) || !boot->firmware ||
	       strcmp(boot->firmware, "unknown") == 0;
}

static bool boots_by_uefi(const struct guest_boot *boot)
{
	return boot->firmware && strcmp(boot->firmware, "uefi") == 0;
}

static const struct guest_kernel *default_kernel(const struct guest_boot *boot)
{
	for (size_t i = 0; boot->default_kernel && i < boot->n_kernels; i++)
		if (strcmp(boot->kernels[i].version, boot->default_kernel) == 0)
			return boot->kernels[i].image ? &boot->kernels[i] : NULL;
	return NULL;
}

int boot_test_possible(const struct guest *guest, struct error *err)
{
	const struct guest_boot *boot = &guest->boot;
	const char *architecture = guest->os.architecture;

	if (!architecture || strcmp(architecture, "x86_64") != 0)
		return error_set(err, ERROR_HOST,
				 "boot tests are made for x86_64 guests only, this one is %s",
				 architecture ? architecture : "unknown");
	if (guest->n_disks > MAX_DISKS)
		return error_set(err, ERROR_HOST, "a boot test takes at most %d disks", MAX_DISKS);
	if (boots_directly(boot))
		return default_kernel(boot)
			       ? 0
			       : error_set(err, ERROR_IMAGE,
					   "there is nothing to boot-test: the guest has no kernel "
					   "that its boot loader starts");
	if (boots_by_uefi(boot) && !machine_uefi_firmware(err))
		return -1;
	return 0;
}

struct run {
	const struct boot_test *test;
	char *directory; /* private; the sockets' names in it are short */
	struct image_export *exports[MAX_DISKS];
	char *sockets[MAX_DISKS];
	struct machine machine;
	char *kernel, *initramfs, *options;
	pid_t qemu;
	int console, messages, log;
	size_t logged;
	struct console seen;
};

static void run_close(struct run *run)
{
	struct error ignored;

	process_stop(run->qemu, GRACE_MS);
	for (size_t i = 0; i < MAX_DISKS; i++) {
		image_export_free(run->exports[i]);
		free(run->sockets[i]);
	}
	close_p(&run->console);
	close_p(&run->messages);
	close_p(&run->log);
	if (run->directory)
		directory_remove(run->directory, &ignored);
	free(run->directory);
	free(run->kernel);
	free(run->initramfs);
	free(run->options);
}

static int copy_content(const struct tree_node *node, int to, struct error *err)
{
	CLEANUP_FREE char *piece = xmalloc(PIECE);
	uint64_t offset = 0;
	ssize_t n;

	while ((n = fs_read(node->fs, node->ino, piece, PIECE, offset, err)) > 0) {
		offset += (uint64_t)n;
		if (file_write_all(to, piece, (size_t)n, err) < 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

/* A file of the guest into our directory. */
static int copy_file(const struct run *run, const char *from, const char *to, struct error *err)
{
	CLEANUP_CLOSE int fd = -1;
	struct tree_node node;
	int found = tree_lookup(run->test->tree, from, TREE_FOLLOW, &node, err);

	if (found < 0)
		return -1;
	if (!found || !S_ISREG(node.stat.mode))
		return error_set(err, ERROR_IMAGE, "%s in the guest is not a file", from);
	if (node.stat.size > boot_file_limit)
		return error_set(err, ERROR_IMAGE, "%s in the guest is too large to be booted",
				 from);
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_os(err, ERROR_IO, errno, "%s", to);
	if (copy_content(&node, fd, err) < 0)
		return error_prefix(err, "%s in the guest", from);
	return 0;
}

/* Its own command line with a serial console; without a menu, the root that we know. */
static char *direct_options(const struct guest *guest)
{
	const struct guest_filesystem *root = guest_filesystem_at(guest, "/");

	if (guest->boot.default_options)
		return xasprintf("%s console=ttyS0", guest->boot.default_options);
	return xasprintf("root=UUID=%s ro console=ttyS0", root && root->uuid ? root->uuid : "");
}

static int prepare_direct(struct run *run, struct error *err)
{
	const struct guest *guest = run->test->guest;
	const struct guest_kernel *kernel = default_kernel(&guest->boot);

	run->kernel = path_join(run->directory, "kernel");
	if (copy_file(run, kernel->image, run->kernel, err) < 0)
		return -1;
	run->machine.kernel = run->kernel;
	run->machine.options = run->options = direct_options(guest);
	if (!kernel->initramfs)
		return 0;
	run->machine.initramfs = run->initramfs = path_join(run->directory, "initramfs");
	return copy_file(run, kernel->initramfs, run->initramfs, err);
}

static int prepare(struct run *run, struct error *err)
{
	const struct boot_test *test = run->test;

	run->directory = directory_make_temporary(test->work_dir, "b", err);
	if (!run->directory)
		return -1;
	run->log = open(test->console_path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
			0640);
	if (run->log < 0)
		return error_os(err, ERROR_IO, errno, "%s", test->console_path);
	for (size_t i = 0; i < test->n_images; i++) {
		run->sockets[i] = xasprintf("%s/%zu", run->directory, i);
		run->exports[i] = image_export(test->images[i], run->sockets[i], err);
		if (!run->exports[i])
			return -1;
	}
	run->machine = (struct machine){.sockets = (const char *const *)run->sockets,
					.n_sockets = test->n_images,
					.work_dir = run->directory,
					.kvm = test->accelerator == BOOT_ACCELERATOR_KVM};
	if (boots_directly(&test->guest->boot))
		return prepare_direct(run, err);
	if (boots_by_uefi(&test->guest->boot)) {
		run->machine.firmware = machine_uefi_firmware(err);
		return run->machine.firmware ? 0 : -1;
	}
	return 0;
}

static int start(struct run *run, struct error *err)
{
	int ends[2];

	run->messages = memfd_create("qemu", MFD_CLOEXEC);
	if (run->messages < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return error_os(err, ERROR_HOST, errno, "starting QEMU");
	run->console = ends[0];
	run->qemu = machine_start(&run->machine, ends[1], run->messages, err);
	close(ends[1]);
	return run->qemu < 0 ? -1 : 0;
}

/* Of a console that never stops, the first part is kept. */
static void keep(struct run *run, const char *buf, size_t len)
{
	struct error ignored;
	size_t room = CONSOLE_LIMIT - run->logged;

	len = len < room ? len : room;
	if (len && file_write_all(run->log, buf, len, &ignored) == 0)
		run->logged += len;
}

/* QEMU is gone: by itself (it never ran, or the guest rebooted or switched off). */
static int ended(struct run *run, struct error *err)
{
	CLEANUP_BUFFER struct buffer text = {0};
	struct error ignored = {0};
	int status = 0;

	waitpid(run->qemu, &status, 0);
	run->qemu = -1;
	lseek(run->messages, 0, SEEK_SET);
	file_read_fd(run->messages, "messages", MESSAGES_LIMIT, &text, &ignored);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		run->seen.state = CONSOLE_FAILED;
		run->seen.failure = "it switched itself off or restarted";
		return 0;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) >= 126)
		return error_set(err, ERROR_HOST,
				 "boot test: qemu-system-x86_64 cannot be run: install "
				 "qemu-system-x86");
	return error_set(err, ERROR_HOST, "boot test: QEMU ended with status %d: %.*s",
			 WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
			 text.len ? (int)strcspn(text.data, "\n") : 10,
			 text.len ? text.data : "no message");
}

static int read_console(struct run *run, struct error *err)
{
	struct pollfd console = {.fd = run->console, .events = POLLIN};
	char chunk[1 << 14];
	ssize_t n;

	if (poll(&console, 1, SLICE_MS) <= 0)
		return 0;
	n = read(run->console, chunk, sizeof chunk);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return ended(run, err);
	keep(run, chunk, (size_t)n);
	console_feed(&run->seen, chunk, (size_t)n);
	return 0;
}

static unsigned seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned)(now.tv_sec - start->tv_sec);
}

static unsigned deadline_of(const struct boot_test *test)
{
	if (test->deadline_s)
		return test->deadline_s;
	return test->accelerator == BOOT_ACCELERATOR_KVM ? KVM_DEADLINE_S : TCG_DEADLINE_S;
}

static int watch(struct run *run, unsigned deadline_s, unsigned *ret_seconds, struct error *err)
{
	struct timespec start_time;

	clock_gettime(CLOCK_MONOTONIC, &start_time);
	while (run->seen.state == CONSOLE_WAITING && seconds_since(&start_time) < deadline_s) {
		if (monitor_check(run->test->monitor, err) < 0 || read_console(run, err) < 0)
			return -1;
		monitor_progress(run->test->monitor, "boot", NULL, 0, 0);
	}
	*ret_seconds = seconds_since(&start_time);
	return 0;
}

static int judge(const struct run *run, unsigned deadline_s, struct error *err)
{
	CLEANUP_FREE char *why = NULL;

	if (run->seen.state == CONSOLE_PROMPT)
		return 0;
	why = run->seen.state == CONSOLE_FAILED ? xasprintf(": %s", run->seen.failure)
						: xasprintf(" within %u s", deadline_s);
	return error_set(err, ERROR_IMAGE,
			 "the patched guest did not reach its login prompt%s; last console line: "
			 "%.200s; console log: %s",
			 why, console_last_line(&run->seen), run->test->console_path);
}

int boot_test_run(const struct boot_test *test, struct boot_test_result *ret, struct error *err)
{
	__attribute__((cleanup(run_close))) struct run run = {
		.test = test, .qemu = -1, .console = -1, .messages = -1, .log = -1};
	unsigned deadline_s = deadline_of(test), seconds;

	if (boot_test_possible(test->guest, err) < 0 || prepare(&run, err) < 0 ||
	    start(&run, err) < 0 || watch(&run, deadline_s, &seconds, err) < 0 ||
	    judge(&run, deadline_s, err) < 0)
		return -1;
	*ret = (struct boot_test_result){.seconds = seconds, .direct = run.machine.kernel != NULL};
	return 0;
}
