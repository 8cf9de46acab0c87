/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "appliance/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/kernel.h"
#include "appliance/probe_image.h"
#include "base/file.h"
#include "base/json.h"
#include "base/process.h"

#define QEMU "/usr/bin/qemu-system-x86_64"

enum { DEADLINE_MS = 20000, MAX_CACHE = 4096 };

/* What an answer is good for: "BOOT-ID MTIME SIZE KERNEL". */
static char *cache_key(const struct host_kernel *kernel, struct error *err)
{
	CLEANUP_BUFFER struct buffer boot_id = {0};
	struct stat st;

	if (stat(QEMU, &st) < 0)
		return error_set(err, ERROR_HOST, "%s is missing: install qemu-system-x86", QEMU),
		       NULL;
	if (file_read("/proc/sys/kernel/random/boot_id", 64, &boot_id, err) < 0)
		return NULL;
	boot_id.data[strcspn(boot_id.data, "\n")] = '\0';
	return xasprintf("%s %lld.%09ld %lld %s", boot_id.data, (long long)st.st_mtim.tv_sec,
			 st.st_mtim.tv_nsec, (long long)st.st_size, kernel->release);
}

/* The initramfs as a path that QEMU can open: a descriptor of ours that it inherits. */
static int make_initramfs(struct error *err)
{
	CLEANUP_BUFFER struct buffer image = {0};
	char path[] = "/tmp/coldpatch-probe.XXXXXX";
	CLEANUP_CLOSE int fd = mkstemp(path);

	if (fd < 0)
		return error_os(err, ERROR_HOST, errno, "%s", path);
	unlink(path);
	probe_image_make(&image);
	if (file_write_all(fd, image.data, image.len, err) < 0)
		return -1;
	return steal_fd(&fd);
}

static int boot_kernel(const char *kernel, int initramfs, struct error *err)
{
	CLEANUP_FREE char *initrd = xasprintf("/proc/self/fd/%d", initramfs);
	const char *const argv[] = {QEMU,
				    "-nodefaults",
				    "-no-user-config",
				    "-machine",
				    "pc,accel=kvm",
				    "-cpu",
				    "max",
				    "-m",
				    "256",
				    "-display",
				    "none",
				    "-serial",
				    "stdio",
				    "-kernel",
				    kernel,
				    "-initrd",
				    initrd,
				    "-append",
				    "console=ttyS0 panic=-1 quiet",
				    "-no-reboot",
				    NULL};
	struct process_spec spec = {.argv = argv,
				    .pass_fds = &initramfs,
				    .n_pass_fds = 1,
				    .output_limit = 1 << 16,
				    .deadline_ms = DEADLINE_MS};
	CLEANUP_PROCESS_RESULT struct process_result result = {0};

	if (process_run(&spec, &result, err) < 0)
		return err->kind == ERROR_BUSY
			       ? error_set(err, ERROR_HOST,
					   "KVM does not work here: a kernel did not boot within "
					   "%d s although /dev/kvm opens",
					   DEADLINE_MS / 1000)
			       : -1;
	/* `out` holds what a kernel printed: it may contain NULs */
	if (result.out.len > 0 && memmem(result.out.data, result.out.len, PROBE_IMAGE_GREETING,
					 sizeof PROBE_IMAGE_GREETING - 2))
		return 0;
	return error_set(err, ERROR_HOST,
			 "KVM does not work here: QEMU exits with status %d before a kernel has "
			 "booted: %.300s",
			 result.exit_code, result.err.len ? result.err.data : "no message");
}

/* True when there is an answer: *ret_reason is NULL for yes. */
static bool read_cache(const char *path, const char *key, char **ret_reason)
{
	CLEANUP_FREE char *cached_key = NULL;
	CLEANUP_JSON json_t *json = NULL;
	struct error ignored = {0};
	struct json_reader reader = {NULL, path, ERROR_HOST, &ignored, false};

	json = json_read_file(path, ERROR_HOST, &ignored);
	if (!json)
		return false;
	reader.object = json;
	json_get_string(&reader, "key", &cached_key);
	if (reader.failed || strcmp(cached_key, key) != 0)
		return false;
	json_get_optional_string(&reader, "reason", ret_reason);
	return !reader.failed;
}

/* An answer that cannot be kept is asked for again the next time: no error. */
static void write_cache(const char *directory, const char *path, const char *key,
			const char *reason)
{
	CLEANUP_JSON json_t *json = json_object();
	struct error ignored = {0};

	json_put_string(json, "key", key);
	json_put_string(json, "reason", reason);
	if (directory_make(directory, 0755, &ignored) == 0)
		json_write_file(path, json, 0644, &ignored);
}

static int probe(const char *kernel, struct error *err)
{
	CLEANUP_CLOSE int initramfs = make_initramfs(err);

	return initramfs < 0 ? -1 : boot_kernel(kernel, initramfs, err);
}

static char *default_directory(void)
{
	return geteuid() == 0 ? xstrdup("/run/coldpatch")
			      : xasprintf("/run/user/%u/coldpatch", geteuid());
}

/* What is quickly seen is looked at every time; only what a boot has shown is kept. */
int kvm_usable(const char *cache_dir, struct error *err)
{
	CLEANUP_FREE char *directory = cache_dir ? xstrdup(cache_dir) : default_directory();
	CLEANUP_FREE char *path = path_join(directory, "kvm.json");
	CLEANUP_FREE char *key = NULL;
	CLEANUP_HOST_KERNEL struct host_kernel kernel = {0};
	CLEANUP_FREE char *reason = NULL;
	int result;

	if (access("/dev/kvm", R_OK | W_OK) != 0)
		return error_set(err, ERROR_HOST, "/dev/kvm: %s", strerror(errno));
	if (host_kernel_find(&kernel, err) < 0)
		return error_prefix(err, "KVM cannot be tried");
	if (!(key = cache_key(&kernel, err)))
		return -1;
	if (read_cache(path, key, &reason))
		return reason ? error_set(err, ERROR_HOST, "%s", reason) : 0;
	result = probe(kernel.path, err);
	write_cache(directory, path, key, result < 0 ? err->msg : NULL);
	return result;
}
